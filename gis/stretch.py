# SPDX-License-Identifier: GPL-2.0-or-later
"""Band values to the 8-bit picture that the model was trained on: numpy only."""

from __future__ import annotations

import numpy as np

_PRECISION_BITS = 22
"""Pillow's fixed-point weights for 8-bit pictures (``Resample.c``)."""


def stretch(bands: np.ndarray, percentiles: tuple[float, float]) -> np.ndarray:
    """Each band on its own, between two percentiles of its finite values above 0.

    Args:
        bands: shape (bands, height, width); not finite where there is no data.
        percentiles: such as (2, 98).

    Returns:
        uint8 of the same shape; 0 where there is no data or the band has one value only.
    """
    return np.stack([_stretch_band(band.astype(np.float64), percentiles) for band in bands])


def _stretch_band(band: np.ndarray, percentiles: tuple[float, float]) -> np.ndarray:
    used = band[np.isfinite(band) & (band > 0)]
    if used.size == 0:
        return np.zeros(band.shape, np.uint8)
    low, high = np.percentile(used, percentiles)
    if high <= low:
        return np.zeros(band.shape, np.uint8)
    scaled = np.clip((np.nan_to_num(band) - low) / (high - low), 0, 1) * 255
    return np.where(np.isfinite(band), scaled, 0).astype(np.uint8)


def downsample(rgb: np.ndarray, side_px: int) -> np.ndarray:
    """The square picture at ``side_px``, to the pixel as Pillow's bilinear filter makes it.

    QGIS's Python need not have Pillow. Columns first, then rows, rounded in between, as there.

    Args:
        rgb: uint8, shape (height, width, 3).
        side_px: pixels a side of the result.
    """
    across = _weights(rgb.shape[1], side_px)
    down = _weights(rgb.shape[0], side_px)
    narrow = _round(np.einsum("xc,rcb->rxb", across, rgb.astype(np.int64), optimize=True))
    return _round(np.einsum("yr,rxb->yxb", down, narrow.astype(np.int64), optimize=True))


def _weights(size: int, new_size: int) -> np.ndarray:
    """Fixed-point weights, shape (new_size, size), of a triangle as wide as the reduction."""
    scale = size / new_size
    support = max(scale, 1.0)
    weights = np.zeros((new_size, size))
    for index in range(new_size):
        centre = (index + 0.5) * scale
        first = max(int(centre - support + 0.5), 0)
        last = min(int(centre + support + 0.5), size)
        distance = np.abs(np.arange(first, last) - centre + 0.5) / support
        row = np.maximum(1 - distance, 0)
        weights[index, first:last] = row / row.sum()
    return np.floor(weights * (1 << _PRECISION_BITS) + 0.5).astype(np.int64)


def _round(sums: np.ndarray) -> np.ndarray:
    half = 1 << (_PRECISION_BITS - 1)
    return np.clip((sums + half) >> _PRECISION_BITS, 0, 255).astype(np.uint8)
