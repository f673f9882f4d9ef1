# SPDX-License-Identifier: GPL-2.0-or-later
"""Which proposals of overlapping chips are the same thing, seen twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

Shapes = NDArray[np.object_]
"""Shapely polygons or multipolygons, shape (n,)."""
Numbers = NDArray[np.intp]
Pairs = tuple[Numbers, Numbers]
"""Two columns of places in an array."""

PAIRS_AT_ONCE = 500_000
"""About so many candidates are held in memory, whatever the number of proposals."""
MOST_QUERIES = 50_000


@dataclass(frozen=True)
class Thresholds:
    """From when on two shapes count as the same thing, 0..1; either will do."""

    iou: float = 0.5
    """Area of the overlap over the area of the union."""
    containment: float = 0.8
    """Area of the overlap over the area of the smaller shape."""


@dataclass(frozen=True)
class Proposals:
    """Columns of equal length, in one CRS."""

    shapes: Shapes
    labels: NDArray[Any]
    scores: NDArray[np.float64]
    """NaN where there is none; such a proposal comes after all others."""
    chips: NDArray[Any]
    """Which chip each was seen on."""


def merge(proposals: Proposals, thresholds: Thresholds) -> Numbers:
    """For each proposal the place of the one it is merged into; its own where it is kept.

    Only proposals of the same label and of different chips are merged. The best score is kept, of equal
    ones the larger shape, then the earlier; whatever is kept takes in all that comes after it and is the
    same as it. What was taken in takes in nothing itself. So what the edge of a chip cuts is told by
    containment: its piece lies in the whole that the neighbour shows, and one of the two goes, the whole
    if the piece has the better score. Two pieces of what is larger than the overlap of the chips stay two.

    Overlap is measured in the plane of the CRS: a share is the same in degrees as in metres.
    """
    shapes = _sound(proposals.shapes)
    areas = shapely.area(shapes)
    into = np.arange(len(shapes))
    order = np.lexsort((into, -areas, -np.nan_to_num(proposals.scores, nan=-np.inf)))
    _, labels = np.unique(proposals.labels, return_inverse=True)
    for label in range(int(labels.max(initial=-1)) + 1):
        ranked = order[labels[order] == label]
        layer = _Layer(shapes[ranked], areas[ranked], proposals.chips[ranked], thresholds)
        into[ranked] = ranked[layer.merged()]
    return into


class _Layer:
    """Proposals of one label, the best first."""

    def __init__(self, shapes: Shapes, areas: NDArray[Any], chips: NDArray[Any], at: Thresholds) -> None:
        self._shapes = shapes
        self._areas = areas
        self._chips = chips
        self._at = at
        self._bounds = shapely.bounds(shapes)
        self._upright = _are_upright(self._bounds, areas)
        self._into = np.arange(len(shapes))

    def merged(self) -> Numbers:
        """As ``merge``."""
        for better, worse in self._candidates():
            same = self._are_same(better, worse)
            # the best first, so that what is taken in is known before its own turn comes
            for one, other in zip(better[same].tolist(), worse[same].tolist(), strict=True):
                if self._into[one] == one and self._into[other] == other:
                    self._into[other] = one
        return self._into

    def _candidates(self) -> Iterator[Pairs]:
        """Places whose boxes touch, of different chips and neither taken in, in the order of the first."""
        tree = shapely.STRtree(self._shapes)
        boxes = shapely.box(*self._bounds.T)
        start, size, total = 0, max(1, MOST_QUERIES // 50), len(self._shapes)
        while start < total:
            asked = np.arange(start, min(start + size, total))
            asked = asked[self._into[asked] == asked]
            query, found = tree.query(boxes[asked])
            better = asked[query]
            fits = (found > better) & (self._into[found] == found)
            fits &= self._chips[found] != self._chips[better]
            better, worse = better[fits], found[fits]
            by_rank = np.lexsort((worse, better))
            yield better[by_rank], worse[by_rank]
            start += size
            size = max(1, min(MOST_QUERIES, size * PAIRS_AT_ONCE // max(len(found), 1)))

    def _are_same(self, better: Numbers, worse: Numbers) -> NDArray[np.bool_]:
        """Whether pairs reach a threshold."""
        overlap = self._overlap_of_boxes(better, worse)
        # no shape overlaps more than its box: most pairs need no closer look
        same = self._reach(overlap, better, worse)
        closer = np.flatnonzero(same & ~(self._upright[better] & self._upright[worse]))
        one, other = better[closer], worse[closer]
        cut = shapely.area(shapely.intersection(self._shapes[one], self._shapes[other]))
        same[closer] = self._reach(cut, one, other)
        return same

    def _reach(self, overlap: NDArray[Any], better: Numbers, worse: Numbers) -> NDArray[np.bool_]:
        one, other = self._areas[better], self._areas[worse]
        smaller = np.minimum(one, other)
        overlap = np.minimum(overlap, smaller)
        contained = overlap >= self._at.containment * smaller
        reached: NDArray[np.bool_] = contained | (overlap >= self._at.iou * (one + other - overlap))
        return reached & (overlap > 0)

    def _overlap_of_boxes(self, better: Numbers, worse: Numbers) -> NDArray[Any]:
        one, other = self._bounds[better], self._bounds[worse]
        sides = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])
        overlap: NDArray[Any] = np.maximum(sides, 0).prod(axis=1)
        return overlap


def _sound(shapes: Shapes) -> Shapes:
    """Without crossings, which a reviewer's hand may have left, and over which GEOS stumbles."""
    crossed = ~shapely.is_valid(shapes)
    sound: Shapes = np.array(shapes)
    sound[crossed] = shapely.make_valid(shapes[crossed])
    return sound


def _are_upright(bounds: NDArray[Any], areas: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each shape is its own bounding box."""
    sides = bounds[:, 2:] - bounds[:, :2]
    upright: NDArray[np.bool_] = areas >= sides.prod(axis=1) * (1 - 1e-9)
    return upright
