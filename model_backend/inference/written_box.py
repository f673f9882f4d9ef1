# SPDX-License-Identifier: GPL-2.0-or-later
"""Four numbers as a model wrote them, mended to a box of 0..1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ..proposal import Box

LARGEST_SHARE = 1.5
"""Numbers up to this are shares of the chip's side; a larger one means thousandths."""
THOUSANDTHS = 1000.0
TRAINED_GRID_PX = 224
"""Thousandths up to this could as well be pixels of the trained chip, or percent."""


class Drop(Enum):
    """Why something that looks like a box is not one."""

    CUT = "cut"
    NO_BOX = "no box"
    NO_LABEL = "no label"
    WRONG_LENGTH = "wrong length"
    NOT_A_NUMBER = "not a number"
    PLACEHOLDER = "placeholder"
    OUTSIDE = "outside"
    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class MendedBox:
    """A usable box, and what had to be done to it."""

    box: Box
    repairs: tuple[str, ...]


def number_of(text: str) -> float | None:
    """The number that a piece of text is, or None; a full stop after it does not count."""
    try:
        # float() also takes 1_0, which no model means.
        return None if "_" in text else float(text.rstrip("."))
    except ValueError:
        return None


def mend_box(values: Sequence[float | None]) -> MendedBox | Drop:
    """Reads ``x1, y1, x2, y2``; None stands for something that is no number.

    A number above 1.5 puts the whole box on a grid of 0..1000, as the reference evaluation has it; what
    fits 224 pixels as well is marked ``ambiguous unit``. A fraction of one beside such a number is no box.
    Up to half a side outside is clamped. A box of no width or height is one pixel: inclusive edges.
    """
    if len(values) != 4:
        return Drop.WRONG_LENGTH
    numbers = [value for value in values if value is not None and math.isfinite(value)]
    if len(numbers) != 4:
        return Drop.NOT_A_NUMBER
    if len(set(numbers)) == 1:
        return Drop.PLACEHOLDER
    repairs: list[str] = []
    if not _scale(numbers, repairs) or not all(1 - LARGEST_SHARE <= n <= LARGEST_SHARE for n in numbers):
        return Drop.OUTSIDE
    _order(numbers, repairs)
    x_min, y_min, x_max, y_max = numbers
    if min(x_max, y_max) < 0 or max(x_min, y_min) >= 1:
        return Drop.OUTSIDE
    box = (max(x_min, 0.0), max(y_min, 0.0), min(x_max, 1.0), min(y_max, 1.0))
    if list(box) != numbers:
        repairs.append("clamped")
    return MendedBox(box, tuple(repairs))


def _scale(numbers: list[float], repairs: list[str]) -> bool:
    """Brings thousandths to shares in place; False where the units are mixed."""
    largest = max(numbers)
    if largest <= LARGEST_SHARE:
        return True
    if any(0 < number < 1 for number in numbers):
        return False
    numbers[:] = [number / THOUSANDTHS for number in numbers]
    repairs.append("scaled 1/1000")
    if largest <= TRAINED_GRID_PX:
        repairs.append("ambiguous unit")
    return True


def _order(numbers: list[float], repairs: list[str]) -> None:
    for near, far, axis in ((0, 2, "x"), (1, 3, "y")):
        if numbers[near] > numbers[far]:
            numbers[near], numbers[far] = numbers[far], numbers[near]
            repairs.append(f"swapped {axis}")
