# SPDX-License-Identifier: GPL-2.0-or-later
"""Lessons to arrays: token ids of all questions behind one picture, and what each image token should know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...inference.random_tokenizer import BOS, EOS, IMAGE, IMAGE_END, IMAGE_START
from ...trained_boxes import PixelBox
from .lesson import CLASS_NAMES, DENSE, VESSEL, Lesson, Question
from .network import CELLS
from .vocabulary import TURN, Vocabulary

TOKENS = CELLS**2
IMAGE_AT = 4
"""Place of the first image token."""
NOT_ASKED = -1
KINDS = (*CLASS_NAMES, VESSEL)


class Batcher:
    """Knows the vocabulary; stateless otherwise."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._words = vocabulary
        ids = vocabulary.ids
        self.opening = [
            ids[BOS],
            ids[TURN],
            ids["user\n"],
            ids[IMAGE_START],
            *[ids[IMAGE]] * TOKENS,
            ids[IMAGE_END],
        ]
        self._closing = vocabulary.read(f"{EOS}\n{TURN}assistant\n")

    def prompt(self, question: Question) -> list[int]:
        """Token ids between the picture and the answer."""
        task = self._words.contract.task(question.task)
        return [*self._words.read(task.prompt.replace("{target}", question.target)), *self._closing]

    def answer(self, question: Question) -> list[int]:
        """Token ids of the true answer with the token that ends it."""
        task = self._words.contract.task(question.task)
        if task.answer == "text":
            return [*self._words.read(question.text), self._words.ids[EOS]]
        return self._words.boxes(task.label or question.target, question.boxes)

    def collate(self, lessons: Sequence[Lesson]) -> dict[str, NDArray[Any]]:
        """All lessons of a batch side by side.

        ``ids``, ``segment``, ``position`` and ``labels`` are (lessons, tokens): segment 0 is the picture,
        1.. the questions, -1 padding; labels are the next token's id within an answer. ``looks`` are
        (lesson, token, ...) of every coordinate to come, ``looked_at`` (looks, image tokens) where it can be
        seen.
        """
        rows = [self._row(lesson) for lesson in lessons]
        longest = max(len(row["ids"]) for row in rows)
        batch = {
            name: np.stack([_padded(row[name], longest, fill) for row in rows])
            for name, fill in (("ids", 0), ("segment", NOT_ASKED), ("position", 0), ("labels", NOT_ASKED))
        }
        looks = [(index, place) for index, row in enumerate(rows) for place, _ in row["looks"]]
        looked_at = [cells for row in rows for _, cells in row["looks"]]
        known = [_known(lesson) for lesson in lessons]
        return {
            **batch,
            "looks": np.array(looks, np.int64).reshape(-1, 2),
            "looked_at": np.array(looked_at, bool).reshape(-1, TOKENS),
            "pictures": np.stack([lesson.picture for lesson in lessons]),
            "cover": np.stack([lesson.cover for lesson in lessons]),
            "heat": np.stack([_heat(lesson.ships) for lesson in lessons]),
            "present": np.stack([present for present, _ in known]),
            "boxes": np.stack([boxes for _, boxes in known]),
        }

    def _row(self, lesson: Lesson) -> dict[str, Any]:
        ids, segment, position = list(self.opening), [0] * len(self.opening), list(range(len(self.opening)))
        labels, looks = [NOT_ASKED] * len(ids), []
        for number, question in enumerate(lesson.questions, start=1):
            prompt, answer = self.prompt(question), self.answer(question)
            start = len(ids) + len(prompt) - 1
            ids += prompt + answer[:-1]
            segment += [number] * (len(ids) - len(segment))
            position += range(len(self.opening), len(self.opening) + len(ids) - len(position))
            labels += [NOT_ASKED] * (len(prompt) - 1) + answer
            looks += self._looks(question, lesson, answer, start)
        return {"ids": ids, "segment": segment, "position": position, "labels": labels, "looks": looks}

    def _looks(
        self, question: Question, lesson: Lesson, answer: list[int], start: int
    ) -> list[tuple[int, NDArray[np.bool_]]]:
        first = self._words.first_coordinate
        places = [
            start + index
            for index, token in enumerate(answer)
            if first <= token < first + len(self._words.coordinates)
        ]
        if question.target in CLASS_NAMES:
            cells = [_coarse(region.cells) for region in lesson.regions[CLASS_NAMES.index(question.target)]]
        else:
            cells = [_covered(box) for box in question.boxes]
        looked_at = [_at_edge(mask, edge) for mask in cells for edge in range(4)]
        return list(zip(places, looked_at, strict=True)) if question.boxes else []


def _known(lesson: Lesson) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """What each image token should know: share of each kind in it, and the box of what it lies in."""
    boxes = np.full((TOKENS, len(KINDS), 4), NOT_ASKED, np.int64)
    fine = DENSE // CELLS
    present = np.zeros((TOKENS, len(KINDS)), np.float32)
    for kind, regions in enumerate(lesson.regions):
        blocks = (lesson.cover == kind).reshape(CELLS, fine, CELLS, fine)
        present[:, kind] = blocks.mean((1, 3)).ravel()
        for region in reversed(regions):
            boxes[_coarse(region.cells).ravel(), kind] = region.box
    for box in sorted(lesson.ships, key=lambda box: -box[2]):
        covered = _covered(box).ravel()
        boxes[covered, len(CLASS_NAMES)] = box
        present[covered, len(CLASS_NAMES)] = 1
    return present, boxes


def _coarse(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    fine = cells.shape[0] // CELLS
    coarse: NDArray[np.bool_] = np.any(cells.reshape(CELLS, fine, CELLS, fine), axis=(1, 3))
    return coarse


def _covered(box: PixelBox) -> NDArray[np.bool_]:
    """The cells that a box covers by more than a sliver, and the one of its centre."""
    cells = np.zeros((CELLS, CELLS), bool)
    size, sliver = 224 // CELLS, 3
    low = [min(edge + sliver, (edge + far) // 2) // size for edge, far in zip(box[:2], box[2:], strict=True)]
    high = [
        max(edge - sliver, (edge + near) // 2) // size for near, edge in zip(box[:2], box[2:], strict=True)
    ]
    cells[low[1] : high[1] + 1, low[0] : high[0] + 1] = True
    return cells


def _at_edge(cells: NDArray[np.bool_], edge: int) -> NDArray[np.bool_]:
    """The cells in which an edge (0 left, 1 top, 2 right, 3 bottom) can be seen."""
    rows, columns = np.nonzero(cells)
    line = (columns, rows)[edge % 2]
    chosen = line == (line.min() if edge < 2 else line.max())
    seen = np.zeros(cells.shape, bool)
    seen[rows[chosen], columns[chosen]] = True
    return seen.ravel()


def _heat(ships: Sequence[PixelBox]) -> NDArray[np.float32]:
    heat, factor = np.zeros((DENSE, DENSE), np.float32), DENSE / 224
    for box in ships:
        left, top = (int(edge * factor) for edge in box[:2])
        right, bottom = (int(np.ceil((edge + 1) * factor - 0.25)) for edge in box[2:])
        heat[top : max(top + 1, bottom), left : max(left + 1, right)] = 1
    return heat


def _padded(values: list[int], length: int, fill: int) -> NDArray[np.int64]:
    return np.array(values + [fill] * (length - len(values)), np.int64)
