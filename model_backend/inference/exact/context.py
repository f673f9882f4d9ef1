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
class TorchContext:
    """Rows that were read side by side, their last tokens in the same column; implements ``Context``."""

    keys: list[Tensor]
    """(rows, heads, capacity, head size) of each attention layer, already rotated."""
    values: list[Tensor]
    tails: list[Tensor]
    """(rows, taps - 1, channels) of each convolution."""
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
        return sum(each.nbytes for each in (*self.keys, *self.values, *self.tails))

    def copy(self) -> TorchContext:
        """One that can be read on without touching this one."""
        return self.taken(range(self.rows))

    def taken(self, rows: Sequence[int]) -> TorchContext:
        """Only these rows, in this order; one may be taken several times."""
        chosen = torch.tensor(list(rows), device=self.starts.device)
        return TorchContext(
            keys=[_widened(each[chosen, :, : self.used], self.capacity) for each in self.keys],
            values=[_widened(each[chosen, :, : self.used], self.capacity) for each in self.values],
            tails=[each[chosen] for each in self.tails],
            starts=self.starts[chosen],
            used=self.used,
        )

    def mark(self) -> tuple[int, list[Tensor]]:
        """How far it has come, for ``back_to``."""
        return self.used, [each.clone() for each in self.tails]

    @torch.inference_mode()  # the tails were made in it
    def back_to(self, mark: tuple[int, list[Tensor]]) -> None:
        """Forgets what was read since; keys and values beyond ``used`` do not count."""
        self.used, tails = mark
        for each, kept in zip(self.tails, tails, strict=True):
            each.copy_(kept)

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
        tails=[torch.cat(parts) for parts in zip(*(each.tails for each in even), strict=True)],
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
