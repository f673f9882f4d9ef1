# SPDX-License-Identifier: GPL-2.0-or-later
"""Band values to the 8-bit picture that the model was trained on: numpy only."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

_PRECISION_BITS = 22
"""Pillow's fixed-point weights for 8-bit pictures (``Resample.c``)."""
_LEAST_SPAN = 1e-6
"""Between the two percentiles, so that a few bright pixels on an even ground become white, as in training."""


def stretch(bands: np.ndarray, percentiles: tuple[float, float]) -> np.ndarray:
    """Each band on its own, between two percentiles of its finite values above 0.

    Args:
        bands: shape (bands, height, width); not finite where there is no data.
        percentiles: such as (2, 98).

    Returns:
        uint8 of the same shape; 0 where there is no data, or no more than the lower percentile.
    """
    return np.stack([_stretch_band(band.astype(np.float64), percentiles) for band in bands])


def _stretch_band(band: np.ndarray, percentiles: tuple[float, float]) -> np.ndarray:
    used = band[np.isfinite(band) & (band > 0)]
    if used.size == 0:
        return np.zeros(band.shape, np.uint8)
    low, high = np.percentile(used, percentiles)
    known = np.where(np.isfinite(band), band, low)
    return (np.clip((known - low) / max(high - low, _LEAST_SPAN), 0, 1) * 255).astype(np.uint8)


def downsample(rgb: np.ndarray, side_px: int) -> np.ndarray:
    """The picture as a square of ``side_px``, to the pixel as Pillow's bilinear filter makes it.

    QGIS's Python need not have Pillow. Columns first, then rows, rounded in between, as there.

    Args:
        rgb: uint8, shape (height, width, 3).
        side_px: pixels a side of the result.
    """
    height, width, bands = rgb.shape
    lines = rgb.transpose(1, 0, 2).reshape(width, height * bands)
    narrow = _shrink(lines, side_px).reshape(side_px, height, bands).transpose(1, 0, 2)
    return _shrink(narrow.reshape(height, side_px * bands), side_px).reshape(side_px, side_px, bands)


def _shrink(values: np.ndarray, new_size: int) -> np.ndarray:
    """Weighs the first axis, in 32 bits as Pillow does."""
    first, weights = _weights(values.shape[0], new_size)
    sums = np.full((new_size, values.shape[1]), 1 << (_PRECISION_BITS - 1), np.int32)
    for tap in range(weights.shape[1]):
        taken = values[np.minimum(first + tap, values.shape[0] - 1)]
        sums += weights[:, tap, None] * taken
    return np.clip(sums >> _PRECISION_BITS, 0, 255).astype(np.uint8)


@lru_cache(maxsize=2)
def _weights(size: int, new_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Of each new line the first old one and the whole weights from there on, which sum to about 2**22.

    They are a triangle as wide as the reduction. The operations and their order are Pillow's: the last
    bit of a quotient decides how a weight is rounded.
    """
    scale = size / new_size
    support = max(scale, 1.0)
    firsts = np.zeros(new_size, np.intp)
    weights = np.zeros((new_size, 2 * math.ceil(support) + 1), np.int32)
    for index in range(new_size):
        centre = (index + 0.5) * scale
        first = max(int(centre - support + 0.5), 0)
        last = min(int(centre + support + 0.5), size)
        distance = np.abs((np.arange(first, last) - centre + 0.5) * (1 / support))
        row = np.where(distance < 1, 1 - distance, 0)
        share = row / np.cumsum(row)[-1]
        firsts[index] = first
        weights[index, : last - first] = np.floor(share * (1 << _PRECISION_BITS) + 0.5)
    return firsts, weights
