# SPDX-License-Identifier: GPL-2.0-or-later
"""The area of interest: a polygon in a CRS, and how the map was turned when it was chosen."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsDistanceArea,
    QgsGeometry,
    QgsMapSettings,
    QgsMapToPixel,
    QgsPointXY,
    QgsProject,
)

from .errors import CrsUnknown, EmptyExtent

WGS84 = "EPSG:7030"
MEASURED_SHARE = 1 / 256
"""Only the middle of a frame is measured: its ends may lie beyond the Earth's edge."""


@dataclass(frozen=True)
class Frame:
    """A rectangle on the map that is upright on the screen."""

    centre: QgsPointXY
    width: float
    """Along the screen's horizontal, map units."""
    height: float
    rotation_deg: float
    """Clockwise turn of the map on the screen, as in ``QgsMapSettings.rotation()``."""


@dataclass(frozen=True)
class Aoi:
    """An area of interest."""

    polygon: QgsGeometry
    crs: QgsCoordinateReferenceSystem
    rotation_deg: float = 0.0

    @classmethod
    def from_view(cls, settings: QgsMapSettings) -> Aoi:
        """What the map shows; a turned map gives a turned rectangle.

        Raises:
            EmptyExtent: the map has no extent, or one too large for QGIS to draw.
            CrsUnknown: the map has no CRS.
        """
        if not settings.hasValidSettings():
            raise EmptyExtent("the map's extent cannot be drawn")
        size = settings.outputSize()
        to_map = settings.mapToPixel().toMapCoordinatesF
        corners = [(0.0, 0.0), (size.width(), 0.0), (size.width(), size.height()), (0.0, size.height())]
        return cls.from_corners([to_map(x, y) for x, y in corners], settings)

    @classmethod
    def from_corners(cls, corners: list[QgsPointXY], settings: QgsMapSettings) -> Aoi:
        """A polygon with these corners in the map's CRS.

        Raises:
            EmptyExtent: the corners enclose no area.
            CrsUnknown: the map has no CRS.
        """
        crs = settings.destinationCrs()
        if not crs.isValid():
            raise CrsUnknown("the map has no CRS")
        polygon = QgsGeometry.fromPolygonXY([corners])
        if not polygon.area() > 0:
            raise EmptyExtent("the area has no width or no height")
        return cls(polygon, crs, settings.rotation())

    def frame(self) -> Frame:
        """The smallest rectangle around the polygon that is upright on the screen."""
        around = self.polygon.boundingBox().center()
        screen = QgsMapToPixel(1.0, around.x(), around.y(), 2, 2, self.rotation_deg)
        pixels = [screen.transform(QgsPointXY(vertex)) for vertex in self.polygon.vertices()]
        columns, rows = [p.x() for p in pixels], [p.y() for p in pixels]
        middle = screen.toMapCoordinatesF((min(columns) + max(columns)) / 2, (min(rows) + max(rows)) / 2)
        return Frame(middle, max(columns) - min(columns), max(rows) - min(rows), self.rotation_deg)

    def size_m(self) -> tuple[float, float]:
        """Width and height on the ground, metres, at the scale of the frame's middle.

        Raises:
            CrsUnknown: the middle is no place on the ground.
        """
        frame = self.frame()
        right, down = frame.width * MEASURED_SHARE / 2, frame.height * MEASURED_SHARE / 2
        screen = QgsMapToPixel(1.0, frame.centre.x(), frame.centre.y(), 2, 2, frame.rotation_deg)
        along = [(1 - right, 1.0), (1 + right, 1.0)]
        across = [(1.0, 1 - down), (1.0, 1 + down)]
        ruler = ruler_for(self.crs)
        width, height = (
            ruler.measureLine([screen.toMapCoordinatesF(x, y) for x, y in line]) / MEASURED_SHARE
            for line in (along, across)
        )
        if not (math.isfinite(width) and math.isfinite(height) and min(width, height) > 0):
            raise CrsUnknown("nothing can be measured here", crs=self.crs.userFriendlyIdentifier())
        return width, height


def ruler_for(
    crs: QgsCoordinateReferenceSystem, context: QgsCoordinateTransformContext | None = None
) -> QgsDistanceArea:
    """Measures in metres, on the CRS's own ellipsoid where it is a registered one, else on WGS 84.

    With an ellipsoid given by its axes, QGIS 3.22 measures nothing (NaN). Without a context it is the
    project's, which only the GUI thread may ask.
    """
    acronym = crs.ellipsoidAcronym()
    ruler = QgsDistanceArea()
    ruler.setSourceCrs(crs, context or QgsProject.instance().transformContext())
    ellipsoid = WGS84 if not acronym or acronym.startswith("PARAMETER") else acronym
    if not ruler.setEllipsoid(ellipsoid):
        raise CrsUnknown("QGIS does not know the ellipsoid", ellipsoid=ellipsoid)
    return ruler
