# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether edges are as uncertain as they say: are the errors of matched boxes of the size of their spread?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from .matching import Sample, matches

MATCHED_FROM_IOU = 0.5
"""A proposal that overlaps no true box by so much has no true edges to be compared with."""
BINS = 10
MULTIPLES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
"""Of the standard deviation."""
_LEAST_EDGES = 120
"""That a factor is fitted to: four a box."""


class EdgeError(NamedTuple):
    """One edge of a matched box, as shares of the chip's side."""

    spread: float
    """Its standard deviation, as the model has it."""
    error: float
    """How far it is off, whichever way."""


@dataclass(frozen=True)
class SpreadBin:
    """Edges of similar standard deviations, in points: per cent of the chip's side."""

    count: int
    spread: float
    """Root mean square of the standard deviations."""
    error: float
    """Root mean square of the errors."""
    mean_error: float


def edge_errors(samples: Iterable[Sample]) -> list[EdgeError]:
    """The edges of all matched proposals whose spread is known."""
    return [edge for sample in samples for edge in _errors_in(sample)]


def fit_spread(edges: Sequence[EdgeError]) -> float:
    """What standard deviations are to be multiplied by: the errors' root mean square over their own.

    Not fitted to the share within one standard deviation: of edges on a grid many are off by exactly
    nothing. 1.0 where too few edges are known, or none is off.
    """
    spread, error = _root_mean_square(edges)
    return error / spread if len(edges) >= _LEAST_EDGES and spread > 0 and error > 0 else 1.0


def edge_figures(edges: Sequence[EdgeError]) -> dict[str, Any]:
    """All that is told of some edges, lengths in points of the chip's side; None stands for the unknown."""
    spread, error = _root_mean_square(edges)
    return {
        "edges": len(edges),
        "spread": 100 * spread if edges else None,
        "error": 100 * error if edges else None,
        "within": [share_within(edges, multiple) for multiple in MULTIPLES] if edges else None,
        "rank_correlation": _rank_correlation(edges),
        "bins": [asdict(part) for part in spread_bins(edges)],
    }


def share_within(edges: Sequence[EdgeError], multiple: float) -> float:
    """Share of the edges that are off by no more than so many standard deviations; of some edges at least."""
    return sum(edge.error <= multiple * edge.spread for edge in edges) / len(edges)


def spread_bins(edges: Sequence[EdgeError], bins: int = BINS) -> list[SpreadBin]:
    """Bins of equally many edges, to within one, by rising standard deviation."""
    parts = np.array_split(_points(sorted(edges)), bins)
    return [_bin(part) for part in parts if len(part)]


def _errors_in(sample: Sample) -> Iterator[EdgeError]:
    for proposed, true in zip(sample.proposed, matches(sample, MATCHED_FROM_IOU), strict=True):
        if true is not None and proposed.spread is not None:
            for edge, wanted, spread in zip(proposed.edges, true, proposed.spread, strict=True):
                yield EdgeError(spread, abs(edge - wanted))


def _bin(part: NDArray[np.float64]) -> SpreadBin:
    spread, error = np.sqrt((part**2).mean(axis=0))
    return SpreadBin(len(part), float(spread), float(error), float(part[:, 1].mean()))


def _points(edges: Sequence[EdgeError]) -> NDArray[np.float64]:
    return 100 * np.array(edges, dtype=float).reshape(-1, 2)


def _root_mean_square(edges: Sequence[EdgeError]) -> tuple[float, float]:
    if not edges:
        return 0.0, 0.0
    spread, error = np.sqrt((np.array(edges) ** 2).mean(axis=0))
    return float(spread), float(error)


def _rank_correlation(edges: Sequence[EdgeError]) -> float | None:
    """Spearman's, of standard deviation and error; None where one of them is always the same."""
    if any(len(set(column)) < 2 for column in zip(*edges, strict=True)) or not edges:
        return None
    found = float(spearmanr(np.array(edges)).statistic)
    return found if math.isfinite(found) else None
