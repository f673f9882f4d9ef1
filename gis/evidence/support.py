# SPDX-License-Identifier: GPL-2.0-or-later
"""How many of the pixels under a proposal support it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsGeometry,
    QgsRectangle,
)

from ..reprojection import densified
from .pixel_mask import Ring, Window, centres_inside, rings_of
from .spectral_image import OpenImage
from .spectral_index import Gap, Judgement, Rule, rule_for

LEAST_MEASURED = 0.5
"""Share of a proposal that must lie on pixels with data."""
RING_GAP_PX, LEAST_RING_PX = 1.0, 2.0
"""The pixels that an object's edge runs through are left out of the ring around it."""
_STRIP_PIXELS = 2**20
"""Read at a time."""


@dataclass(frozen=True)
class Support:
    """What was measured of one proposal; without a gap all of it is known."""

    share: float | None = None
    """0..1, of the pixels with data."""
    index: str = ""
    """The formula, such as ``NDWI > 0.05``."""
    source: str = ""
    """Names of the layers, before -> after."""
    gap: Gap | None = None


@dataclass(frozen=True)
class _Shape:
    """The pixels that count: inside some rings, and outside the others."""

    inner: list[Ring]
    left_out: list[Ring]
    box: QgsRectangle
    centre: tuple[float, float]
    """Counts in any case where nothing is left out."""

    def mask(self, window: Window) -> np.ndarray:
        return centres_inside(self.inner, window) & ~centres_inside(self.left_out, window)


class SupportMeter:
    """Measures proposals in one image or a pair; for the thread that opened them."""

    def __init__(
        self,
        after: OpenImage,
        before: OpenImage | None,
        crs: QgsCoordinateReferenceSystem,
        context: QgsCoordinateTransformContext,
    ) -> None:
        """``crs`` is that of the proposals."""
        self._after = after
        self._before = before
        self._crs = crs
        raster_crs = QgsCoordinateReferenceSystem.fromWkt(after.image.source.crs_wkt)
        self._to_raster = QgsCoordinateTransform(crs, raster_crs, context)

    def measure(self, geometry: QgsGeometry, label: str, gives_up: Callable[[], bool]) -> Support:
        """The support of a proposal; if it gives up in between, that of the part it has seen.

        Raises:
            RasterUnusable: a file cannot be read.
        """
        before = self._before.image.roles if self._before else None
        rule = rule_for(label, self._after.image.roles, before)
        if isinstance(rule, Gap):
            return Support(gap=rule)
        shape = self._shape_of(geometry, rule)
        share = None if shape is None else self._share(shape, rule, gives_up)
        if share is None:
            return Support(gap=Gap.NO_PIXELS)
        return Support(share, rule.text, self._source_of(rule))

    def _shape_of(self, geometry: QgsGeometry, rule: Rule) -> _Shape | None:
        """In pixels; None if it has no place in the raster's CRS."""
        pixels = self._in_pixels(geometry)
        if pixels is None:
            return None
        left_out: list[Ring] = []
        if rule.judgement is Judgement.AROUND:
            width = max(math.sqrt(pixels.area()), LEAST_RING_PX)
            left_out = rings_of(pixels.buffer(RING_GAP_PX, 8))
            pixels = pixels.buffer(RING_GAP_PX + width, 8)
        if pixels.isEmpty():
            return None
        centre = pixels.centroid().asPoint()
        return _Shape(rings_of(pixels), left_out, pixels.boundingBox(), (centre.x(), centre.y()))

    def _in_pixels(self, geometry: QgsGeometry) -> QgsGeometry | None:
        moved = densified(geometry, self._crs)
        if moved.isEmpty():
            return None
        try:
            outcomes = {moved.transform(self._to_raster), moved.transform(self._after.to_pixels)}
        except QgsCsException:
            return None
        is_placed = outcomes == {QgsGeometry.OperationResult.Success} and moved.boundingBox().isFinite()
        return moved if is_placed else None

    def _share(self, shape: _Shape, rule: Rule, gives_up: Callable[[], bool]) -> float | None:
        """Share of supporting pixels among those with data; None if these are too few."""
        window = Window.around(shape.box, self._after.columns, self._after.rows)
        tally = np.zeros(3, int)
        for strip in window.strips(_STRIP_PIXELS):
            if gives_up():
                break
            mask = shape.mask(strip)
            tally += (mask.sum(), *self._judge(strip, mask, rule))
        inside, measured, supporting = tally.tolist()
        if inside == 0 and not shape.left_out:
            return self._share_at(shape.centre, rule)
        covered = _share_of_box(shape.box, window)
        enough = inside > 0 and covered * measured / inside >= LEAST_MEASURED
        return supporting / measured if enough else None

    def _share_at(self, centre: tuple[float, float], rule: Rule) -> float | None:
        """The pixel under the middle of a proposal that is smaller than any."""
        column, row = math.floor(centre[0]), math.floor(centre[1])
        if not (0 <= column < self._after.columns and 0 <= row < self._after.rows):
            return None
        measured, supporting = self._judge(Window(column, row, 1, 1), np.ones((1, 1), bool), rule)
        return float(supporting) if measured else None

    def _judge(self, window: Window, mask: np.ndarray, rule: Rule) -> tuple[int, int]:
        """How many of the masked pixels have data, and how many of these support."""
        if not mask.any():
            return 0, 0
        after = rule.index.of(self._after.read(rule.roles, window))
        before = None
        measured = mask & np.isfinite(after)
        if rule.judgement.needs_before and self._before is not None:
            before = rule.index.of(self._before.read_on(self._after, rule.roles, window))
            measured &= np.isfinite(before)
        return int(measured.sum()), int((measured & rule.supporting(after, before)).sum())

    def _source_of(self, rule: Rule) -> str:
        after = self._after.image.source.name
        if rule.judgement.needs_before and self._before is not None:
            return f"{self._before.image.source.name} -> {after}"
        return after


def _share_of_box(box: QgsRectangle, window: Window) -> float:
    """How much of the box the window covers, at most all of it."""
    return min(window.width * window.height / box.area(), 1.0) if box.area() > 0 else 1.0
