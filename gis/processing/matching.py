# SPDX-License-Identifier: GPL-2.0-or-later
"""How well proposed polygons cover the true ones on the map: one-to-one matching, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from qgis.core import QgsGeometry, QgsSpatialIndex

from ..errors import FeaturesRejected


@dataclass(frozen=True)
class Shape:
    """A polygon with a label, in the plane of the CRS that both sides are in."""

    label: str
    geometry: QgsGeometry
    score: float | None = None
    """None where there is none; of true polygons nobody asks."""


@dataclass(frozen=True)
class LabelMatch:
    """All polygons of a label, and which proposals were matched."""

    label: str
    truth: int
    hits: tuple[tuple[float | None, bool], ...]
    """Score of each proposal and whether it was matched, the best first."""

    @property
    def proposed(self) -> int:
        """How many proposals there are."""
        return len(self.hits)

    @property
    def matched(self) -> int:
        """How many of them were matched."""
        return sum(hit for _, hit in self.hits)

    @property
    def precision(self) -> float | None:
        """None without proposals."""
        return self.matched / self.proposed if self.hits else None

    @property
    def recall(self) -> float | None:
        """None without truth."""
        return self.matched / self.truth if self.truth else None

    @property
    def f1(self) -> float | None:
        """None where there is neither."""
        shapes = self.truth + self.proposed
        return 2 * self.matched / shapes if shapes else None

    @property
    def average_precision(self) -> float | None:
        """Area under the curve of precision over recall, all points, one a distinct score.

        Each precision is raised to the best at that recall or beyond it. None without truth, or where a
        proposal has no score.
        """
        if not self.truth or any(score is None for score, _ in self.hits):
            return None
        area = best = 0.0
        points = self._curve()
        for index in range(len(points) - 1, -1, -1):
            recall, precision = points[index]
            best = max(best, precision)
            area += (recall - (points[index - 1][0] if index else 0.0)) * best
        return area

    def _curve(self) -> list[tuple[float, float]]:
        """Recall and precision of who takes every proposal down to some score."""
        points, right = [], 0
        for taken, (score, hit) in enumerate(self.hits, 1):
            right += hit
            if taken == len(self.hits) or self.hits[taken][0] != score:
                points.append((right / self.truth, right / taken))
        return points


def match(proposed: Sequence[Shape], truth: Sequence[Shape], least_iou: float) -> list[LabelMatch]:
    """The labels of both sides, in their order.

    Greedily: by score, then in the order given, each proposal takes the free true polygon of its label that
    it overlaps most, if by ``least_iou`` or more.
    """
    labels = sorted({shape.label for shape in (*proposed, *truth)})
    return [
        _match_label(
            label,
            [shape for shape in proposed if shape.label == label],
            [shape.geometry for shape in truth if shape.label == label],
            least_iou,
        )
        for label in labels
    ]


def together(matches: Sequence[LabelMatch], label: str) -> LabelMatch:
    """All labels as if they were one."""
    hits = [hit for each in matches for hit in each.hits]
    return LabelMatch(label, sum(each.truth for each in matches), tuple(sorted(hits, key=_rank)))


def mean_average_precision(matches: Sequence[LabelMatch]) -> float | None:
    """Over the labels that have one; None where no label has."""
    known = [each.average_precision for each in matches]
    values = [value for value in known if value is not None]
    return fmean(values) if values else None


def _match_label(
    label: str, proposed: Sequence[Shape], truth: Sequence[QgsGeometry], least_iou: float
) -> LabelMatch:
    index = QgsSpatialIndex()
    for number, geometry in enumerate(truth):
        if not index.addFeature(number, geometry.boundingBox()):
            raise FeaturesRejected("a polygon that cannot be indexed", number=number)
    free, hits = set(range(len(truth))), []
    for shape in sorted(proposed, key=lambda each: _rank((each.score, False))):
        near = sorted(free.intersection(index.intersects(shape.geometry.boundingBox())))
        overlaps = [(iou(shape.geometry, truth[number]), -number) for number in near]
        overlap, number = max(overlaps, default=(0.0, 0))
        is_hit = overlap > 0 and overlap >= least_iou
        if is_hit:
            free.remove(-number)
        hits.append((shape.score, is_hit))
    return LabelMatch(label, len(truth), tuple(hits))


def iou(one: QgsGeometry, other: QgsGeometry) -> float:
    """Area of the overlap over the area of both together."""
    common = one.intersection(other).area()
    union = one.area() + other.area() - common
    return max(common, 0.0) / union if union > 0 else 0.0


def _rank(hit: tuple[float | None, bool]) -> float:
    score = hit[0]
    return 1.0 if score is None else -score
