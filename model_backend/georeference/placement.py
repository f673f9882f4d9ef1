# SPDX-License-Identifier: GPL-2.0-or-later
"""From a proposal on a chip to a detection on the map."""

from __future__ import annotations

import shapely
from shapely.geometry.polygon import orient

from ..chip import Chip
from ..contract import BoxForm
from ..errors import GeoreferenceError
from ..proposal import Box, Detection, Proposal
from .area import geodesic_area_m2
from .crs import ground_of, read_crs
from .outline import Outliner, Window


class Placement:
    """Where the boxes of one chip lie in one output CRS; build it once a chip.

    Raises:
        GeoreferenceError: a CRS or the clip polygon cannot be read, or there is no way between the CRSs.
    """

    def __init__(self, chip: Chip, output_crs_wkt: str, clip_wkt: str | None, form: BoxForm) -> None:
        self._chip = chip
        self._form = form
        self._crs = read_crs(output_crs_wkt)
        ground_of(self._crs)
        self._outliner = Outliner(chip.transform, read_crs(chip.crs_wkt), self._crs)
        self._clip = None if clip_wkt is None else _read_clip(clip_wkt)

    @property
    def edge_m(self) -> float:
        """One step of the model's coordinates on the ground, along the chip's longer side, metres."""
        return self._chip.gsd_m * max(self._chip.width_px, self._chip.height_px) / self._form.grid_px

    def place(self, proposal: Proposal) -> Detection | None:
        """The proposal as a polygon of the output CRS; None if nothing of it lies inside the clip polygon.

        Exterior rings run counterclockwise.

        Raises:
            GeoreferenceError: the polygon would be wrong, see ``Outliner.outline``.
        """
        window = window_of(proposal.box, self._form, self._chip.width_px, self._chip.height_px)
        shape = self._clipped(self._outliner.outline(window))
        if shape.is_empty:
            return None
        return Detection(
            proposal=proposal,
            chip_id=self._chip.chip_id,
            wkb=shapely.to_wkb(shape, output_dimension=2, byte_order=1),
            area_m2=geodesic_area_m2(shape, self._crs),
            edge_m=self.edge_m,
            spread_m=self._spread_m(proposal.spread),
        )

    def _spread_m(self, spread: Box | None) -> Box | None:
        """Standard deviations of the edges along the chip's sides, metres."""
        if spread is None:
            return None
        width, height = (pixels * self._chip.gsd_m for pixels in (self._chip.width_px, self._chip.height_px))
        return spread[0] * width, spread[1] * height, spread[2] * width, spread[3] * height

    def _clipped(self, polygon: shapely.Polygon) -> shapely.MultiPolygon:
        shape = polygon if self._clip is None else polygon.intersection(self._clip)
        return shapely.MultiPolygon([orient(part) for part in _polygons(shape)])


def window_of(box: Box, form: BoxForm, width_px: int, height_px: int) -> Window:
    """The pixels of a chip that a box covers.

    Where the form is inclusive the far edges name the last step inside, so one step is added to them.

    Raises:
        GeoreferenceError: the box is not ordered or not within 0..1.
    """
    x_min, y_min, x_max, y_max = box
    if not (0 <= x_min <= x_max <= 1 and 0 <= y_min <= y_max <= 1):
        raise GeoreferenceError(f"not a box of 0..1: {box}", box=str(box))
    step = 1 / form.grid_px if form.inclusive else 0.0
    right, bottom = min(x_max + step, 1.0), min(y_max + step, 1.0)
    return Window(x_min * width_px, y_min * height_px, right * width_px, bottom * height_px)


def _read_clip(wkt: str) -> shapely.Geometry:
    try:
        clip = shapely.make_valid(shapely.from_wkt(wkt))
    except shapely.errors.ShapelyError as error:
        raise GeoreferenceError(f"not a clip polygon: {error}", wkt=wkt) from error
    polygons = _polygons(clip)
    if not polygons:
        raise GeoreferenceError(f"clip polygon without area: {wkt[:80]}", wkt=wkt)
    return shapely.union_all(polygons)


def _polygons(shape: shapely.Geometry) -> list[shapely.Polygon]:
    """The polygons in a geometry; points and lines where it only touches are left out."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    return [part for part in parts if isinstance(part, shapely.Polygon) and part.area > 0]
