"""Proposals on a turned chip, each with the numbers that the model wrote and the spread of its edges."""

from __future__ import annotations

import json
import math

from lspace.gis.layers import add_detections, create_proposal_layer
from lspace.gis.provenance import ChipRecord, Run
from lspace.gis.reprojection import reprojected
from lspace.model_backend.proposal import Detection, Proposal
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsPointXY

UTM30 = QgsCoordinateReferenceSystem("EPSG:32630")
GSD_M, GRID_PX = 10.0, 224
SPREAD_M = (20.0, 40.0, 60.0, 80.0)
"""Two, four, six and eight pixels to the left, top, right and bottom."""
QUARTERS = (0.25, 0.25, 0.7455, 0.4955)
"""As written with four decimals: from pixel 56 to 167 and from 56 to 111, both inside."""


def chip_at(turn_deg=30.0, width_px=224, height_px=224):
    """In UTM; its rows run that many degrees north of east."""
    cos, sin = (GSD_M * part for part in (math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))))
    grid = (cos, sin, 400_000.0, sin, -cos, 4_100_000.0)
    wkt = UTM30.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT2_2019)
    return ChipRecord("c1", "as shown", width_px, height_px, grid, wkt, GSD_M, 1.0)


def window_on(chip, left, top, right, bottom):
    """A rectangle of the chip's pixels as a polygon of its CRS."""
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return QgsGeometry.fromPolygonXY([[QgsPointXY(*chip.grid.to_map(*corner)) for corner in corners]])


def shape_of(written, chip, inclusive=True):
    """Where the box lies in the chip's CRS, as the worker places it."""
    beyond = 1 / GRID_PX if inclusive else 0.0
    right, bottom = min(written[2] + beyond, 1.0), min(written[3] + beyond, 1.0)
    width, height = chip.width_px, chip.height_px
    return window_on(chip, written[0] * width, written[1] * height, right * width, bottom * height)


def detection(chip, crs=UTM30, written=QUARTERS, spread_m=SPREAD_M, shape=None, label="water"):
    """The proposal in that CRS; ``shape``, in the chip's, takes the place of the model's own."""
    placed = reprojected(shape or shape_of(written, chip), chip.crs, crs)
    placed.convertToMultiType()
    raw = json.dumps({"label": label, "bbox": list(written)})
    proposal = Proposal(label, written, 0.8, (), raw)
    step_m = GSD_M * max(chip.width_px, chip.height_px) / GRID_PX
    return Detection(proposal, chip.chip_id, bytes(placed.asWkb()), 1.0, step_m, spread_m)


def uncertain_layer(*detections, chip, crs=UTM30, created="2026-01-01T10:00:00Z"):
    """A proposal layer of a run with one chip; not in the project."""
    run = Run("ground", "lspace", "0123abc", "cpu", "float32", "", chips=(chip,), created=created)
    layer = create_proposal_layer(run, crs)
    add_detections(layer, run, list(detections), "detect the water")
    return layer
