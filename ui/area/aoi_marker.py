# SPDX-License-Identifier: GPL-2.0-or-later
"""The outline of the AOI on the map while it is in force."""

from __future__ import annotations

from qgis.core import QgsWkbTypes
from qgis.gui import QgsMapCanvas

from ...gis.aoi import Aoi
from ...gis.errors import CrsUnknown
from .drawing_tool import aoi_band


class AoiMarker:
    """One rubber band; to be shown anew when the map's CRS changes."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self._canvas = canvas
        self._band = aoi_band(canvas)

    def show(self, aoi: Aoi | None) -> None:
        """Outlines the area; nothing where there is none or it has no place in the map's CRS."""
        self._band.reset(QgsWkbTypes.GeometryType.PolygonGeometry)
        if aoi is None:
            return
        try:
            outline = aoi.on_map(self._canvas.mapSettings()).polygon
        except CrsUnknown:
            return
        self._band.setToGeometry(outline, None)

    def remove(self) -> None:
        """Takes the outline off the canvas for good."""
        self._canvas.scene().removeItem(self._band)
