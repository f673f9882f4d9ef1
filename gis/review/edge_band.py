# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the edges of a proposal may lie: the model's own box, wider and narrower by a standard deviation."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsPointXY,
    QgsVectorLayer,
)

from ...model_backend.overlap import Edges
from ..errors import CrsUnknown
from ..layers import SPREAD_FIELDS
from ..provenance import ChipRecord, legible_run
from ..reprojection import reprojected
from .proposal_row import plain

Window = tuple[float, float, float, float]
"""Left, top, right and bottom in a chip's pixels."""


def bands_in(
    layer: QgsVectorLayer, ids: Sequence[int], target: QgsCoordinateReferenceSystem
) -> Iterator[tuple[QgsFeature, QgsGeometry]]:
    """Proposals of a layer with their bands in the target CRS; those that have none are left out."""
    run = legible_run(layer)
    chips = {} if run is None else {chip.chip_id: chip for chip in run.chips}
    for feature in layer.getFeatures(QgsFeatureRequest().setFilterFids(list(ids))):
        chip = chips.get(str(_value(feature, "chip_id")))
        try:
            band = None if chip is None else band_of(feature, layer.crs(), chip, target)
        except CrsUnknown:
            continue
        if band is not None:
            yield feature, band


def band_of(
    feature: QgsFeature,
    crs: QgsCoordinateReferenceSystem,
    chip: ChipRecord,
    target: QgsCoordinateReferenceSystem,
) -> QgsGeometry | None:
    """The band of a proposal whose geometry is in ``crs``, as a polygon in the target CRS.

    None where an edge's standard deviation is not known, or where the shape is no longer the whole box that
    the model wrote, to half a step of its coordinates: changed by hand, or cut at the edge of the AOI.

    Raises:
        CrsUnknown: there is no way between the CRSs.
    """
    spread_m, step_m = [_number(feature, name) for name in SPREAD_FIELDS], _number(feature, "edge_m")
    written = _written(_value(feature, "raw_box"))
    if None in spread_m or step_m is None or written is None or not feature.hasGeometry():
        return None
    window = _box_behind(reprojected(feature.geometry(), crs, chip.crs), chip, written, step_m / chip.gsd_m)
    if window is None:
        return None
    band = band_around(window, [edge / chip.gsd_m for edge in spread_m], chip)
    return reprojected(band, chip.crs, target)


def band_around(window: Window, spread_px: Sequence[float], chip: ChipRecord) -> QgsGeometry:
    """The ring between the window grown by a spread on each side, within the chip, and shrunk by it.

    In the chip's CRS; without a hole where nothing is left of the shrunk window.
    """
    left, top, right, bottom = ((edge - spread, edge + spread) for edge, spread in zip(window, spread_px))
    outer = _inside((left[0], top[0], right[1], bottom[1]), chip)
    inner = (left[1], top[1], right[0], bottom[0])
    rings = [outer, inner] if inner[0] < inner[2] and inner[1] < inner[3] else [outer]
    return QgsGeometry.fromPolygonXY([_ring(ring, chip) for ring in rings])


def _value(feature: QgsFeature, name: str) -> object:
    """Of a field; None where it is NULL, or missing in an older file."""
    column = feature.fields().indexOf(name)
    return plain(feature[column]) if column >= 0 else None


def _number(feature: QgsFeature, name: str) -> float | None:
    value = _value(feature, name)
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _written(raw: object) -> Edges | None:
    """The numbers in what the model wrote; None where it did not write a box of 0..1 in the trained form."""
    try:
        values = json.loads(raw) if isinstance(raw, str) else raw  # GDAL has read it, in a GeoJSON file
        left, top, right, bottom = (float(edge) for edge in values["bbox"])
    except (ValueError, KeyError, TypeError):
        return None
    return (left, top, right, bottom) if 0 <= left <= right <= 1 and 0 <= top <= bottom <= 1 else None


def _box_behind(shape: QgsGeometry, chip: ChipRecord, written: Edges, step_px: float) -> Window | None:
    """The window of the chip that the shape, in its CRS, is; None if it is another shape by now.

    A layer does not say whether far edges name the last step inside; the shape does.

    Args:
        step_px: of the model's coordinates, along the longer side.
    """
    width, height = chip.width_px, chip.height_px
    step = step_px / max(width, height)
    left, top, right, bottom = written
    boxes = [(left, top, right + beyond, bottom + beyond) for beyond in (0.0, step)]
    windows = [_inside((x1 * width, y1 * height, x2 * width, y2 * height), chip) for x1, y1, x2, y2 in boxes]
    offs = [shape.hausdorffDistance(QgsGeometry.fromPolygonXY([_ring(each, chip)])) for each in windows]
    nearest = min((0, 1), key=offs.__getitem__)
    half_a_step = step * min(width, height) * math.sqrt(abs(chip.grid.determinant)) / 2
    return windows[nearest] if 0 <= offs[nearest] < half_a_step else None


def _inside(window: Window, chip: ChipRecord) -> Window:
    left, top, right, bottom = window
    return max(left, 0.0), max(top, 0.0), min(right, chip.width_px), min(bottom, chip.height_px)


def _ring(window: Window, chip: ChipRecord) -> list[QgsPointXY]:
    left, top, right, bottom = window
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return [QgsPointXY(*chip.grid.to_map(*corner)) for corner in corners]
