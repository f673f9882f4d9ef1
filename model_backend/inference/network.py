# SPDX-License-Identifier: GPL-2.0-or-later
"""What every network in memory offers, whichever library computes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from .patches import Patches


class Context(Protocol):
    """What a network has read so far: one row or several."""

    @property
    def rows(self) -> int:
        """Conversations side by side."""
        ...

    @property
    def size(self) -> int:
        """Bytes that it takes up."""
        ...

    def copy(self) -> Context:
        """One that can be read on without touching this one."""
        ...

    def keep(self, rows: Sequence[int]) -> None:
        """Lets go of all rows but these, ascending."""
        ...

    def forget(self, tokens: int) -> None:
        """Forgets some of the last tokens that ``read_each`` read, but the first that has logits; once."""
        ...


class Network(Protocol):
    """Weights in memory: reads tokens, says what comes next; takes back only contexts that it made."""

    @property
    def guesses(self) -> bool:
        """Whether a few tokens cost hardly more than one, so that likely ones are worth being read ahead."""
        ...

    def look(self, tokens: Sequence[int], pictures: Sequence[Patches]) -> Context:
        """A new context of one row.

        ``tokens`` hold one image token for each vector that the pictures give.
        """
        ...

    def read(self, context: Any, tokens: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
        """Feeds int64 (rows, new tokens) to the context, in place.

        Returns float32 logits (rows, vocabulary), of what follows the last column; those of tokens that are
        not ``among`` the given ids may be minus infinity. The same ids are best given as the same array.
        """
        ...

    def read_each(
        self, context: Any, tokens: np.ndarray, last: int, among: np.ndarray | None = None
    ) -> np.ndarray:
        """As ``read``, for a single row; logits (last, vocabulary), after each of so many last columns."""
        ...

    def joined(self, contexts: Sequence[Any]) -> Context:
        """Several contexts, of any lengths, as the rows of one."""
        ...
