# SPDX-License-Identifier: GPL-2.0-or-later
"""Chooses a raster layer, and says which of its bands is which; the user can put that right."""

from __future__ import annotations

from qgis.core import QgsMapLayerProxyModel, QgsProviderRegistry, QgsRasterLayer
from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtCore import QSignalBlocker, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QDoubleSpinBox, QToolButton, QWidget

from ...gis.evidence.spectral_image import SpectralImage
from ...gis.evidence.spectral_index import INDICES
from ...gis.imaging.band_roles import ROLES, BandRoles, Sensor
from ...gis.imaging.layer_bands import LayerBands, band_names
from ..parts import fill_column, form, make_narrow, narrow_combo, quiet_label, row

GREATEST_OFFSET = 100_000.0


class ImageBands(QWidget):
    """One image of the evidence: a layer, a line about its bands, and a form behind a button."""

    changed = pyqtSignal()
    """Another layer, or other bands."""

    def __init__(self, allows_none: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.layer_combo = self._layer_combo(allows_none)
        self.bands_button = QToolButton()
        self.bands_button.setText(self.tr("Bands"))
        self.bands_button.setArrowType(Qt.ArrowType.RightArrow)
        self.bands_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.bands_button.setCheckable(True)
        self.bands_button.setToolTip(self.tr("Say which band is which (Space)"))
        self.bands_button.toggled.connect(self._unfold)
        self.roles_label = quiet_label()
        self.details = self._details()
        self.details.hide()
        fill_column(self, row(self.layer_combo, self.bands_button), self.roles_label, self.details)
        self._show_layer()

    def layer(self) -> QgsRasterLayer | None:
        """The chosen layer."""
        return self.layer_combo.currentLayer()

    def image(self) -> SpectralImage | None:
        """The chosen layer with its bands; raises ``RasterUnusable`` if its pixels cannot be measured."""
        layer = self.layer()
        if layer is None:
            return None
        bands = self._bands()
        return SpectralImage.from_layer(layer, bands.roles, bands.offset)

    # how it is built

    def _layer_combo(self, allows_none: bool) -> QgsMapLayerComboBox:
        combo = QgsMapLayerComboBox()
        make_narrow(combo)
        combo.setFilters(QgsMapLayerProxyModel.Filter.RasterLayer)
        providers = QgsProviderRegistry.instance().providerList()
        combo.setExcludedProviders([provider for provider in providers if provider != "gdal"])
        combo.setToolTip(self.tr("Raster layers from files: a map service has no bands to measure"))
        if allows_none:
            combo.setAllowEmptyLayer(True, self.tr("none"))
            combo.setCurrentIndex(0)
        # not layerChanged: nothing is told where the list goes on to another layer by itself
        combo.currentIndexChanged.connect(self._show_layer)
        return combo

    def _details(self) -> QWidget:
        part = QWidget()
        rows = form(part)
        self.sensor_combo = narrow_combo()
        self.sensor_combo.addItem(self.tr("their names"), None)
        self.sensor_combo.addItem(self.tr("Sentinel-2"), Sensor.SENTINEL_2)
        self.sensor_combo.addItem(self.tr("Landsat 8 or 9"), Sensor.LANDSAT_8_9)
        self.sensor_combo.setToolTip(self.tr("Numbers such as B5 mean another colour on each satellite"))
        self.sensor_combo.activated.connect(self._guess)
        rows.addRow(self.tr("Guess from"), self.sensor_combo)
        self.role_combos: dict[str, QComboBox] = {role: narrow_combo() for role in ROLES}
        for role, combo in self.role_combos.items():
            combo.activated.connect(self._correct)
            combo.setToolTip(self.tr("Which band of the layer this is; without it some indices are left out"))
            rows.addRow(self._role_words()[role], combo)
        self.offset_spin = QDoubleSpinBox()
        self.offset_spin.setRange(-GREATEST_OFFSET, GREATEST_OFFSET)
        self.offset_spin.setDecimals(0)
        self.offset_spin.setKeyboardTracking(False)
        self.offset_spin.setToolTip(
            self.tr(
                "Added to the numbers of the file, so that 0 means no light, unless the file has an offset "
                "of its own. -1000 for Sentinel-2 as delivered since 2022, -7273 for Landsat Collection 2."
            )
        )
        self.offset_spin.valueChanged.connect(self._correct)
        rows.addRow(self.tr("Offset"), self.offset_spin)
        return part

    def _role_words(self) -> dict[str, str]:
        return {
            "blue": self.tr("Blue"),
            "green": self.tr("Green"),
            "red": self.tr("Red"),
            "nir": self.tr("Near infrared"),
            "swir16": self.tr("SWIR 1.6 µm"),
            "swir22": self.tr("SWIR 2.2 µm"),
        }

    # what happens

    def _unfold(self, unfolded: bool) -> None:
        arrow = Qt.ArrowType.DownArrow if unfolded else Qt.ArrowType.RightArrow
        self.bands_button.setArrowType(arrow)
        self.details.setVisible(unfolded)

    def _show_layer(self) -> None:
        layer = self.layer()
        self.bands_button.setEnabled(layer is not None)
        if layer is None:
            self.bands_button.setChecked(False)
        names = band_names(layer) if layer else ()
        for combo in self.role_combos.values():
            combo.clear()
            combo.addItem(self.tr("none"), None)
            for number, name in enumerate(names, start=1):
                combo.addItem(name.text, number)
        self.sensor_combo.setCurrentIndex(0)
        self._show_bands(LayerBands.of(layer) if layer else LayerBands(BandRoles()))

    def _guess(self) -> None:
        layer = self.layer()
        if layer is None:
            return
        guessed = LayerBands.guessed(layer, self.sensor_combo.currentData())
        self._show_bands(LayerBands(guessed.roles, self.offset_spin.value()))
        self._bands().keep_with(layer)

    def _correct(self) -> None:
        layer = self.layer()
        if layer is not None:
            self._bands().keep_with(layer)
        self._show_roles()

    def _bands(self) -> LayerBands:
        roles = {role: combo.currentData() for role, combo in self.role_combos.items()}
        return LayerBands(BandRoles(**roles), self.offset_spin.value())

    def _show_bands(self, bands: LayerBands) -> None:
        for role, combo in self.role_combos.items():
            combo.setCurrentIndex(max(combo.findData(getattr(bands.roles, role)), 0))
        with QSignalBlocker(self.offset_spin):
            self.offset_spin.setValue(bands.offset)
        self._show_roles()

    def _show_roles(self) -> None:
        roles = self._bands().roles
        known = ", ".join(f"{role} {getattr(roles, role)}" for role in ROLES if roles.has(role))
        indices = ", ".join(index.name for index in INDICES if roles.has(index.high, index.low))
        if not known:
            text = self.tr("Its bands do not say what they are. Name them under Bands.")
        elif indices:
            text = self.tr("{bands}: good for {indices}").format(bands=known, indices=indices)
        else:
            text = self.tr("{bands}: not enough for any index").format(bands=known)
        self.roles_label.setText(text)
        self.roles_label.setVisible(self.layer() is not None)
        self.changed.emit()
