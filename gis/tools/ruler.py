# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures on the project's ellipsoid."""

from __future__ import annotations

from qgis.core import QgsCoordinateReferenceSystem, QgsDistanceArea, QgsProject

from ..aoi import ruler_for
from ..errors import CrsUnknown


def project_ruler(crs: QgsCoordinateReferenceSystem) -> QgsDistanceArea:
    """Metres on the project's ellipsoid; on that of the CRS where the project measures on a plane.

    Raises:
        CrsUnknown: there is no CRS, or one whose ellipsoid QGIS does not know.
    """
    if not crs.isValid():
        raise CrsUnknown("no CRS")
    ruler = ruler_for(crs)
    wanted = QgsProject.instance().ellipsoid()
    if wanted and not wanted.startswith(("NONE", "PARAMETER")):
        on_project = QgsDistanceArea(ruler)
        if on_project.setEllipsoid(wanted):
            return on_project
    return ruler
