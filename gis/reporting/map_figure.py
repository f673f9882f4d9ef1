# SPDX-License-Identifier: GPL-2.0-or-later
"""The map of a report, drawn off the GUI thread: the canvas's layers around the areas asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFillSymbol,
    QgsGeometry,
    QgsMapLayer,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsRectangle,
    QgsSimpleLineSymbolLayer,
    QgsSingleSymbolRenderer,
    QgsVectorLayer,
)
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, QSize, QSizeF, pyqtSignal
from qgis.PyQt.QtGui import QColor, QImage

from ..errors import CrsUnknown, LayerRejected, RenderFailed
from ..imaging.map_settings import picture_settings
from ..layers import is_result_layer
from ..reprojection import LONLAT, reprojected
from .report import Report

SIZE_MM = QSizeF(180.0, 110.0)
"""On paper."""
DPI = 200.0
MARGIN = 1.15
"""The map's sides are so many times those of what it shows."""
MM_PER_INCH = 25.4
_CASING, _LINE = "16,20,24,190", QColor(255, 255, 255)


@dataclass(frozen=True)
class MapPicture:
    """A drawn map and where it lies; north of its CRS is up."""

    image: QImage
    extent: QgsRectangle
    """Of the whole image."""
    crs: QgsCoordinateReferenceSystem
    credits: tuple[str, ...]
    """What the layers' makers want to read below them."""
    shows_proposals: bool
    """Whether a layer of proposals was switched on."""
    incomplete: tuple[str, ...]
    """Names of layers that could not be drawn completely."""


class MapFigureJob(QObject):
    """Draws the map of one report; told by one of the signals, unless given up."""

    made = pyqtSignal(object)
    """A ``MapPicture``."""
    failed = pyqtSignal(object)
    """A ``PluginError``."""

    def __init__(self, view: QgsMapSettings, report: Report, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._view = view
        self._report = report
        self._layers: list[QgsMapLayer] = []
        """Map settings hold layers weakly."""
        self._settings: QgsMapSettings | None = None
        self._job: QgsMapRendererParallelJob | None = None

    def start(self) -> None:
        """Begins to draw.

        Raises:
            RenderFailed: there is no map, or none of the areas has a place on it.
        """
        shapes = _shapes_of(self._report, self._view.destinationCrs())
        outlines = _outline_layer(shapes, self._view.destinationCrs())
        self._layers = [outlines, *self._view.layers()]
        self._settings = _settings_for(self._view, self._layers, _extent_of(shapes, self._report, self._view))
        self._job = QgsMapRendererParallelJob(self._settings)
        self._job.finished.connect(self._on_rendered)
        self._job.start()

    def give_up(self) -> None:
        """Stops drawing; no signal follows."""
        self.blockSignals(True)
        if self._job is not None:
            self._job.cancelWithoutBlocking()

    def _on_rendered(self) -> None:
        if self.signalsBlocked():
            return
        image = self._job.renderedImage()
        if image.isNull():
            self.failed.emit(RenderFailed("QGIS returned no picture"))
            return
        if any(map(sip.isdeleted, self._layers)):
            self.failed.emit(RenderFailed("a layer was removed while it was drawn"))
            return
        layers = self._layers[1:]
        self.made.emit(
            MapPicture(
                image=image.convertToFormat(QImage.Format.Format_RGB32),
                extent=self._settings.visibleExtent(),
                crs=self._settings.destinationCrs(),
                credits=_credits_of(layers),
                shows_proposals=any(map(is_result_layer, layers)),
                incomplete=self._incomplete(layers),
            )
        )

    def _incomplete(self, layers: Sequence[QgsMapLayer]) -> tuple[str, ...]:
        failed = {error.layerID for error in self._job.errors()}
        return tuple(layer.name() for layer in layers if layer.id() in failed or not layer.isValid())


def _shapes_of(report: Report, crs: QgsCoordinateReferenceSystem) -> list[QgsGeometry]:
    shapes = []
    for area in report.areas:
        try:
            shapes.append(reprojected(area.aoi.polygon, area.aoi.crs, crs))
        except CrsUnknown:
            continue
    return shapes


def _extent_of(shapes: Sequence[QgsGeometry], report: Report, view: QgsMapSettings) -> QgsRectangle:
    """Around the areas and the proposals, or else what the map shows."""
    extent = QgsRectangle()
    for shape in (*shapes, *_outlines_of(report, view.destinationCrs())):
        extent.combineExtentWith(shape.boundingBox())
    if extent.isEmpty():
        extent = view.visibleExtent()
    if extent.isEmpty() or not extent.isFinite():
        raise RenderFailed("nothing to draw a map of")
    return extent.buffered(max(extent.width(), extent.height()) * (MARGIN - 1) / 2)


def _outlines_of(report: Report, crs: QgsCoordinateReferenceSystem) -> list[QgsGeometry]:
    """One rectangle around all proposals: ten thousand need not be moved one by one."""
    around = QgsRectangle()
    for proposal in report.proposals:
        if proposal.outline is not None:
            around.combineExtentWith(proposal.outline.boundingBox())
    if around.isEmpty():
        return []
    try:
        return [reprojected(QgsGeometry.fromRect(around), QgsCoordinateReferenceSystem(LONLAT), crs)]
    except CrsUnknown:
        return []


def _settings_for(
    view: QgsMapSettings, layers: Sequence[QgsMapLayer], extent: QgsRectangle
) -> QgsMapSettings:
    size = QSize(*(round(side / MM_PER_INCH * DPI) for side in (SIZE_MM.width(), SIZE_MM.height())))
    settings = picture_settings(view, layers, size, QColor(255, 255, 255))
    settings.setRotation(0.0)
    settings.setOutputDpi(DPI)
    settings.setExtent(extent)
    if not settings.hasValidSettings():
        raise RenderFailed("the map cannot be drawn at this size")
    return settings


def _outline_layer(shapes: Sequence[QgsGeometry], crs: QgsCoordinateReferenceSystem) -> QgsVectorLayer:
    """The areas as a layer of its own: on the canvas they are no layer."""
    layer = QgsVectorLayer("MultiPolygon", "areas", "memory")
    layer.setCrs(crs)
    features = []
    for shape in shapes:
        feature = QgsFeature()
        feature.setGeometry(shape)
        features.append(feature)
    if not layer.isValid() or not layer.dataProvider().addFeatures(features)[0]:
        raise LayerRejected(layer="areas", crs=crs.userFriendlyIdentifier())
    layer.setRenderer(QgsSingleSymbolRenderer(_outline_symbol()))
    return layer


def _outline_symbol() -> QgsFillSymbol:
    """A light line on a dark one is seen on any imagery."""
    symbol = QgsFillSymbol.createSimple({"style": "no", "outline_color": _CASING, "outline_width": "1.1"})
    # given as a list, the layers of a symbol would be deleted with the list
    if not symbol.appendSymbolLayer(QgsSimpleLineSymbolLayer(_LINE, 0.5)):
        raise RenderFailed("QGIS would not take the outline's line")
    return symbol


def _credits_of(layers: Sequence[QgsMapLayer]) -> tuple[str, ...]:
    credits = [words for layer in layers for words in (_attribution_of(layer), *layer.metadata().rights())]
    return tuple(dict.fromkeys(words for words in credits if words))


def _attribution_of(layer: QgsMapLayer) -> str:
    # QGIS 3.38 moved it
    holder = layer if Qgis.QGIS_VERSION_INT < 33800 else layer.serverProperties()
    return holder.attribution()
