# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers that need no look at the picture: what a model's figures have to be compared with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median

from ...overlap import Edges, iou
from .captions import Points, largest_classes
from .matching import Proposed, Sample

FULL_FRAME: Edges = (0.0, 0.0, 1.0, 1.0)
PARTIAL_BELOW = 0.6
"""IoU with the full frame; a label whose largest box comes nearer is found without looking."""


def prior_box(samples: Iterable[Sample]) -> Edges | None:
    """The median of each edge over all true boxes; None without truth.

    It is taken from the samples that it is then measured on, which favours it.
    """
    truth = [edges for sample in samples for edges in sample.truth]
    if not truth:
        return None
    left, top, right, bottom = (median(values) for values in zip(*truth, strict=True))
    return left, top, right, bottom


def always(edges: Edges, samples: Iterable[Sample]) -> list[Sample]:
    """The samples as if every answer had been this one box."""
    return [Sample(sample.truth, (Proposed(edges, None),)) for sample in samples]


def is_partial(sample: Sample) -> bool:
    """Whether there is truth, and its largest box is far from the full frame."""
    return bool(sample.truth) and iou(sample.largest, FULL_FRAME) < PARTIAL_BELOW


def majority_class(truths: Iterable[Points], classes: Sequence[str]) -> dict[str, float]:
    """All of the chip in the class that most often has the largest share; empty where none ever has one.

    The class that comes first in ``classes`` wins a tie.
    """
    tally = Counter(name for truth in truths for name in largest_classes(truth))
    name = max(classes, key=lambda name: tally[name], default=None)
    return {name: 100.0} if name and tally[name] else {}


def mean_shares(truths: Sequence[Mapping[str, float]], classes: Sequence[str]) -> dict[str, float]:
    """Each class's mean share over the set, in points; ``truths`` may not be empty."""
    return {name: fmean(truth.get(name, 0.0) for truth in truths) for name in classes}
