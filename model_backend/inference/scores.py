# SPDX-License-Identifier: GPL-2.0-or-later
"""How sure a model was of what it wrote: the probabilities of its own tokens."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ModelInvalid
from ..proposal import Box
from .completion import Completion

Span = tuple[int, int]
"""Characters ``start <= i < end`` of a completion's text."""
_LEAST_SCORE = 1e-9
_MOST_LOG_ODDS = 30.0


CALIBRATION_MARK = "lspace_calibration"
"""Where a checkpoint's config.json holds how its scores were calibrated."""


@dataclass(frozen=True)
class Calibration:
    """What raw scores and standard deviations came to mean on labelled chips (scores: Platt scaling)."""

    slope: float
    intercept: float
    spread: float = 1.0
    """How many times the standard deviations of edges the errors of matched boxes were, root mean squares."""

    def score(self, raw: float) -> float:
        """``1 / (1 + exp(-(intercept + slope * log(raw))))``: rises with the raw score, 0..1."""
        log_odds = self.intercept + self.slope * math.log(max(raw, _LEAST_SCORE))
        return 1.0 / (1.0 + math.exp(-max(-_MOST_LOG_ODDS, min(_MOST_LOG_ODDS, log_odds))))

    def edges(self, raw: Box) -> Box:
        """Standard deviations of the four edges, in the unit of the raw ones."""
        left, top, right, bottom = (self.spread * edge for edge in raw)
        return left, top, right, bottom


def calibration_of(config: Mapping[str, Any]) -> Calibration | None:
    """The calibration in a checkpoint's configuration, None where it has none.

    Raises:
        ModelInvalid: it is no calibration.
    """
    written = config.get(CALIBRATION_MARK)
    if written is None:
        return None
    try:
        slope, intercept = float(written["slope"]), float(written["intercept"])
        calibration = Calibration(slope, intercept, float(written.get("spread", 1.0)))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelInvalid(f"{CALIBRATION_MARK} in config.json is no calibration: {written!r}") from error
    if not (calibration.slope > 0 and math.isfinite(calibration.slope + calibration.intercept)):
        raise ModelInvalid(f"{CALIBRATION_MARK} in config.json would turn scores round: {written!r}")
    if not (calibration.spread > 0 and math.isfinite(calibration.spread)):
        raise ModelInvalid(f"{CALIBRATION_MARK} in config.json would make edges exact: {written!r}")
    return calibration


def score_of(completion: Completion, spans: Iterable[Span]) -> float | None:
    """Geometric mean of the probabilities of the tokens that touch the spans, 0..1.

    ``exp(sum(logprob) / n)``, each token once. Give the spans of a proposal's label and of its
    coordinates' digits only: brackets, quotes, commas and keys are forced by the form and say nothing.
    None where a token has no log-probability, or no token touches the spans: a score is never invented.
    """
    touched = {index for span in spans for index in _touching(completion, span)}
    logprobs = [completion.tokens[index].logprob for index in touched]
    known = [logprob for logprob in logprobs if logprob is not None and not math.isnan(logprob)]
    if not known or len(known) < len(logprobs):
        return None
    return min(1.0, math.exp(math.fsum(known) / len(known)))


def _touching(completion: Completion, span: Span) -> Iterator[int]:
    """Indices of the tokens with a character in the span.

    A token without text is part of a character that a later token completes, at the same start.
    """
    start, end = span
    tokens = completion.tokens
    for index in range(bisect_left(tokens, start, key=lambda token: token.end), len(tokens)):
        token = tokens[index]
        if token.start >= end:
            return
        if token.end > start or token.start == token.end:
            yield index
