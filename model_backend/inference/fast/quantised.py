# SPDX-License-Identifier: GPL-2.0-or-later
"""Weights of linear layers in fewer bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .weights import Floats

BLOCK = 64
"""Weights that share a scale, in four bits."""
INT8 = 127
_PAIR = 127
"""Largest sum of two neighbouring weights. Processors without VNNI add 255 x weight + 255 x weight in 16 bits
and cut what is more; rounding may still add one."""
_TINY = 1e-12
_SHARES = (1.0, 0.92, 0.84)
"""Scales that are tried for four bits, of the one that cuts nothing: cutting the largest number a little
often costs less than coarser steps for all."""
_AT_ONCE = 1 << 16


def per_output(weight: Floats) -> tuple[NDArray[np.int8], Floats]:
    """int8 weights (outputs, inputs) and the scale of each output."""
    parts = [_per_output(part) for part in _parts(weight)]
    return np.concatenate([numbers for numbers, _ in parts]), np.concatenate([scales for _, scales in parts])


def per_block(weight: Floats) -> tuple[NDArray[np.uint8], Floats]:
    """Weights as ``MatMulNBits`` packs them (outputs, blocks, bytes) and their scales (outputs, blocks)."""
    parts = [_per_block(part) for part in _parts(weight)]
    return np.concatenate([numbers for numbers, _ in parts]), np.concatenate([scales for _, scales in parts])


def _parts(weight: Floats) -> list[Floats]:
    """A few outputs at a time: what lies in the processor's cache is worked on several times as fast."""
    return np.array_split(weight, max(1, weight.size // _AT_ONCE))


def _per_output(weight: Floats) -> tuple[NDArray[np.int8], Floats]:
    size = np.abs(weight)
    pairs = size[:, : size.shape[1] // 2 * 2].reshape(len(size), -1, 2).sum(-1)
    scales = np.maximum(size.max(1) / INT8, pairs.max(1, initial=0) / _PAIR)
    scales = np.maximum(scales, _TINY).astype(np.float32)
    return np.rint(weight / scales[:, None]).astype(np.int8), scales


def _per_block(weight: Floats) -> tuple[NDArray[np.uint8], Floats]:
    blocks = weight.reshape(len(weight), -1, BLOCK)
    # the largest falls on -8: that end of the range has one step more than the other
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1) / np.float32(-8)
    largest = np.where(np.abs(largest) < _TINY, np.float32(_TINY), largest)
    numbers, scales, least = np.empty_like(blocks), np.empty_like(largest), np.full_like(largest, np.inf)
    for share in _SHARES:
        scale = largest * np.float32(share)
        tried = np.clip(np.rint(blocks / scale), -8, 7)
        error = np.square(tried * scale - blocks).sum(-1, keepdims=True)
        better = error < least
        np.copyto(numbers, tried, where=better)
        np.copyto(scales, scale, where=better)
        np.copyto(least, error, where=better)
    codes = (numbers + 8).astype(np.uint8)
    packed: NDArray[Any] = codes[..., 0::2] | (codes[..., 1::2] << 4)
    return packed, scales[..., 0].astype(np.float32)
