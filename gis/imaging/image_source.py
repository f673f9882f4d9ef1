# SPDX-License-Identifier: GPL-2.0-or-later
"""Where an image of a question comes from; which part of it is shown to the model, the AOI says."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qgis.core import QgsDateTimeRange, QgsMapSettings, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QCoreApplication

from ...model_backend.chip import ChipKind
from ..errors import ImageGone
from .capture import Capture
from .image_date import begin_of, date_of_layer, date_of_view, fixed_range_of
from .layer_bands import LayerBands
from .raster_source import RasterSource

TRUE_COLOUR = ("red", "green", "blue")


@dataclass(frozen=True)
class ImageSource:
    """A view of the map, or a raster layer."""

    title: str
    """For people: a layer, a map theme, a frame's date, or the map view."""
    view: QgsMapSettings
    """What is drawn for chips as shown: layers, styles, temporal range, scale. It holds its layers weakly."""
    raster: RasterSource | None = None
    """What training-grade chips are cut from instead; None means as shown."""
    date: str | None = None
    """ISO date: what the user gave, else what is known; None takes what the chip's own maker knows."""

    @property
    def kind(self) -> ChipKind:
        """Which chips are made of it."""
        return ChipKind.AS_SHOWN if self.raster is None else ChipKind.TRAINING_GRADE

    @classmethod
    def of_map(cls, view: QgsMapSettings) -> ImageSource:
        """What the map shows."""
        title = QCoreApplication.translate("LSpace", "Map view")
        return cls(title, QgsMapSettings(view), date=date_of_view(view))

    @classmethod
    def of_theme(cls, name: str, view: QgsMapSettings, project: QgsProject) -> ImageSource:
        """The layers and styles of a map theme, for the rest as the map.

        Raises:
            ImageGone: the project has no such theme.
        """
        themes = project.mapThemeCollection()
        if not themes.hasMapTheme(name):
            raise ImageGone("no such map theme", name=name)
        settings = QgsMapSettings(view)
        settings.setLayers(themes.mapThemeVisibleLayers(name))
        settings.setLayerStyleOverrides(themes.mapThemeStyleOverrides(name))
        return cls(name, settings, date=date_of_view(settings))

    @classmethod
    def of_frame(cls, moment: QgsDateTimeRange, view: QgsMapSettings) -> ImageSource:
        """What the map shows of a moment in time."""
        settings = QgsMapSettings(view)
        settings.setIsTemporal(True)
        settings.setTemporalRange(moment)
        date = begin_of(moment)
        return cls(date or "", settings, date=date)

    @classmethod
    def of_capture(cls, capture: Capture) -> ImageSource:
        """What the map showed when it was captured.

        Raises:
            ImageGone: a layer of it is no longer there.
        """
        for name in capture.missing_layers():
            raise ImageGone("a captured layer was removed", name=name)
        settings = QgsMapSettings(capture.view)
        return cls(capture.title, settings, date=date_of_view(settings))

    @classmethod
    def of_layer(cls, layer: QgsRasterLayer, view: QgsMapSettings) -> ImageSource:
        """One layer alone, as the map shows it; of its own moment in time, where it has one."""
        return cls(layer.name(), _only(layer, view), date=date_of_layer(layer))

    @classmethod
    def of_raster(cls, layer: QgsRasterLayer, view: QgsMapSettings) -> ImageSource:
        """Training-grade chips of a layer: of its red, green and blue band, where these are known.

        Raises:
            SourceUnreadable, CrsUnknown: as ``RasterSource.from_layer``.
        """
        raster = RasterSource.from_layer(layer)
        roles = LayerBands.of(layer).roles
        if roles.has(*TRUE_COLOUR):
            raster = replace(raster, bands=tuple(getattr(roles, role) for role in TRUE_COLOUR))
        return cls(layer.name(), _only(layer, view), raster, date_of_layer(layer))

    def dated(self, date: str | None) -> ImageSource:
        """The same with what the user says of its date; None says that it is not known."""
        raster = self.raster and replace(self.raster, date=date)
        return replace(self, date=date, raster=raster)


def _only(layer: QgsRasterLayer, view: QgsMapSettings) -> QgsMapSettings:
    settings = QgsMapSettings(view)
    settings.setLayers([layer])
    moment = fixed_range_of(layer)
    if moment is not None:
        settings.setIsTemporal(True)
        settings.setTemporalRange(moment)
    return settings
