# SPDX-License-Identifier: GPL-2.0-or-later
"""A harbour with its truth, whole in memory, and the ships that can be cut out of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray

from ..corpus.truth import NO_CLASS, Classes

Pixels = NDArray[np.uint8]
"""(rows, columns, 3)."""
WATER = 0
_CLASSES = 3
_MARGIN = 5
"""Water pixels around a ship that is cut out."""


@dataclass(frozen=True)
class Harbour:
    """One scene of the training set, in its own pixels."""

    name: str
    rgb: Pixels
    cover: Classes
    """0 water, 1 built areas, 2 tree cover."""
    ships: NDArray[np.float64]
    """(ships, 4): x_min, y_min, x_max, y_max, edges."""


@dataclass(frozen=True)
class Cutout:
    """A ship as a difference from the water around it."""

    difference: NDArray[np.float32]
    """(rows, columns, 3), margins included."""
    margin: int


def load_harbours(folder: Path, left_out: tuple[str, ...] = ()) -> list[Harbour]:
    """All harbours of a folder, in the order of their names, but those left out."""
    names = sorted(path.name.removesuffix("_ships.geojson") for path in folder.glob("*_ships.geojson"))
    return [_load(folder, name) for name in names if name not in left_out]


def cut_ships(harbours: list[Harbour]) -> list[Cutout]:
    """Ships that lie alone on open water and stand out from it."""
    found = (_cut(harbour, ship) for harbour in harbours for ship in harbour.ships.astype(int))
    return [cutout for cutout in found if cutout is not None]


def _load(folder: Path, name: str) -> Harbour:
    with rasterio.open(folder / f"{name}.tif") as raster:
        rgb = np.ascontiguousarray(raster.read([1, 2, 3]).transpose(1, 2, 0))
    with rasterio.open(folder / f"{name}_cover.tif") as raster:
        cover = raster.read(1)
    known = (cover >= 1) & (cover <= _CLASSES)
    ships = json.loads((folder / f"{name}_ships.geojson").read_text(encoding="utf-8"))["features"]
    edges = [
        [ship["properties"][key] for key in ("col_min", "row_min", "col_max", "row_max")] for ship in ships
    ]
    return Harbour(name, rgb, np.where(known, cover - 1, NO_CLASS).astype(np.uint8), np.array(edges, float))


def _cut(harbour: Harbour, ship: NDArray[np.int_]) -> Cutout | None:
    left, top, right, bottom = ship
    height, width = harbour.cover.shape
    if left < _MARGIN or top < _MARGIN or right + _MARGIN > width or bottom + _MARGIN > height:
        return None
    rows, columns = slice(top - _MARGIN, bottom + _MARGIN), slice(left - _MARGIN, right + _MARGIN)
    pixels, cover = harbour.rgb[rows, columns].astype(np.float32), harbour.cover[rows, columns]
    ring = np.ones(cover.shape, bool)
    ring[_MARGIN - 1 : 1 - _MARGIN, _MARGIN - 1 : 1 - _MARGIN] = False
    difference = pixels - np.median(pixels[ring], axis=0)
    inside = difference[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    if (cover[ring] == WATER).mean() < 0.93 or np.abs(inside).max(axis=(0, 1)).mean() < 15:
        return None
    return Cutout((difference * _fade(cover.shape)[..., None]).astype(np.float32), _MARGIN)


def _fade(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """1 over the ship, 0 at the border, so that the cut does not show."""
    rows, columns = (
        np.clip((np.minimum(np.arange(size), np.arange(size)[::-1]) - 1) / 2, 0, 1) for size in shape
    )
    return np.minimum.outer(rows, columns).astype(np.float32)
