# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether scores mean what they say: of the proposals scored 0.7, are seven in ten right?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Proposals of similar scores."""

    count: int
    mean_score: float
    share_right: float


def equal_mass(scores: Sequence[float], right: Sequence[bool], bins: int = BINS) -> list[Bin]:
    """Bins of equally many proposals, to within one, by rising score; fewer where there are fewer proposals.

    Proposals of the same score share their outcomes evenly, so their order does not count.
    """
    ordered, levels = np.unique(np.asarray(scores, dtype=float), return_inverse=True)
    if not len(ordered):
        return []
    sizes = np.bincount(levels)
    means = np.bincount(levels, weights=np.asarray(right, dtype=float)) / sizes
    parts = np.array_split(np.repeat(np.arange(len(ordered)), sizes), bins)
    return [_bin(ordered[part], means[part]) for part in parts if len(part)]


def equal_width(scores: Sequence[float], right: Sequence[bool], bins: int = BINS) -> list[Bin]:
    """Bins of equal width over 0..1, the last with its upper end; those without proposals are left out."""
    given, outcome = np.asarray(scores, dtype=float), np.asarray(right, dtype=float)
    places = np.minimum((given * bins).astype(int), bins - 1)
    masks = [places == place for place in range(bins)]
    return [_bin(given[mask], outcome[mask]) for mask in masks if mask.any()]


def expected_calibration_error(bins: Sequence[Bin]) -> float | None:
    """Mean gap between score and share right, weighted by the proposals; None without any."""
    total = sum(part.count for part in bins)
    if not total:
        return None
    return sum(part.count * abs(part.mean_score - part.share_right) for part in bins) / total


def _bin(scores: NDArray[np.float64], outcomes: NDArray[np.float64]) -> Bin:
    return Bin(len(scores), float(scores.mean()), float(outcomes.mean()))
