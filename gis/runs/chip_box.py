# SPDX-License-Identifier: GPL-2.0-or-later
"""A shape of the map as the model would write it: a box on a chip."""

from __future__ import annotations

from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry

from ...model_backend.georeference.geotransform import GeoTransform
from ..provenance import ChipRecord
from ..reprojection import reprojected

Edges = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of the chip's sides; within 0..1 where the shape lies on the chip."""


def edges_on(chip: ChipRecord, shape: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> Edges:
    """The smallest box on the chip around a shape in the CRS.

    Raises:
        CrsUnknown: there is no way from the CRS to the chip's.
    """
    on_chip = reprojected(shape, crs, QgsCoordinateReferenceSystem.fromWkt(chip.crs_wkt))
    transform = GeoTransform(*chip.transform)
    pixels = [transform.to_pixel(vertex.x(), vertex.y()) for vertex in on_chip.vertices()]
    columns = [column / chip.width_px for column, _ in pixels]
    rows = [row / chip.height_px for _, row in pixels]
    return min(columns), min(rows), max(columns), max(rows)
