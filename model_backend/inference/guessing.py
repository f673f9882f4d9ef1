# SPDX-License-Identifier: GPL-2.0-or-later
"""What an answer probably goes on with, so that a network reads it ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_MOST = 16
"""Tokens of a guess: each costs about a tenth of a reading of its own."""


class Guesser:
    """Guesses by the form, or by what was said: after two tokens that came before, what followed them then.

    Wrong guesses make the next ones of their kind shorter, down to a token, right ones longer again.

    Args:
        question: what was read, from which answers copy.
    """

    def __init__(self, question: Sequence[int]) -> None:
        self._said: list[int] = []
        self._after: dict[tuple[int, int], int] = {}
        """Where two tokens in a row were last followed by something."""
        self._by_form = _Kind(_MOST)
        self._by_said = _Kind(1)
        self._last: _Kind | None = None
        self._guessed = 0
        for token in question:
            self.take(token)

    def take(self, token: int) -> None:
        """Notes what was said."""
        if len(self._said) >= 2:
            self._after[self._said[-2], self._said[-1]] = len(self._said)
        self._said.append(token)

    def guess(self, likely: list[int], hits: int) -> list[int]:
        """The next tokens, often none, after so many of the last guess were right.

        Args:
            likely: what is known by the form, which is better.
        """
        if self._last is not None:
            self._last.learn(hits, hits == self._guessed)
        kind = self._by_form if likely else self._by_said
        guess = (likely or self._again())[: kind.most]
        self._last, self._guessed = kind if guess else None, len(guess)
        return guess

    def _again(self) -> list[int]:
        place = self._after.get((self._said[-2], self._said[-1])) if len(self._said) > 1 else None
        return [] if place is None else self._said[place : place + _MOST]


@dataclass
class _Kind:
    """How long the guesses of a kind may be."""

    most: int

    def learn(self, hits: int, were_all: bool) -> None:
        """So many tokens of the last one were right."""
        self.most = min(max(2 * hits, 2 * self.most if were_all else self.most // 2, 1), _MOST)
