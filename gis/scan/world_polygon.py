# SPDX-License-Identifier: GPL-2.0-or-later
"""Polygons in longitude and latitude that go on beyond the antimeridian instead of around the world."""

from __future__ import annotations

from qgis.core import QgsGeometry, QgsPointXY

from ..errors import NoUtmZone

Ring = list


def unrolled(polygon: QgsGeometry) -> QgsGeometry:
    """The polygon, degrees, without jumps from 180 to -180; what lies on both sides of that is one piece.

    Its longitudes may be less than -180 or more than 180.

    Args:
        polygon: valid but for such jumps, with steps of less than 180 degrees.

    Raises:
        NoUtmZone: a ring goes around a pole.
    """
    polygons = polygon.asMultiPolygon() if polygon.isMultipart() else [polygon.asPolygon()]
    first = _steady(polygons[0][0])
    pieces = []
    for outer, *holes in polygons:
        shell = _beside(_steady(outer), first)
        pieces.append(QgsGeometry.fromPolygonXY([shell, *(_beside(_steady(hole), shell) for hole in holes)]))
    return QgsGeometry.unaryUnion(pieces)


def _steady(ring: Ring) -> Ring:
    """The ring without jumps, from its first point on."""
    shift, before = 0.0, ring[0].x()
    points = []
    for point in ring:
        step = point.x() - before
        shift -= 360.0 * ((step > 180) - (step < -180))
        before = point.x()
        points.append(QgsPointXY(point.x() + shift, point.y()))
    if shift:
        raise NoUtmZone("around a pole", latitude=max((point.y() for point in ring), key=abs))
    return points


def _beside(ring: Ring, other: Ring) -> Ring:
    """The ring by full turns as near to the other as can be."""
    turns = round((_middle(other) - _middle(ring)) / 360)
    return [QgsPointXY(point.x() + 360.0 * turns, point.y()) for point in ring]


def _middle(ring: Ring) -> float:
    longitudes = [point.x() for point in ring]
    return (min(longitudes) + max(longitudes)) / 2
