# SPDX-License-Identifier: GPL-2.0-or-later
"""What the fast network has read: keys and values of its attention, the last inputs of its convolutions."""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .weights import Floats

STEP = 256
"""Positions by which the room for keys and values grows."""
_PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if os.name == "posix" else {}


@dataclass
class FastContext:
    """One row or several, each with a length of its own."""

    lengths: NDArray[np.int32]
    """(rows,): tokens read."""
    attended: dict[str, Floats]
    """``k<layer>`` and ``v<layer>``: (rows, heads, room, head); nothing counts beyond a row's length."""
    convolved: dict[str, Floats]
    """``conv<layer>``: (rows, taps - 1, hidden)."""
    trail: dict[str, Floats] = field(default_factory=dict, repr=False)
    """What the convolutions saw until after the last reading, with as many columns more as it can forget."""
    bound: Any = field(default=None, repr=False)
    """The buffers as the session knows them, as long as they stay where they are."""

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.lengths)

    @property
    def size(self) -> int:
        """Bytes of what was read; further room takes no memory yet."""
        read = int(self.lengths.sum())
        attended = sum(read * buffer[0, :, :1].nbytes for buffer in self.attended.values())
        return attended + sum(buffer.nbytes for buffer in self.convolved.values())

    @property
    def longest(self) -> int:
        """Tokens in the longest row."""
        return int(self.lengths.max())

    @property
    def room(self) -> int:
        """Positions that there are buffers for."""
        return min((buffer.shape[2] for buffer in self.attended.values()), default=0)

    @property
    def buffers(self) -> dict[str, Floats]:
        """The whole state under its names."""
        return {**self.attended, **self.convolved}

    def copy(self) -> FastContext:
        """One that can be read on without touching this one."""
        return joined([self])

    def keep(self, rows: Sequence[int]) -> None:
        """Lets go of all rows but these, ascending; where they lie no page is new."""
        for name, buffer in self.attended.items():
            for place, row in enumerate(rows):
                if place != row:
                    _fill(buffer[place], buffer[row], self.lengths[row])
            self.attended[name] = buffer[: len(rows)]
        self.convolved = {name: buffer[list(rows)] for name, buffer in self.convolved.items()}
        self.lengths, self.bound = self.lengths[list(rows)], None

    def leave(self, trail: dict[str, Floats]) -> None:
        """Takes over what the convolutions saw in a reading of which some can be forgotten."""
        self.trail = trail
        self.forget(0)

    def forget(self, tokens: int) -> None:
        """Forgets so many of the last tokens, less than ``read_each`` read with logits, right after it.

        Keys and values beyond the lengths do not count.
        """
        self.lengths -= tokens
        for name, buffer in self.convolved.items():
            end = self.trail[name].shape[1] - tokens
            buffer[...] = self.trail[name][:, end - buffer.shape[1] : end]

    def make_room(self, tokens: int) -> None:
        """Grows the buffers so that each row can read so many tokens more."""
        if self.longest + tokens <= self.room:
            return
        self.bound = None  # it holds the old buffers, of which only one at a time is to be there twice
        for name, old in self.attended.items():
            self.attended[name] = _fresh(old, self.lengths + tokens)
            _fill(self.attended[name], old, self.longest)


def joined(contexts: Sequence[FastContext]) -> FastContext:
    """The rows of all contexts, one after the other."""
    lengths = np.concatenate([context.lengths for context in contexts])
    attended = {name: _fresh(buffer, lengths) for name, buffer in contexts[0].attended.items()}
    for name, buffer in attended.items():
        start = 0
        for context in contexts:
            _fill(buffer[start : start + context.rows], context.attended[name], context.longest)
            start += context.rows
    names = contexts[0].convolved
    convolved = {name: np.concatenate([context.convolved[name] for context in contexts]) for name in names}
    return FastContext(lengths, attended, convolved)


def _fresh(like: Floats, lengths: NDArray[np.int32]) -> Floats:
    """An empty buffer for so many tokens a row.

    Pages of its own: they cost nothing before they are written, and go back as soon as it is let go.
    """
    room = -(-int(lengths.max()) // STEP) * STEP
    shape = len(lengths), like.shape[1], room, like.shape[3]
    try:
        pages = mmap.mmap(-1, math.prod(shape) * like.itemsize, **_PRIVATE)
    except OSError as error:
        raise MemoryError(f"for {room} tokens") from error
    return np.frombuffer(pages, np.float32).reshape(shape)


def _fill(target: Floats, source: Floats, length: int) -> None:
    target[..., :length, :] = source[..., :length, :]
