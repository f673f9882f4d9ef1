# SPDX-License-Identifier: GPL-2.0-or-later
"""What the exact network has read: keys and values of attention, last columns of convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

_STEP = 256
"""Columns by which the buffers grow, so that a step hardly ever has to make room."""


@dataclass(slots=True, eq=False)
class Tail:
    """What a convolution has seen last."""

    columns: Tensor
    """(rows, taps - 1, channels): as many as the next token needs."""
    trail: Tensor | None = field(default=None, repr=False)
    """(rows, columns, channels): all of the last reading, and those before it."""

    def forget(self, tokens: int) -> None:
        """Forgets so many of the last reading's."""
        if self.trail is not None:
            end = self.trail.shape[1] - tokens
            self.columns.copy_(self.trail[:, end - self.columns.shape[1] : end])


@dataclass(slots=True, eq=False)
class TorchContext:
    """Rows that were read side by side, their last tokens in the same column; implements ``Context``."""

    keys: list[Tensor]
    """(rows, heads, capacity, head size) of each attention layer, already rotated."""
    values: list[Tensor]
    tails: list[Tail]
    """Of each convolution."""
    starts: Tensor
    """(rows,) int64: the first column of each row."""
    used: int = 0
    """Columns that are filled."""
    step: Any = field(default=None, repr=False)
    """How this context is read on by one token, where that was recorded."""

    @property
    def rows(self) -> int:
        """Conversations side by side."""
        return int(self.starts.shape[0])

    @property
    def capacity(self) -> int:
        """Columns that there is room for."""
        return int(self.keys[0].shape[2]) if self.keys else self.used

    @property
    def size(self) -> int:
        """Bytes that it takes up."""
        return sum(each.nbytes for each in (*self.keys, *self.values, *(tail.columns for tail in self.tails)))

    def copy(self) -> TorchContext:
        """One that can be read on without touching this one."""
        return replace(
            self,
            keys=[_widened(each[:, :, : self.used], self.capacity) for each in self.keys],
            values=[_widened(each[:, :, : self.used], self.capacity) for each in self.values],
            tails=[Tail(each.columns.clone()) for each in self.tails],
            step=None,
        )

    def keep(self, rows: Sequence[int]) -> None:
        """Lets go of all rows but these, ascending."""
        chosen = torch.tensor(list(rows), device=self.starts.device)
        self.keys = [each[chosen] for each in self.keys]
        self.values = [each[chosen] for each in self.values]
        self.tails = [Tail(each.columns[chosen]) for each in self.tails]
        self.starts, self.step = self.starts[chosen], None

    @torch.inference_mode()  # the tails were made in it
    def forget(self, tokens: int) -> None:
        """Forgets so many of the last reading's tokens; keys and values beyond ``used`` do not count."""
        self.used -= tokens
        for each in self.tails:
            each.forget(tokens)

    def make_room(self, columns: int) -> None:
        """Grows the buffers until so many further columns fit."""
        wanted = self.used + columns
        if self.keys and wanted > self.capacity:
            capacity = -(-wanted // _STEP) * _STEP
            self.keys = [_widened(each[:, :, : self.used], capacity) for each in self.keys]
            self.values = [_widened(each[:, :, : self.used], capacity) for each in self.values]
            self.step = None

    def shifted(self, used: int) -> TorchContext:
        """The same with its columns moved to the right, so that ``used`` are filled."""
        ahead = used - self.used
        return replace(
            self,
            keys=[_shifted(each[:, :, : self.used], ahead) for each in self.keys],
            values=[_shifted(each[:, :, : self.used], ahead) for each in self.values],
            starts=self.starts + ahead,
            used=used,
            step=None,
        )


def joined_contexts(contexts: Sequence[TorchContext]) -> TorchContext:
    """Several contexts, of any lengths, as the rows of one."""
    used = max(each.used for each in contexts)
    even = [each.shifted(used) for each in contexts]
    return TorchContext(
        keys=[torch.cat(parts) for parts in zip(*(each.keys for each in even), strict=True)],
        values=[torch.cat(parts) for parts in zip(*(each.values for each in even), strict=True)],
        tails=[
            Tail(torch.cat([part.columns for part in parts]))
            for parts in zip(*(each.tails for each in even), strict=True)
        ],
        starts=torch.cat([each.starts for each in even]),
        used=used,
    )


def _widened(filled: Tensor, capacity: int) -> Tensor:
    """The columns in a buffer with room behind them; the room holds numbers, never rubbish."""
    rows, heads, used, size = filled.shape
    wide = filled.new_zeros(rows, heads, capacity, size)
    wide[:, :, :used] = filled
    return wide


def _shifted(filled: Tensor, ahead: int) -> Tensor:
    return torch.nn.functional.pad(filled, (0, 0, ahead, 0))
