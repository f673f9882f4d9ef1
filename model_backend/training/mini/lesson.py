# SPDX-License-Identifier: GPL-2.0-or-later
"""One picture of a harbour, changed at random, with questions whose answers are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...contract import Contract
from ...trained_boxes import PixelBox, area, choose_objects
from ..corpus.truth import Classes, Region, class_shares, find_regions, majority
from ..corpus.wording import caption
from .harbour import WATER, Cutout, Harbour, Pixels
from .pasting import EdgeBox, paste_shape, paste_ship

CLASS_NAMES = ("water", "built areas", "tree cover")
VESSEL = "vessel candidate"
SEEN_PX = 256
"""Pixels a side that the vision tower sees of a chip."""
DENSE = 64
"""Cells a side of the cover that the vision tower is asked for."""
_TRIES = 30
_SHAPES = 0.65
"""Share of plain bright shapes among the things that are pasted on land and water alike."""


@dataclass(frozen=True)
class Question:
    """A prompt and its true answer."""

    task: str
    target: str
    boxes: tuple[PixelBox, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Lesson:
    """What one picture teaches."""

    picture: Pixels
    """(256, 256, 3)."""
    cover: Classes
    """(64, 64)."""
    regions: tuple[tuple[Region, ...], ...]
    """By class."""
    ships: tuple[PixelBox, ...]
    """All of them, pasted and real, also those beyond the answer's limit."""
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Mix:
    """How often which kind of picture is drawn; the rest is land and water as it is."""

    targets: float
    """Pictures with bright pasted things."""
    most_targets: int
    ships: float
    """Pictures with ships, real and pasted."""


@dataclass(frozen=True)
class _Crop:
    rgb: Pixels
    cover: Classes
    ships: tuple[EdgeBox, ...]


