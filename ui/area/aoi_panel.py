# SPDX-License-Identifier: GPL-2.0-or-later
"""The area of interest: where it comes from, how large it is, and its outline on the map."""

from __future__ import annotations

from dataclasses import replace

from qgis.core import QgsMapLayer, QgsMapLayerProxyModel, QgsPointXY, QgsProject, QgsRectangle, QgsVectorLayer
from qgis.gui import QgsMapCanvas, QgsMapLayerComboBox
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QSignalBlocker, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QIcon, QKeyEvent
from qgis.PyQt.QtWidgets import QLabel, QToolButton, QWidget

from ...gis.aoi import Aoi
from ...gis.errors import ChipError, CrsUnknown, EmptyExtent
from ...gis.layers import is_result_layer
from ...gis.saved_aoi import AoiSource, SavedAoi
from ..icons import icon_path
from ..measures import sides_words
from ..parts import column, form, make_narrow, narrow_combo, quiet_label, row
from ..words import sentence_for, tr
from .aoi_marker import AoiMarker
from .drawing_buttons import DrawingButtons

REST_MS = 100
"""The map has to rest this long before the area counts as changed."""
MARGIN = 1.1
"""How much more than the area is shown when zooming to it."""
LONGEST_MEASURED_M = 1e6
"""With a longer side no number of hectares is told."""


