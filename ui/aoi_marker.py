# SPDX-License-Identifier: GPL-2.0-or-later
"""The outline of the AOI on the map while it is in force."""

from __future__ import annotations

from qgis.core import QgsWkbTypes
from qgis.gui import QgsMapCanvas

from ..gis.aoi import Aoi
from .rectangle_tool import aoi_band


class AoiMarker:
    """One rubber band; follows the map's CRS."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self._canvas = canvas
        self._band = aoi_band(canvas)

    def show(self, aoi: Aoi | None) -> None:
        """Outlines the area, or nothing."""
        self._band.reset(QgsWkbTypes.GeometryType.PolygonGeometry)
        if aoi is not None:
            self._band.setToGeometry(aoi.polygon, aoi.crs)

    def remove(self) -> None:
        """Takes the outline off the canvas for good."""
        self._canvas.scene().removeItem(self._band)
