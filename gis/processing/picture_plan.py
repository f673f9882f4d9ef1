# SPDX-License-Identifier: GPL-2.0-or-later
"""Which pictures an algorithm shows to the model: planned in the main thread, made in any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Union

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsGeometry,
    QgsMapLayer,
    QgsMapSettings,
    QgsPointXY,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QCoreApplication, QThread

from ...model_backend.chip import ChipKind
from ...model_backend.contract import ChipGeometry
from ..aoi import Aoi
from ..errors import MixedImages
from ..imaging.chip import ChipSet, MadeChip
from ..imaging.image_source import ImageSource
from ..imaging.training_chips import ChipSquare, cut_chip, plan_squares, utm_zone_at
from ..imaging.web_requests import WebRequests
from ..layers import is_result_layer
from ..reprojection import LONLAT, point_by_point
from .drawn_chip import draw_chip

Spot = Union[ChipSquare, Aoi]
"""Where a chip of either kind is made."""


@dataclass(frozen=True)
class Images:
    """The rasters of a question, the earlier first, apart from the project."""

    sources: tuple[ImageSource, ...]
    kind: ChipKind
    geometry: ChipGeometry
    layers: tuple[QgsMapLayer, ...]
    """Copies that belong to no thread yet; none where the files are read without QGIS."""
    requests: WebRequests | None = None
    """To the servers of these layers, where they are watched: a hole that a failure leaves is no picture."""

    @classmethod
    def of(
        cls,
        layers: Sequence[QgsRasterLayer],
        kind: ChipKind,
        geometry: ChipGeometry,
        context: QgsCoordinateTransformContext,
    ) -> Images:
        """For the main thread.

        Raises:
            SourceUnreadable, CrsUnknown: a layer does not suit training-grade chips.
        """
        view = QgsMapSettings()
        view.setTransformContext(context)
        view.setDestinationCrs(layers[-1].crs())
        if kind is ChipKind.TRAINING_GRADE:
            return cls.of_sources([ImageSource.of_raster(layer, view) for layer in layers], geometry)
        return cls.of_sources([ImageSource.of_layer(layer, view) for layer in layers], geometry)

    @classmethod
    def of_sources(cls, sources: Sequence[ImageSource], geometry: ChipGeometry) -> Images:
        """What the dock shows to the model, with copies of the layers that are drawn; for the main thread.

        Raises:
            MixedImages: one is as shown, another training grade.
        """
        kinds = {source.kind for source in sources}
        if len(kinds) > 1:
            raise MixedImages("one image as shown, another training grade")
        if kinds == {ChipKind.TRAINING_GRADE}:
            return cls(tuple(sources), ChipKind.TRAINING_GRADE, geometry, ())
        apart, layers = [], []
        for source in sources:
            view, copies = _apart(source.view)
            apart.append(replace(source, view=view))
            layers += copies
        requests = WebRequests(layers) if any("http" in layer.source() for layer in layers) else None
        if requests is not None:
            requests.watch()
        return cls(tuple(apart), ChipKind.AS_SHOWN, geometry, tuple(layers), requests)

    def dated(self, dates: Sequence[str]) -> Images:
        """The same with what the user says of their dates, ISO; empty leaves what is known."""
        sources = (source.dated(date) if date else source for source, date in zip(self.sources, dates))
        return replace(self, sources=tuple(sources))

    @property
    def crs(self) -> QgsCoordinateReferenceSystem:
        """Of the last raster."""
        return self.sources[-1].view.destinationCrs()

    def enter_thread(self) -> None:
        """The layers belong to this thread from now on."""
        for layer in self.layers:
            layer.moveToThread(QThread.currentThread())

    def leave_thread(self) -> None:
        """They belong to the main thread again, in which they may end."""
        for layer in self.layers:
            layer.moveToThread(QCoreApplication.instance().thread())

    def spots(self, aoi: Aoi) -> tuple[Spot, ...]:
        """The places that cover an area; for the main thread. Raises as ``plan_squares``."""
        return (aoi,) if self.kind is ChipKind.AS_SHOWN else tuple(plan_squares(aoi, self.geometry))

    def spot_around(self, aoi: Aoi, context: QgsCoordinateTransformContext) -> Spot:
        """One place with the area in its middle, in any thread.

        Raises:
            NoUtmZone, CrsUnknown: a training-grade chip has no place there.
        """
        return aoi if self.kind is ChipKind.AS_SHOWN else _square_around(aoi, self.geometry.side_m, context)

    def chips_at(self, spot: Spot, is_cancelled: Callable[[], bool]) -> ChipSet:
        """A chip of each image, between ``enter_thread`` and ``leave_thread``.

        Raises:
            ChipError: one of them cannot be made.
            RunCancelled: the user gave up.
        """
        return ChipSet(tuple(self._chip(source, spot, is_cancelled) for source in self.sources))

    def _chip(self, source: ImageSource, spot: Spot, is_cancelled: Callable[[], bool]) -> MadeChip:
        if self.kind is ChipKind.AS_SHOWN:
            area = spot if isinstance(spot, Aoi) else Aoi(QgsGeometry.fromRect(spot.extent), spot.crs)
            return draw_chip(source, area, self.geometry, is_cancelled, self.requests)
        made = cut_chip(source.raster, spot, self.geometry)
        return replace(made, chip=replace(made.chip, date=source.date or made.chip.date))


def _apart(view: QgsMapSettings) -> tuple[QgsMapSettings, list[QgsMapLayer]]:
    """The view with copies of its layers, our results left out, that belong to no thread yet; and these."""
    shown = [layer for layer in view.layers() if not is_result_layer(layer)]
    copies = [layer.clone() for layer in shown]
    names = {layer.id(): copy.id() for layer, copy in zip(shown, copies)}
    styles = view.layerStyleOverrides()
    settings = QgsMapSettings(view)
    settings.setLayers(copies)
    settings.setLayerStyleOverrides({names[old]: styles[old] for old in styles if old in names})
    for copy in copies:
        copy.moveToThread(None)
    return settings, copies


def _square_around(aoi: Aoi, side: float, context: QgsCoordinateTransformContext) -> ChipSquare:
    lonlat = QgsCoordinateReferenceSystem(LONLAT)
    middle = QgsGeometry.fromPointXY(QgsPointXY(aoi.frame().centre))
    degrees = point_by_point(middle, aoi.crs, lonlat, context).asPoint()
    crs = utm_zone_at(degrees.x(), degrees.y())
    centre = point_by_point(middle, aoi.crs, crs, context).asPoint()
    return ChipSquare(QgsRectangle.fromCenterAndSize(centre, side, side), crs)
