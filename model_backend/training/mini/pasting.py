# SPDX-License-Identifier: GPL-2.0-or-later
"""Bright things of known place, drawn into pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .harbour import Cutout

EdgeBox = tuple[float, float, float, float]
"""x_min, y_min, x_max, y_max in pixels of the picture, edges."""
Picture = NDArray[np.float32]
"""(rows, columns, 3), 0..255."""
_TRIES = 12
_LEAST_CONTRAST = 60
_CLEAR_CONTRAST = 130
"""Grey levels, of ships that are to be plain to see."""


def paste_ship(
    picture: Picture,
    cutouts: Sequence[Cutout],
    length: float | None,
    free: NDArray[np.bool_],
    taken: Sequence[EdgeBox],
    rng: np.random.Generator,
) -> EdgeBox | None:
    """Adds a ship of about that length (None: about its own) where all is free; None where nothing fits."""
    cutout = cutouts[int(rng.integers(len(cutouts)))]
    ship = np.rot90(cutout.difference, int(rng.integers(4)))
    ship = ship[:, ::-1] if rng.random() < 0.5 else ship
    own = max(ship.shape[:2]) - 2 * cutout.margin
    factor = np.exp(rng.uniform(-0.25, 0.25)) if length is None else length / max(1, own)
    height, width = (max(6, round(size * factor)) for size in ship.shape[:2])
    place = _find_place(free, (height, width), taken, rng)
    if place is None:
        return None
    ship = _resized(ship, (height, width))
    least = _LEAST_CONTRAST if length is None else _CLEAR_CONTRAST
    gain = rng.uniform(0.75, 1.3) * max(1.0, least / max(1.0, float(np.abs(ship).max())))
    top, left = place
    picture[top : top + height, left : left + width] += ship * gain
    margin = cutout.margin * factor
    return left + margin, top + margin, left + width - margin, top + height - margin


def paste_shape(
    picture: Picture,
    length: float,
    free: NDArray[np.bool_],
    taken: Sequence[EdgeBox],
    rng: np.random.Generator,
) -> EdgeBox | None:
    """Draws a bright bar, ellipse or rectangle at any angle; None where nothing fits."""
    cover = _shape(length, rng)
    place = _find_place(free, cover.shape, taken, rng)
    if place is None:
        return None
    top, left = place
    height, width = cover.shape
    colour = rng.uniform(205, 255) + rng.uniform(-12, 12, 3) + rng.normal(0, 6, (height, width, 1))
    part = picture[top : top + height, left : left + width]
    part += (colour - part) * cover[..., None]
    return float(left), float(top), float(left + width), float(top + height)


def _shape(length: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """(rows, columns): how much of each pixel is covered, cropped to what is at least half covered."""
    breadth = max(4.0, length / rng.uniform(1, 5))
    angle = rng.choice([0, np.pi / 2]) if rng.random() < 0.4 else rng.uniform(0, np.pi)
    side = int(length * 1.5) + 4
    rows, columns = np.mgrid[:side, :side] - (side - 1) / 2
    along = columns * np.cos(angle) + rows * np.sin(angle)
    across = rows * np.cos(angle) - columns * np.sin(angle)
    if rng.random() < 0.6:
        cover = np.clip(np.minimum(length / 2 - np.abs(along), breadth / 2 - np.abs(across)) + 0.5, 0, 1)
    else:
        cover = np.clip((1 - (2 * along / length) ** 2 - (2 * across / breadth) ** 2) * 3, 0, 1)
    ys, xs = np.nonzero(cover > 0.5)
    cropped: NDArray[np.float32] = cover[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1].astype(np.float32)
    return cropped


def _find_place(
    free: NDArray[np.bool_],
    size: tuple[int, ...],
    taken: Sequence[EdgeBox],
    rng: np.random.Generator,
) -> tuple[int, int] | None:
    height, width = size
    rows, columns = free.shape[0] - height, free.shape[1] - width
    if rows <= 0 or columns <= 0:
        return None
    for _ in range(_TRIES):
        top, left = int(rng.integers(rows)), int(rng.integers(columns))
        clear = free[top : top + height, left : left + width].all()
        if clear and not any(_touches((left, top, left + width, top + height), box) for box in taken):
            return top, left
    return None


def _touches(first: EdgeBox, second: EdgeBox) -> bool:
    gap = 2
    return (
        first[0] < second[2] + gap
        and second[0] < first[2] + gap
        and first[1] < second[3] + gap
        and second[1] < first[3] + gap
    )


def _resized(ship: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    height, width = size
    bands = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(ship[..., band])).resize(
                (width, height), Image.Resampling.BILINEAR
            )
        )
        for band in range(3)
    ]
    return np.stack(bands, axis=-1)
