# SPDX-License-Identifier: GPL-2.0-or-later
"""How far an edge may be off: what else the model might have written in the number's place."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import takewhile

import numpy as np

from .completion import Alternatives, Completion
from .scores import Span

_DIGITS = re.compile(r"\d+\.?\d*|\.\d*")
_EMPTY = 8
"""Tokens without text that a number may have among its own; more than that say nothing of it."""
_LEAST = 1e-3
"""Alternatives that are less likely are left out."""


class NumberTokens:
    """The tokens of a vocabulary that are pieces of numbers."""

    def __init__(self, texts: Sequence[str]) -> None:
        numbers = {token: text for token, text in enumerate(texts) if _DIGITS.fullmatch(text)}
        self._ids = np.fromiter(numbers, dtype=np.int64)
        self._texts = numbers

    def alternatives(self, logits: np.ndarray, token: int) -> Alternatives:
        """What might have stood in a token's place, with its share among pieces of numbers.

        Empty where the token is none itself.
        """
        if token not in self._texts:
            return ()
        weights = np.exp(logits[self._ids] - logits[self._ids].max(), dtype=np.float64)
        shares = weights / weights.sum()
        likely = np.flatnonzero(shares >= _LEAST)
        return tuple((self._texts[int(self._ids[index])], float(shares[index])) for index in likely)


def spread_of(completion: Completion, span: Span) -> float | None:
    """Standard deviation of a number of 0..1 that was written in a span, in its own unit.

    The sum of the variances that each of its tokens leaves open, with the digits before it as written and
    those behind it left out. None where nothing is known of the alternatives to any of its tokens.
    """
    start, end = span
    variance, is_known = 0.0, False
    tokens = completion.tokens
    first = bisect_left(tokens, start, key=lambda token: token.start)
    for token in takewhile(lambda token: token.start < end, tokens[first : first + end - start + _EMPTY]):
        if token.alternatives:
            is_known = True
            variance += _variance(completion.text[start : token.start], token.alternatives)
    return math.sqrt(variance) if is_known else None


def _variance(before: str, alternatives: Alternatives) -> float:
    values = [(_number(before + text), share) for text, share in alternatives]
    usable = [(value, share) for value, share in values if value is not None and value <= 1]
    total = math.fsum(share for _value, share in usable)
    if not usable or total <= 0:
        return 0.0
    mean = math.fsum(value * share for value, share in usable) / total
    return math.fsum((value - mean) ** 2 * share for value, share in usable) / total


def _number(text: str) -> float | None:
    try:
        return float(text) if len(text) > 1 and text[1] == "." else None
    except ValueError:
        return None