class Teacher:
    """Draws lessons; the same generator's state gives the same lesson."""

    def __init__(self, contract: Contract, harbours: Sequence[Harbour], cutouts: Sequence[Cutout]) -> None:
        self._contract = contract
        self._harbours = harbours
        sizes = np.sqrt([harbour.cover.size for harbour in harbours])
        self._weights = sizes / sizes.sum()
        self._cutouts = cutouts

    def draw(self, mix: Mix, rng: np.random.Generator) -> Lesson:
        """A lesson of a random kind."""
        kind = rng.random()
        if kind < mix.targets:
            return self.targets(int(rng.integers(1, mix.most_targets + 1)), _SHAPES, rng)
        if kind < mix.targets + mix.ships:
            return self.ships(rng)
        return self.cover(rng)

    def targets(self, count: int, shapes: float, rng: np.random.Generator) -> Lesson:
        """Things anywhere on a darkened picture without ships: a share of bright shapes, the rest ships."""
        crop = self._crop(rng, 90, 240, without_ships=True)
        picture = self._picture(crop, rng) * rng.uniform(0.5, 0.95)
        free = np.ones(picture.shape[:2], dtype=bool)
        boxes: list[EdgeBox] = [_scaled(ship, crop, self._side) for ship in crop.ships]
        for _ in range(count):
            length = math.exp(rng.uniform(math.log(11), math.log(64)))
            if rng.random() < shapes:
                box = paste_shape(picture, length, free, boxes, rng)
            else:
                box = paste_ship(picture, self._cutouts, length, free, boxes, rng)
            boxes += [box] if box else []
        return self._lesson(picture, crop.cover, boxes, rng, ("vessels", "any"))

    def ships(self, rng: np.random.Generator) -> Lesson:
        """Ships on the water, some of them real."""
        crop = self._crop_at_ship(rng) if rng.random() < 0.5 else self._crop(rng, 90, 190)
        taken, picture = list(crop.ships), crop.rgb.astype(np.float32)
        for _ in range(int(rng.integers(0, 6)) if rng.random() < 0.75 else 0):
            box = paste_ship(picture, self._cutouts, None, crop.cover == WATER, taken, rng)
            taken += [box] if box else []
        pasted = _Crop(np.clip(picture, 0, 255).astype(np.uint8), crop.cover, tuple(taken))
        boxes = [_scaled(ship, crop, self._side) for ship in taken]
        return self._lesson(self._picture(pasted, rng), crop.cover, boxes, rng, ("vessels", "any"))

    def cover(self, rng: np.random.Generator) -> Lesson:
        """Land and water as they are; most often with a region that fills a part of the picture."""
        for _ in range(_TRIES):
            crop = self._crop(rng, 90, 300)
            grid = majority(crop.cover, len(CLASS_NAMES), self._contract.regions.grid_px)
            if rng.random() < 0.25 or self._is_partial(grid):
                break
        boxes = [_scaled(ship, crop, self._side) for ship in crop.ships]
        return self._lesson(self._picture(crop, rng), crop.cover, boxes, rng, ("caption", "any", "any"))

    @property
    def _side(self) -> int:
        return self._contract.chip.model_px

    def _is_partial(self, grid: Classes) -> bool:
        for number in range(len(CLASS_NAMES)):
            regions = find_regions(grid == number, self._contract.regions, self._contract)
            if regions and area(regions[0].box) < 0.6 * self._side**2:
                return True
        return False

    def _crop(self, rng: np.random.Generator, least: int, most: int, without_ships: bool = False) -> _Crop:
        for _ in range(_TRIES):
            harbour = self._harbours[rng.choice(len(self._harbours), p=self._weights)]
            height, width = harbour.cover.shape
            side = min(int(math.exp(rng.uniform(math.log(least), math.log(most)))), height, width)
            crop = _cut(
                harbour, int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1)), side
            )
            if not (without_ships and crop.ships):
                break
        return crop

    def _crop_at_ship(self, rng: np.random.Generator) -> _Crop:
        weights = np.array([len(harbour.ships) for harbour in self._harbours], float)
        harbour = self._harbours[rng.choice(len(self._harbours), p=weights / weights.sum())]
        height, width = harbour.cover.shape
        side = min(int(math.exp(rng.uniform(math.log(90), math.log(190)))), height, width)
        ship = harbour.ships[rng.integers(len(harbour.ships))]
        left, top = ((ship[axis] + ship[axis + 2]) / 2 - side * rng.uniform(0.1, 0.9) for axis in (0, 1))
        return _cut(harbour, int(np.clip(left, 0, width - side)), int(np.clip(top, 0, height - side)), side)

    def _picture(self, crop: _Crop, rng: np.random.Generator) -> NDArray[np.float32]:
        """(224, 224, 3): most often stretched as a chip is, else as a map shows it."""
        rgb = crop.rgb
        if rng.random() < 0.75:
            low, high = rng.uniform(1, 3), rng.uniform(97, 99)
            ends = np.percentile(rgb[::2, ::2].reshape(-1, 3), (low, high), axis=0)
            stretched = (rgb - ends[0]) / np.maximum(ends[1] - ends[0], 1) * 255
            rgb = np.clip(stretched, 0, 255).astype(np.uint8)
        image = Image.fromarray(np.ascontiguousarray(rgb))
        return np.asarray(image.resize((self._side,) * 2, Image.Resampling.BILINEAR)).astype(np.float32)

    def _lesson(
        self,
        picture: NDArray[np.float32],
        cover: Classes,
        edges: Sequence[EdgeBox],
        rng: np.random.Generator,
        kinds: Sequence[str],
    ) -> Lesson:
        side, turns, flip = self._side, int(rng.integers(4)), rng.random() < 0.5
        inside = (_inclusive(box, side) for box in edges)
        ships = [_turned(box, side, turns, flip) for box in inside if box]
        grid = _turn(majority(cover, len(CLASS_NAMES), self._contract.regions.grid_px), turns, flip)
        regions = tuple(
            tuple(find_regions(grid == number, self._contract.regions, self._contract))
            for number in range(len(CLASS_NAMES))
        )
        return Lesson(
            picture=_seen(_turn(_weathered(picture, rng), turns, flip)),
            cover=_turn(majority(cover, len(CLASS_NAMES), DENSE), turns, flip),
            regions=regions,
            ships=tuple(ships),
            questions=self._questions(kinds, grid, regions, ships, rng),
        )

    def _questions(
        self,
        kinds: Sequence[str],
        grid: Classes,
        regions: Sequence[Sequence[Region]],
        ships: Sequence[PixelBox],
        rng: np.random.Generator,
    ) -> tuple[Question, ...]:
        asked: dict[str, Question] = {}
        for kind in kinds:
            number = int(rng.integers(len(CLASS_NAMES)))
            if kind == "any" and not regions[number]:  # fewer answers without boxes
                number = int(rng.integers(len(CLASS_NAMES)))
            if kind == "vessels":
                boxes = tuple(choose_objects(ships, self._contract.objects))
                asked["vessels"] = Question("vessels", VESSEL, boxes)
            elif kind == "caption" or rng.random() < 0.15:
                shares = class_shares(grid, len(CLASS_NAMES), self._contract.shares.min_cells)
                text = caption(self._contract, dict(zip(CLASS_NAMES, shares.tolist(), strict=True)))
                asked["caption"] = Question("caption", "", text=text)
            else:
                name = CLASS_NAMES[number]
                asked[name] = Question("ground", name, tuple(region.box for region in regions[number]))
        order = list(asked.values())
        rng.shuffle(order)
        return tuple(order)


