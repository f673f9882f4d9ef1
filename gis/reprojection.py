# SPDX-License-Identifier: GPL-2.0-or-later
"""A geometry in another CRS, its straight edges bent as they should be."""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsGeometry,
    QgsProject,
    QgsUnitTypes,
)

from .errors import CrsUnknown

LONLAT = "EPSG:4326"
EDGE_POINTS = 31
"""Put into each edge first, its middle among them: only points follow its curve."""
_EDGE_STEP_M = 500.0
_MOST_STEPS = 256


def reprojected(
    geometry: QgsGeometry, source: QgsCoordinateReferenceSystem, target: QgsCoordinateReferenceSystem
) -> QgsGeometry:
    """A copy in the target CRS, by the project's choice of transformations: for the GUI thread.

    Raises:
        CrsUnknown: one CRS is invalid, or the geometry has no place in the target CRS.
    """
    has_edges = source != target and geometry.length() > 0
    fine = geometry.densifyByCount(EDGE_POINTS) if has_edges else geometry
    return point_by_point(fine, source, target, QgsProject.instance().transformContext())


def point_by_point(
    geometry: QgsGeometry,
    source: QgsCoordinateReferenceSystem,
    target: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
) -> QgsGeometry:
    """A copy in the target CRS, straight between its points, in any thread; raises as ``reprojected``."""
    if not source.isValid() or not target.isValid():
        raise CrsUnknown("not a CRS", source=source.authid(), target=target.authid())
    moved = QgsGeometry(geometry)
    if source == target:
        return moved
    transform = QgsCoordinateTransform(source, target, context)
    try:
        outcome = moved.transform(transform)
    except QgsCsException as error:
        raise CrsUnknown(str(error), target=target.userFriendlyIdentifier()) from error
    if outcome != QgsGeometry.OperationResult.Success or not moved.boundingBox().isFinite():
        raise CrsUnknown("outside of the target CRS", target=target.userFriendlyIdentifier())
    return moved


def in_lonlat(geometry: QgsGeometry, source: QgsCoordinateReferenceSystem) -> QgsGeometry:
    """A copy in longitude and latitude, degrees; raises as ``reprojected``."""
    return reprojected(geometry, source, QgsCoordinateReferenceSystem(LONLAT))


def densified(geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> QgsGeometry:
    """A copy with points along its long edges, so that a writer that changes the CRS bends them.

    Between two points half a kilometre apart an edge in metres strays by centimetres from its straight
    line in degrees; so a ship's box keeps its four corners, and a file of them its size.
    """
    if geometry.isEmpty():
        return QgsGeometry(geometry)
    metre = QgsUnitTypes.fromUnitToUnitFactor(QgsUnitTypes.DistanceUnit.DistanceMeters, crs.mapUnits())
    box = geometry.boundingBox()
    longest = max(box.width(), box.height())
    return geometry.densifyByDistance(max(_EDGE_STEP_M * metre, longest / _MOST_STEPS))