class AoiPanel(QWidget):
    """One row for the source, one for its layer where it needs one, and the size or what is wrong."""

    changed = pyqtSignal()
    """The area may be another one, or there is none any more."""

    def __init__(self, canvas: QgsMapCanvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._project = QgsProject.instance()
        self._saved = SavedAoi()
        self._hint = self._words = ""
        self._watched: QgsMapLayer | None = None
        self._is_shut_down = False
        self._marker = AoiMarker(canvas)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._refresh)
        self._build()
        self._connect()
        self._restore()

    def source(self) -> AoiSource:
        """Where the area comes from."""
        return AoiSource(self.source_combo.currentData())

    def layer(self) -> QgsMapLayer | None:
        """The layer that the area comes from, if it comes from one."""
        return self.layer_combo.currentLayer() if self.source().needs_layer else None

    def aoi(self) -> Aoi:
        """The area as it is now.

        Raises:
            ChipError: there is none; which one, and why, as in ``Aoi``.
        """
        source, layer = self.source(), self.layer()
        if source is AoiSource.VIEW:
            return Aoi.from_view(self._canvas.mapSettings())
        if source is AoiSource.DRAWN:
            if self._saved.drawn is None:
                raise EmptyExtent("nothing is drawn", reason="not drawn")
            return self._saved.drawn
        if layer is None:
            raise EmptyExtent("no layer is chosen", reason="no layer")
        make = Aoi.from_features if source is AoiSource.FEATURES else Aoi.from_layer_extent
        return make(layer, self._canvas.rotation())

    def set_aoi(self, aoi: Aoi) -> None:
        """Takes this area as if it had been drawn."""
        self._saved = replace(self._saved, drawn=aoi)
        self.choose_source(AoiSource.DRAWN)

    def choose_source(self, source: AoiSource) -> None:
        """Takes the area from there, as if the user had chosen it."""
        with QSignalBlocker(self.source_combo):
            self._select(source)
        self._on_source_chosen()

    def zoom_to_area(self) -> None:
        """Shows all of the area on the map."""
        try:
            frame = self.aoi().on_map(self._canvas.mapSettings()).frame()
        except ChipError as error:
            self.size_label.setText(sentence_for(error))
            return
        size = (frame.width * MARGIN, frame.height * MARGIN)
        self._canvas.setExtent(QgsRectangle.fromCenterAndSize(frame.centre, *size))
        self._canvas.refresh()

    def shut_down(self) -> None:
        """Takes everything off the map and listens no more; once is enough, twice does no harm."""
        if self._is_shut_down:
            return
        self._is_shut_down = True
        self._rest.stop()
        self._watch(None)
        for signal, slot in self._signals():
            signal.disconnect(slot)
        if not sip.isdeleted(self._canvas):
            self.drawing.shut_down()
            self._marker.remove()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """While a shape is drawn, its keys work here too: the click on the button brought the focus here."""
        if not self.drawing.take_key(event.key()):
            super().keyPressEvent(event)

    # how it is built

    def _build(self) -> None:
        self.source_combo = narrow_combo()
        for source, title in self._titles().items():
            self.source_combo.addItem(title, source.value)
        self.source_combo.setToolTip(self.tr("Where the area comes from"))
        self.layer_combo = QgsMapLayerComboBox()
        make_narrow(self.layer_combo)
        self.layer_combo.setToolTip(self.tr("The layer that the area comes from"))
        self.layer_combo.setAccessibleName(self.tr("Layer of the area"))
        self.drawing = DrawingButtons(self._canvas)
        self.zoom_button = QToolButton()
        self.zoom_button.setIcon(QIcon(icon_path("aoi_zoom")))
        self.zoom_button.setText(self.tr("Zoom to the area"))
        self.zoom_button.setToolTip(self.tr("Zoom to the area"))
        self.zoom_button.setAutoRaise(True)
        self.size_label = quiet_label()
        title = QLabel(self.tr("&Area"))
        title.setBuddy(self.source_combo)
        rows = form(self)
        rows.addRow(
            title,
            column(
                row(self.source_combo, self.drawing, self.zoom_button),
                self.layer_combo,
                self.size_label,
            ),
        )
        self.setWhatsThis(
            self.tr(
                "The area that the model looks at: what the map shows, a rectangle or polygon that you draw, "
                "the selected polygons of a layer, or all of a layer. A yellow line marks it on the map. It "
                "is saved with the project."
            )
        )

    def _titles(self) -> dict[AoiSource, str]:
        return {
            AoiSource.VIEW: self.tr("Map view"),
            AoiSource.DRAWN: self.tr("Drawn shape"),
            AoiSource.FEATURES: self.tr("Selected features"),
            AoiSource.EXTENT: self.tr("Extent of a layer"),
        }

    def _connect(self) -> None:
        self.source_combo.currentIndexChanged.connect(self._on_source_chosen)
        self.layer_combo.activated.connect(self._keep)
        self.zoom_button.clicked.connect(self.zoom_to_area)
        self.drawing.drawn.connect(self._on_drawn)
        self.drawing.given_up.connect(self._on_given_up)
        self.drawing.hinted.connect(self._on_hinted)
        for signal, slot in self._signals():
            signal.connect(slot)

    def _signals(self) -> list[tuple]:
        """Those that come without the user's doing, each with its slot."""
        project = [
            (self.layer_combo.layerChanged, self._on_layer_changed),
            (self._project.readProject, self._restore),
            (self._project.cleared, self._restore),
            (self._project.layersAdded, self._offer_layers),
            (self._project.layersRemoved, self._on_layers_removed),
        ]
        if sip.isdeleted(self._canvas):
            return project
        return [
            *project,
            (self._canvas.extentsChanged, self._on_extent_changed),
            (self._canvas.rotationChanged, self._refresh_soon),
            (self._canvas.destinationCrsChanged, self._on_crs_changed),
        ]

    # what is chosen

    def _select(self, source: AoiSource) -> None:
        self.source_combo.setCurrentIndex(self.source_combo.findData(source.value))

    def _on_source_chosen(self) -> None:
        source = self.source()
        self.drawing.stop()
        self._offer_layers()
        if source.needs_layer:
            self._prefer_active_layer()
        self._keep()
        if source is AoiSource.DRAWN and self._saved.drawn is None:
            self.drawing.draw_rectangle()
        self._refresh()

    def _offer_layers(self) -> None:
        """Polygon layers for features; for an extent any layer that lies somewhere, but not our results."""
        kinds = QgsMapLayerProxyModel.Filter
        if self.source() is AoiSource.FEATURES:
            self.layer_combo.setExceptedLayerList([])
            self.layer_combo.setFilters(kinds.PolygonLayer)
            return
        layers = self._project.mapLayers().values()
        self.layer_combo.setExceptedLayerList([layer for layer in layers if is_result_layer(layer)])
        flags = type(self.layer_combo.filters())  # renamed in QGIS 3.34, where two kinds joined are an int
        places = flags(kinds.HasGeometry) | kinds.RasterLayer | kinds.MeshLayer
        self.layer_combo.setFilters(places | kinds.VectorTileLayer | kinds.PointCloudLayer)

    def _prefer_active_layer(self) -> None:
        active = self._canvas.currentLayer()
        offered = [self.layer_combo.layer(index) for index in range(self.layer_combo.count())]
        if active is not None and active in offered:
            self.layer_combo.setLayer(active)

    def _keep(self) -> None:
        layer = self.layer()
        layer_id = "" if layer is None else layer.id()
        self._saved = replace(self._saved, source=self.source(), layer_id=layer_id)
        self._saved.write_to(self._project)

    def _restore(self) -> None:
        """Shows what the project keeps."""
        self._saved = SavedAoi.read_from(self._project)
        self.drawing.stop()
        with QSignalBlocker(self.source_combo):
            self._select(self._saved.source)
        self._offer_layers()
        if self._saved.layer_id:
            self.layer_combo.setLayer(self._project.mapLayer(self._saved.layer_id))
        self._refresh()

    # what happens

    def _on_drawn(self, corners: list[QgsPointXY]) -> None:
        try:
            aoi = Aoi.from_corners(corners, self._canvas.mapSettings())
        except (EmptyExtent, CrsUnknown) as error:
            self._on_hinted(sentence_for(error))
            return
        self.set_aoi(aoi)

    def _on_given_up(self) -> None:
        self.drawing.stop()
        if self.source() is AoiSource.DRAWN and self._saved.drawn is None:
            self.choose_source(AoiSource.VIEW)

    def _on_hinted(self, hint: str) -> None:
        self._hint = hint
        self.size_label.setText(hint or self._words)

    def _on_layer_changed(self) -> None:
        if self.source().needs_layer:
            self._refresh()

    def _on_layers_removed(self) -> None:
        """The list goes on to another layer by itself; the area does not."""
        self._offer_layers()
        if self._watched is not None and sip.isdeleted(self._watched):
            self.layer_combo.setLayer(None)
            self._refresh_soon()

    def _on_extent_changed(self) -> None:
        if self.source() is AoiSource.VIEW:
            self._refresh_soon()

    def _on_crs_changed(self) -> None:
        self.drawing.forget()  # its corners were in the former CRS
        self._refresh_soon()

    def _refresh_soon(self) -> None:
        self._rest.start()

    def _refresh(self) -> None:
        self._rest.stop()
        self._watch(self.layer())
        self.layer_combo.setVisible(self.source().needs_layer)
        try:
            aoi = self.aoi()
        except ChipError as error:
            self._show(None, sentence_for(error))
        else:
            self._show(aoi, _size_words(aoi))
        self.changed.emit()

    def _show(self, aoi: Aoi | None, words: str) -> None:
        marked = None if self.source() is AoiSource.VIEW else aoi
        self._marker.show(marked)
        self.zoom_button.setEnabled(marked is not None)
        self._words = words
        self._on_hinted(self._hint)

    def _watch(self, layer: QgsMapLayer | None) -> None:
        """Follows that layer and no other."""
        former, self._watched = self._watched, layer
        if former is layer:
            return
        if former is not None and not sip.isdeleted(former):
            for signal in _news_of(former):
                signal.disconnect(self._refresh_soon)
        if layer is not None:
            for signal in _news_of(layer):
                signal.connect(self._refresh_soon)


def _news_of(layer: QgsMapLayer) -> list:
    """The signals after which a layer may hold another area."""
    news = [layer.dataChanged, layer.crsChanged]
    if isinstance(layer, QgsVectorLayer):
        news += [layer.selectionChanged, layer.layerModified]
    return news


def _size_words(aoi: Aoi) -> str:
    try:
        width, height = aoi.size_m()
        if max(width, height) > LONGEST_MEASURED_M:
            return sides_words(width, height)
        return tr("{sides}, {area}").format(sides=sides_words(width, height), area=_area(aoi.area_m2()))
    except CrsUnknown as error:
        return sentence_for(error)


def _area(area_m2: float) -> str:
    if area_m2 < 1e4:
        return tr("{area:.0f} m²").format(area=area_m2)
    if area_m2 < 1e8:
        return tr("{area:.0f} ha").format(area=area_m2 / 1e4)
    return tr("{area:.0f} km²").format(area=area_m2 / 1e6)