def _cut(harbour: Harbour, left: int, top: int, side: int) -> _Crop:
    rows, columns = slice(top, top + side), slice(left, left + side)
    ships = tuple(
        (ship[0] - left, ship[1] - top, ship[2] - left, ship[3] - top)
        for ship in harbour.ships.tolist()
        if _half_inside(ship, left, top, side)
    )
    return _Crop(harbour.rgb[rows, columns], harbour.cover[rows, columns], ships)


def _half_inside(ship: Sequence[float], left: int, top: int, side: int) -> bool:
    width = min(ship[2], left + side) - max(ship[0], left)
    height = min(ship[3], top + side) - max(ship[1], top)
    whole = (ship[2] - ship[0]) * (ship[3] - ship[1])
    return width > 0 and height > 0 and width * height >= 0.5 * whole


def _scaled(box: EdgeBox, crop: _Crop, side: int) -> EdgeBox:
    factor = side / crop.cover.shape[0]
    return box[0] * factor, box[1] * factor, box[2] * factor, box[3] * factor


def _inclusive(box: EdgeBox, side: int) -> PixelBox | None:
    """The pixels inside edges, or None where nothing of a box is left."""
    low = [max(0, math.floor(edge + 0.25)) for edge in box[:2]]
    high = [min(side, math.ceil(edge - 0.25)) - 1 for edge in box[2:]]
    inside = low[0] <= high[0] and low[1] <= high[1]
    return (low[0], low[1], high[0], high[1]) if inside else None


def _turned(box: PixelBox, side: int, turns: int, flip: bool) -> PixelBox:
    last = side - 1
    for _ in range(turns):
        box = box[1], last - box[2], box[3], last - box[0]
    return (last - box[2], box[1], last - box[0], box[3]) if flip else box


def _turn(array: NDArray, turns: int, flip: bool) -> NDArray:  # type: ignore[type-arg]
    turned = np.rot90(array, turns)
    return turned[:, ::-1] if flip else turned


def _weathered(picture: NDArray[np.float32], rng: np.random.Generator) -> Pixels:
    """Another gain, haze, tint and noise."""
    gain = rng.uniform(0.85, 1.15) * rng.uniform(0.88, 1.12, 3)
    changed = picture * gain + rng.uniform(-15, 15) + rng.uniform(-8, 8, 3)
    if rng.random() < 0.3:
        noise = rng.standard_normal(picture.shape, dtype=np.float32)
        changed = changed + noise * rng.uniform(1, 6)
    return np.clip(changed, 0, 255).astype(np.uint8)


def _seen(picture: Pixels) -> Pixels:
    """As the image processor enlarges it."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(image.resize((SEEN_PX, SEEN_PX), Image.Resampling.BILINEAR))
