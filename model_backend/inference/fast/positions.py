# SPDX-License-Identifier: GPL-2.0-or-later
"""Learned positions stretched to a picture's grid, and the order in which patches are given to the graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .weights import Floats


def stretched(learned: Floats, rows: int, columns: int) -> Floats:
    """Positions (side, side, hidden) for a grid, as (rows, columns, hidden).

    Bilinear, and smoothed where they shrink, as ``torch.nn.functional.interpolate`` does it with
    ``antialias=True`` and without aligned corners.
    """
    down, across = _shares(learned.shape[0], rows), _shares(learned.shape[1], columns)
    wide = np.einsum("cx,yxh->ych", across, learned, optimize=True)
    result: Floats = np.einsum("ry,ych->rch", down, wide, optimize=True)
    return np.ascontiguousarray(result, np.float32)


def neighbours_first(rows: int, columns: int, factor: int) -> NDArray[np.int64]:
    """Indices of a grid's patches, those next to each other that become one vector one after the other.

    Attention does not mind the order: so nothing has to be shuffled afterwards.
    """
    indices = np.arange(rows * columns).reshape(rows // factor, factor, columns // factor, factor)
    order: NDArray[np.int64] = indices.transpose(0, 2, 1, 3).ravel()
    return order


def _shares(source: int, target: int) -> Floats:
    """How much each of ``source`` samples adds to each of ``target``: (target, source), rows add up to 1."""
    scale = source / target
    reach = max(scale, 1.0)
    centres = scale * (np.arange(target) + 0.5)
    distances = np.abs(np.arange(source) + 0.5 - centres[:, None]) / reach
    shares = np.clip(1.0 - distances, 0.0, None)
    whole: Floats = (shares / shares.sum(1, keepdims=True)).astype(np.float32)
    return whole
