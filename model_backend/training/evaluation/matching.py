# SPDX-License-Identifier: GPL-2.0-or-later
"""How well proposed boxes cover the true ones: overlap, one-to-one matching, and what follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from ...overlap import Edges, area_of, iou


@dataclass(frozen=True)
class Proposed:
    """One box of an answer."""

    edges: Edges
    score: float | None
    fits: bool = True
    """Whether it has the label that was asked for; one that has not matches nothing."""
    spread: Edges | None = None
    """Standard deviations of its edges, in their unit; None where nothing is known of them."""


@dataclass(frozen=True)
class Sample:
    """One label on one chip: what is there, and what was proposed."""

    truth: tuple[Edges, ...]
    proposed: tuple[Proposed, ...]

    @property
    def largest(self) -> Edges:
        """The true box of the largest area, the first of equals; ValueError where there is none."""
        return max(self.truth, key=area_of)


class CurvePoint(NamedTuple):
    """What one takes who takes every proposal down to some score."""

    recall: float
    precision: float


class BestIou(NamedTuple):
    """How near the nearest proposal comes, on average; None without any truth."""

    largest: float | None
    """Mean over the chips that hold the label, of their largest box."""
    every: float | None
    """Mean over all true boxes."""


@dataclass(frozen=True)
class Counts:
    """Boxes over some chips, and how many proposals were matched."""

    truth: int
    proposed: int
    hits: int

    @property
    def precision(self) -> float | None:
        """None without proposals."""
        return self.hits / self.proposed if self.proposed else None

    @property
    def recall(self) -> float | None:
        """None without truth."""
        return self.hits / self.truth if self.truth else None

    @property
    def f1(self) -> float | None:
        """None where there is neither."""
        boxes = self.truth + self.proposed
        return 2 * self.hits / boxes if boxes else None


def matches(sample: Sample, least_iou: float) -> tuple[Edges | None, ...]:
    """For each proposal, the true box that it was matched with.

    Greedily: by score, then in the order written, each takes the free true box that it overlaps most,
    if by ``least_iou`` or more.
    """
    free = list(sample.truth)
    matched: list[Edges | None] = [None] * len(sample.proposed)
    for index in sorted(range(len(matched)), key=lambda place: -_rank(sample.proposed[place])):
        proposed = sample.proposed[index]
        best = max(free, key=lambda edges: _overlap(proposed, edges), default=None)
        if best is not None and _overlap(proposed, best) >= least_iou:
            free.remove(best)
            matched[index] = best
    return tuple(matched)


def hits(sample: Sample, least_iou: float) -> tuple[bool, ...]:
    """For each proposal, whether it was matched, see ``matches``."""
    return tuple(box is not None for box in matches(sample, least_iou))


def count(samples: Iterable[Sample], least_iou: float) -> Counts:
    """The boxes of all samples together."""
    truth = proposed = matched = 0
    for sample in samples:
        truth += len(sample.truth)
        proposed += len(sample.proposed)
        matched += sum(hits(sample, least_iou))
    return Counts(truth, proposed, matched)


def precision_recall(samples: Sequence[Sample], least_iou: float) -> list[CurvePoint] | None:
    """The curve from the highest score down, one point a distinct score.

    None where a proposal has no score, or where there is no truth.
    """
    truth = sum(len(sample.truth) for sample in samples)
    taken: Counter[float] = Counter()
    right: Counter[float] = Counter()
    for sample in samples:
        for proposed, hit in zip(sample.proposed, hits(sample, least_iou), strict=True):
            if proposed.score is None:
                return None
            taken[proposed.score] += 1
            right[proposed.score] += hit
    return _curve(taken, right, truth) if truth else None


def average_precision(curve: Sequence[CurvePoint] | None) -> float | None:
    """Area under the curve, all points, each precision raised to the best at that recall or beyond it."""
    if curve is None:
        return None
    area = best = 0.0
    for index in range(len(curve) - 1, -1, -1):
        best = max(best, curve[index].precision)
        beyond = curve[index - 1].recall if index else 0.0
        area += (curve[index].recall - beyond) * best
    return area


def mean_best_iou(samples: Iterable[Sample]) -> BestIou:
    """How near the nearest proposal comes, of the right label, whatever its score."""
    largest: list[float] = []
    every: list[float] = []
    for sample in samples:
        if sample.truth:
            largest.append(_best(sample, sample.largest))
            every += [_best(sample, edges) for edges in sample.truth]
    return BestIou(fmean(largest), fmean(every)) if every else BestIou(None, None)


def _best(sample: Sample, edges: Edges) -> float:
    return max((_overlap(proposed, edges) for proposed in sample.proposed), default=0.0)


def _curve(taken: Counter[float], right: Counter[float], truth: int) -> list[CurvePoint]:
    curve, proposals, matched = [], 0, 0
    for score in sorted(taken, reverse=True):
        proposals += taken[score]
        matched += right[score]
        curve.append(CurvePoint(matched / truth, matched / proposals))
    return curve


def _overlap(proposed: Proposed, edges: Edges) -> float:
    return iou(proposed.edges, edges) if proposed.fits else 0.0


def _rank(proposed: Proposed) -> float:
    return -1.0 if proposed.score is None else proposed.score
