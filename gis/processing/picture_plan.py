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
    QgsMapSettings,
    QgsPointXY,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QCoreApplication, QThread

from ...model_backend.chip import ChipKind
from ...model_backend.contract import ChipGeometry
from ..aoi import Aoi
from ..imaging.chip import ChipSet, MadeChip
from ..imaging.image_source import ImageSource
from ..imaging.training_chips import ChipSquare, cut_chip, plan_squares, utm_zone_at
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
    layers: tuple[QgsRasterLayer, ...]
    """Copies that belong to no thread yet; none where the files are read without QGIS."""

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
            sources = tuple(ImageSource.of_raster(layer, view) for layer in layers)
            return cls(sources, kind, geometry, ())
        copies = tuple(layer.clone() for layer in layers)
        sources = tuple(ImageSource.of_layer(copy, view) for copy in copies)
        for copy in copies:
            copy.moveToThread(None)
        return cls(sources, kind, geometry, copies)

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
        if isinstance(spot, Aoi):
            return draw_chip(source, spot, self.geometry, is_cancelled)
        made = cut_chip(source.raster, spot, self.geometry)
        return replace(made, chip=replace(made.chip, date=source.date or made.chip.date))


def _square_around(aoi: Aoi, side: float, context: QgsCoordinateTransformContext) -> ChipSquare:
    lonlat = QgsCoordinateReferenceSystem(LONLAT)
    middle = QgsGeometry.fromPointXY(QgsPointXY(aoi.frame().centre))
    degrees = point_by_point(middle, aoi.crs, lonlat, context).asPoint()
    crs = utm_zone_at(degrees.x(), degrees.y())
    centre = point_by_point(middle, aoi.crs, crs, context).asPoint()
    return ChipSquare(QgsRectangle.fromCenterAndSize(centre, side, side), crs)
