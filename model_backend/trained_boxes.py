# SPDX-License-Identifier: GPL-2.0-or-later
"""Boxes as the trained answers hold them: which ones, in what order, and how they are written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from .contract import BoxForm, Contract, Objects, Task

PixelBox = tuple[int, int, int, int]
"""x_min, y_min, x_max, y_max: inclusive pixel indices on the contract's box grid, origin top left."""


def area(box: PixelBox) -> int:
    """Pixels inside."""
    return (box[2] - box[0] + 1) * (box[3] - box[1] + 1)


def most_boxes(task: Task, contract: Contract) -> int:
    """How many boxes an answer of the task names at most."""
    return contract.regions.max_boxes if task.label is None else contract.objects.max_boxes


def choose_boxes(boxes: Iterable[PixelBox], task: Task, contract: Contract) -> list[PixelBox]:
    """The boxes that an answer of the task names, in its order; regions go by the size of their boxes."""
    if task.label is not None and task.images == 1:
        return choose_objects(boxes, contract.objects)
    return sorted(boxes, key=lambda box: -area(box))[: most_boxes(task, contract)]


def choose_objects(boxes: Iterable[PixelBox], rule: Objects) -> list[PixelBox]:
    """The objects that an answer names, in its order."""
    if rule.order == "left":
        return sorted(boxes)[: rule.max_boxes]
    return sorted(boxes, key=lambda box: -area(box))[: rule.max_boxes]


def written_coordinate(pixel: int, form: BoxForm) -> str:
    """A pixel index as the answers write it: a fraction of the grid with at most four decimals."""
    return json.dumps(round(pixel / form.grid_px, 4))


def written_boxes(labelled: Sequence[tuple[str, PixelBox]], form: BoxForm) -> str:
    """The bare JSON list of an answer; ``[]`` without boxes."""
    boxes = ((label, ", ".join(written_coordinate(pixel, form) for pixel in box)) for label, box in labelled)
    return "[" + ", ".join(f'{{"label": {json.dumps(label)}, "bbox": [{box}]}}' for label, box in boxes) + "]"
