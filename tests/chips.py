"""Chips of the worker's tests: black squares of 10 m pixels in UTM, with magenta rectangles."""

from __future__ import annotations

import io

import numpy as np
from lspace.model_backend.chip import Chip, ChipKind
from lspace.model_backend.georeference.geotransform import GeoTransform
from PIL import Image
from pyproj import CRS

UTM = CRS.from_epsg(32604).to_wkt("WKT2_2019")
LEFT, TOP = 600_000.0, 2_360_000.0
"""Map coordinates of the chips' corner."""


def png_of(side_px, rectangles=()):
    """``rectangles`` in pixels: x_min, y_min, x_max, y_max, the far edges outside."""
    rgb = np.zeros((side_px, side_px, 3), np.uint8)
    for x_min, y_min, x_max, y_max in rectangles:
        rgb[y_min:y_max, x_min:x_max] = (255, 0, 255)
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "PNG")
    return file.getvalue()


def chip_with(*rectangles, chip_id="chip-1", side_px=56, **fields):
    """A chip; ``fields`` replace those of the class."""
    return Chip(
        **{
            "chip_id": chip_id,
            "kind": ChipKind.AS_SHOWN,
            "png": png_of(side_px, rectangles),
            "width_px": side_px,
            "height_px": side_px,
            "transform": GeoTransform(10.0, 0.0, LEFT, 0.0, -10.0, TOP),
            "crs_wkt": UTM,
            "gsd_m": 10.0,
            "valid_share": 1.0,
            **fields,
        }
    )
