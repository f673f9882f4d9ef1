# SPDX-License-Identifier: GPL-2.0-or-later
"""Feeds what is written to a network, together with what is probably written next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .network import Context, Network


class ReadingAhead:
    """What the network has read, some of it perhaps too early, and what it said after that."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._context: Any = None
        """None before the first row."""
        self._lines: Any = None
        """(rows, columns, vocabulary): after what was certain, and after each guessed token."""
        self._guess: list[int] = []
        self._unread: list[list[int]] = []
        """Columns of tokens that are written and not read yet."""
        self._fed = 0
        """Of these, what was read before the guess."""
        self.hits = 0
        """Guessed tokens that were written."""
        self.is_open = True
        """Whether the next token can be chosen by what was said."""

    @property
    def size(self) -> int:
        """Bytes that the rows take up."""
        return int(self._context.size) if self._context is not None else 0

    @property
    def logits(self) -> np.ndarray:
        """(rows, vocabulary) of the next token."""
        logits: np.ndarray = self._lines[:, self.hits]
        return logits

    def join(self, read: Sequence[tuple[Context, np.ndarray]]) -> None:
        """Takes rows in behind the others, with logits (1, vocabulary); not while a guess is read."""
        if not read:
            return
        contexts, lines = [context for context, _ in read], [line[:, None] for _, line in read]
        if self._context is not None:
            contexts, lines = [self._context, *contexts], [self._lines, *lines]
        self._context = contexts[0] if len(contexts) == 1 else self._network.joined(contexts)
        self._lines = np.concatenate(lines)

    def take(self, column: list[int]) -> None:
        """Notes a token a row; what was said holds as long as these were the guessed ones."""
        self._unread.append(column)
        self.is_open = self.is_open and column == self._guess[self.hits : self.hits + 1]
        self.hits += self.is_open

    def settle(self, going: list[int]) -> None:
        """Forgets what was guessed wrongly, and the rows that do not go on."""
        if self.hits < len(self._guess):
            self._context.forget(len(self._guess) - self.hits)
        self._unread = self._unread[self._fed + self.hits :]
        if len(going) < self._context.rows:
            self._context.keep(going)
            self._unread = [[column[place] for place in going] for column in self._unread]

    def go_on(self, guess: list[int], among: np.ndarray | None) -> None:
        """Reads what is unread, and a guess ahead; ``among`` are the only tokens that may follow."""
        self._guess, self._fed, self.hits, self.is_open = guess, len(self._unread), 0, True
        tokens = np.array(self._unread, dtype=np.int64).T
        if not guess:
            self._lines = self._network.read(self._context, tokens, among)[:, None]
            return
        tokens = np.append(tokens, [guess], axis=1)
        self._lines = self._network.read_each(self._context, tokens, len(guess) + 1, among)[None]
