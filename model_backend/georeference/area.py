# SPDX-License-Identifier: GPL-2.0-or-later
"""Areas on the ellipsoid, whatever the CRS does to them."""

from __future__ import annotations

import math

import numpy as np
import shapely
from pyproj import CRS

from ..errors import GeoreferenceError
from .crs import ground_of, way_between

PIECES = 64
"""Straight pieces along the longer side, each taken for a geodesic."""


def geodesic_area_m2(shape: shapely.Polygon | shapely.MultiPolygon, crs: CRS) -> float:
    """Area of a shape of the CRS on the CRS's own ellipsoid, holes left out; right across the antimeridian.

    Karney (2013), Algorithms for geodesics, as PROJ has it.

    Raises:
        GeoreferenceError: the CRS has no longitude and latitude, or the shape lies beyond its bounds.
    """
    x_min, y_min, x_max, y_max = shape.bounds
    fine = shapely.segmentize(shape, max(x_max - x_min, y_max - y_min) / PIECES)
    area = 0.0
    for polygon in shapely.get_parts(fine):
        area += _ring_area_m2(polygon.exterior, crs)
        area -= sum(_ring_area_m2(hole, crs) for hole in polygon.interiors)
    if not (math.isfinite(area) and area > 0):
        raise GeoreferenceError(
            f"shape without an area on the ellipsoid of {crs.name}: {area}", bounds=list(shape.bounds)
        )
    return area


def _ring_area_m2(ring: shapely.LinearRing, crs: CRS) -> float:
    ground = ground_of(crs)
    points = shapely.get_coordinates(ring)
    longitudes, latitudes = way_between(crs, ground.lon_lat).transform(points[:, 0], points[:, 1])
    # Some CRSs count in grads.
    to_degrees = math.degrees(ground.lon_lat.axis_info[0].unit_conversion_factor)
    area, _ = ground.geod.polygon_area_perimeter(
        np.multiply(longitudes, to_degrees), np.multiply(latitudes, to_degrees)
    )
    return abs(float(area))
