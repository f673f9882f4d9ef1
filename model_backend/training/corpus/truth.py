# SPDX-License-Identifier: GPL-2.0-or-later
"""What a chip really holds, in the frame and by the rules of a contract."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...contract import Contract, Regions
from ...trained_boxes import PixelBox

Classes = NDArray[np.uint8]
"""(rows, columns) of class numbers; ``NO_CLASS`` where nothing is known."""
NO_CLASS = 255
_EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class Region:
    """A connected piece of one class."""

    box: PixelBox
    cells: NDArray[np.bool_]
    """(rows, columns) on the grid of ``Regions``: where it lies."""


def majority(classes: Classes, count: int, grid_px: int) -> Classes:
    """The most frequent of ``count`` classes in each cell of a square grid; the lower number wins a tie.

    Every pixel counts by the area that it has in a cell. A cell without any known pixel is ``NO_CLASS``.
    """
    weights = _overlaps(classes.shape[0], grid_px), _overlaps(classes.shape[1], grid_px)
    known = np.stack([weights[0] @ (classes == number) @ weights[1].T for number in range(count)])
    cells: Classes = known.argmax(axis=0).astype(np.uint8)
    cells[known.sum(axis=0) == 0] = NO_CLASS
    return cells


def find_regions(mask: NDArray[np.bool_], rule: Regions, contract: Contract) -> list[Region]:
    """The connected pieces of a mask on the rule's grid that an answer names, largest first."""
    numbered, found = ndimage.label(mask, _EIGHT_NEIGHBOURS)
    if not found:
        return []
    sizes = np.bincount(numbered.ravel())[1:]
    large = [index for index in np.argsort(-sizes, kind="stable") if sizes[index] >= rule.min_cells]
    slices = ndimage.find_objects(numbered)
    pixels = contract.box.grid_px // rule.grid_px
    return [
        Region(_box_of(slices[index], pixels), numbered == index + 1) for index in large[: rule.max_boxes]
    ]


def class_shares(grid: Classes, count: int, min_cells: int) -> NDArray[np.float64]:
    """(count,): share of all known cells, 0..1, in connected pieces of at least ``min_cells``."""
    known = max(1, int((grid != NO_CLASS).sum()))
    return np.array([_counted(grid == number, min_cells) / known for number in range(count)])


def _counted(mask: NDArray[np.bool_], min_cells: int) -> int:
    if min_cells <= 1:
        return int(mask.sum())
    sizes = np.bincount(ndimage.label(mask, _EIGHT_NEIGHBOURS)[0].ravel())[1:]
    return int(sizes[sizes >= min_cells].sum())


def _box_of(slices: tuple[slice, slice], pixels: int) -> PixelBox:
    rows, columns = slices
    return (
        columns.start * pixels,
        rows.start * pixels,
        columns.stop * pixels - 1,
        rows.stop * pixels - 1,
    )


def _overlaps(pixels: int, cells: int) -> NDArray[np.float32]:
    """(cells, pixels): how much of each pixel lies in each cell, in pixels."""
    edges = np.arange(cells + 1) * (pixels / cells)
    index = np.arange(pixels)
    low = np.maximum(edges[:-1, None], index[None])
    high = np.minimum(edges[1:, None], index[None] + 1)
    overlaps: NDArray[np.float32] = np.clip(high - low, 0, None).astype(np.float32)
    return overlaps
