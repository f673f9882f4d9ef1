# SPDX-License-Identifier: GPL-2.0-or-later
"""The grid of a scan: overlapping squares in UTM, zone by zone, that cover an area of any size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsGeometry,
    QgsRectangle,
    QgsUnitTypes,
)

from ...model_backend.contract import ChipGeometry
from ..aoi import Aoi
from ..errors import CrsUnknown
from ..imaging.training_chips import ChipSquare, starts_between, utm_zone_at
from ..reprojection import LONLAT, point_by_point
from .world_polygon import unrolled

OVERLAP = 0.2
"""Of a chip's side: what is no larger than this, a kilometre of 5, is whole in one chip at the least.

No ship, field or fire front of a model's training is; and a scan takes 1.6 times as many chips as a
grid without overlap, where a quarter would take 1.8 times as many.
"""
ZONE_DEG = 6.0
TURN_DEG = 360.0
_STEP_M = 5000.0
"""Between two points of an outline: so it strays by less than a pixel of 10 m from where it runs."""
_DEGREE_M = 111_320.0
"""Of a meridian, or of the equator."""


@dataclass(frozen=True)
class GridCell:
    """One chip of a scan."""

    index: int
    """From 0, in the grid with the squares that do not touch the AOI: so there are gaps."""
    row: int
    """From the north of its zone's part of the AOI, from 0."""
    column: int
    square: ChipSquare


@dataclass(frozen=True)
class ScanGrid:
    """The squares of a scan, none of them made before it is asked for; for any thread."""

    zones: tuple[ZoneGrid, ...]

    @classmethod
    def over(
        cls,
        aoi: Aoi,
        geometry: ChipGeometry,
        context: QgsCoordinateTransformContext,
        overlap: float = OVERLAP,
    ) -> ScanGrid:
        """Squares over the AOI; an AOI no wider than a UTM zone lies in one zone, that of its middle.

        A wider one is cut at the borders of the zones; there, too, squares overlap by the share.

        Args:
            overlap: with the next square, as a share of the side, at the least; 0 up to less than 1.

        Raises:
            NoUtmZone: a part of the AOI lies too near to a pole.
            CrsUnknown: the AOI cannot be brought into UTM.
        """
        lonlat = QgsCoordinateReferenceSystem(LONLAT)
        fine = aoi.polygon.densifyByDistance(_STEP_M * _units_per_metre(aoi.crs))
        on_globe = unrolled(point_by_point(fine, aoi.crs, lonlat, context))
        zones: list[ZoneGrid] = []
        for part in _parts(on_globe, overlap * geometry.side_m):
            middle = part.boundingBox().center()
            crs = utm_zone_at(middle.x(), middle.y())
            fine = part.densifyByDistance(_STEP_M / _DEGREE_M)
            outline = point_by_point(fine, lonlat, crs, context)
            first = zones[-1].first + zones[-1].size if zones else 0
            zones.append(ZoneGrid.around(outline, crs, geometry.side_m, overlap, first))
        return cls(tuple(zones))

    @property
    def size(self) -> int:
        """How many indices there are; not every one has a square."""
        return self.zones[-1].first + self.zones[-1].size

    def cells(self, start: int = 0) -> Iterator[GridCell]:
        """Those that touch the AOI, row by row from the north, from an index on."""
        for zone in self.zones:
            if start < zone.first + zone.size:
                yield from zone.cells(max(start - zone.first, 0))


@dataclass(frozen=True)
class ZoneGrid:
    """The squares in one UTM zone, metres."""

    outline: QgsGeometry
    """Of the AOI's part in the zone."""
    crs: QgsCoordinateReferenceSystem
    side: float
    lefts: tuple[float, ...]
    bottoms: tuple[float, ...]
    """From the north."""
    first: int
    """Index of the square in the north west, whether or not it touches the AOI."""

    @classmethod
    def around(
        cls,
        outline: QgsGeometry,
        crs: QgsCoordinateReferenceSystem,
        side: float,
        overlap: float,
        first: int,
    ) -> ZoneGrid:
        """From edge to edge of the outline, or one square around its middle."""
        box = outline.boundingBox()
        lefts = starts_between(box.xMinimum(), box.xMaximum(), side, overlap)
        bottoms = starts_between(box.yMinimum(), box.yMaximum(), side, overlap)[::-1]
        return cls(outline, crs, side, tuple(lefts), tuple(bottoms), first)

    @property
    def size(self) -> int:
        """Squares, with those beside the AOI."""
        return len(self.lefts) * len(self.bottoms)

    def cells(self, start: int) -> Iterator[GridCell]:
        """Those that touch the outline, from a place in this zone on."""
        engine = QgsGeometry.createGeometryEngine(self.outline.constGet())
        engine.prepareGeometry()
        columns = len(self.lefts)
        west, east = self.lefts[0], self.lefts[-1] + self.side
        for row in range(start // columns, len(self.bottoms)):
            bottom = self.bottoms[row]
            strip = QgsGeometry.fromRect(QgsRectangle(west, bottom, east, bottom + self.side))
            if not engine.intersects(strip.constGet()):
                continue
            for column in range(max(start - row * columns, 0), columns):
                left = self.lefts[column]
                extent = QgsRectangle(left, bottom, left + self.side, bottom + self.side)
                square = QgsGeometry.fromRect(extent)  # kept while GEOS looks at it
                if engine.intersects(square.constGet()):
                    index = self.first + row * columns + column
                    yield GridCell(index, row, column, ChipSquare(extent, self.crs))


def _parts(on_globe: QgsGeometry, shared_m: float) -> Iterator[QgsGeometry]:
    """The AOI, degrees, cut at the borders of UTM zones, each part with half of what is shared."""
    box = on_globe.boundingBox()
    # refused where there is no zone, and before a cosine becomes nothing
    utm_zone_at(0, box.yMinimum())
    utm_zone_at(0, box.yMaximum())
    if box.width() <= ZONE_DEG:
        yield on_globe
        return
    farthest = max(abs(box.yMinimum()), abs(box.yMaximum()))
    beyond = shared_m / 2 / (_DEGREE_M * math.cos(math.radians(farthest)))
    endless = _all_around(on_globe) if box.width() + 2 * beyond >= TURN_DEG else on_globe
    for zone in range(math.floor(box.xMinimum() / ZONE_DEG), math.ceil(box.xMaximum() / ZONE_DEG)):
        west, east = zone * ZONE_DEG, (zone + 1) * ZONE_DEG
        if on_globe.intersection(_strip(west, east)).area() > 0:
            yield endless.intersection(_strip(west - beyond, east + beyond))


def _all_around(on_globe: QgsGeometry) -> QgsGeometry:
    """The AOI, degrees, with as much of it again on either side: where it ends it begins."""
    turns = [QgsGeometry(on_globe) for _ in range(3)]
    for turn, shift in zip(turns, (-TURN_DEG, 0.0, TURN_DEG)):
        if turn.translate(shift, 0) != QgsGeometry.OperationResult.Success:
            raise CrsUnknown("the area cannot be moved", shift=shift)
    return QgsGeometry.unaryUnion(turns)


def _strip(west: float, east: float) -> QgsGeometry:
    return QgsGeometry.fromRect(QgsRectangle(west, -90, east, 90))


def _units_per_metre(crs: QgsCoordinateReferenceSystem) -> float:
    return QgsUnitTypes.fromUnitToUnitFactor(QgsUnitTypes.DistanceUnit.DistanceMeters, crs.mapUnits())
