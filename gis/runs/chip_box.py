# SPDX-License-Identifier: GPL-2.0-or-later
"""A shape of the map as the model would write it: a box on a chip."""

from __future__ import annotations

from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry
from qgis.PyQt.QtGui import QTransform

from ...model_backend.georeference.geotransform import GeoTransform
from ...model_backend.overlap import Edges
from ..errors import CrsUnknown
from ..provenance import ChipRecord
from ..reprojection import reprojected


def edges_on(chip: ChipRecord, shape: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> Edges:
    """The smallest box on the chip around a shape in the CRS; within 0..1 where that lies on the chip.

    Raises:
        CrsUnknown: there is no way from the CRS to the chip's, or nothing to go it.
    """
    pixels = reprojected(shape, crs, chip.crs)
    done = pixels.transform(_to_pixels(chip.grid))
    if done != QgsGeometry.OperationResult.Success or pixels.isEmpty():
        raise CrsUnknown("a shape without a place on the chip", chip_id=chip.chip_id)
    around, width, height = pixels.boundingBox(), chip.width_px, chip.height_px
    return (
        around.xMinimum() / width,
        around.yMinimum() / height,
        around.xMaximum() / width,
        around.yMaximum() / height,
    )


def _to_pixels(grid: GeoTransform) -> QTransform:
    """``GeoTransform.to_pixel``, for whole geometries."""
    size = grid.determinant
    return QTransform(grid.e / size, -grid.d / size, -grid.b / size, grid.a / size, *grid.to_pixel(0, 0))
