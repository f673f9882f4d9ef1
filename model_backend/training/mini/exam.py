# SPDX-License-Identifier: GPL-2.0-or-later
"""A short look, while training, at what the model writes about harbours that it never sees in a lesson."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..corpus.truth import PixelBox, area
from ..corpus.wording import all_percentages
from .batch import Batcher
from .lesson import CLASS_NAMES, Lesson, Question, Teacher
from .network import PATCHES
from .study import Study, patches
from .vocabulary import Vocabulary

_PARTIAL = 0.6
_FULL: PixelBox = (0, 0, 223, 223)


class Exam:
    """Fixed lessons from held-out harbours."""

    def __init__(self, teacher: Teacher, vocabulary: Vocabulary, count: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        self._batcher = Batcher(vocabulary)
        self._words = vocabulary
        self._targets = _asked([teacher.targets(1, 1.0, random) for _ in range(count)], "vessels")
        self._targets = [(lesson, question) for lesson, question in self._targets if len(question.boxes) == 1]
        self._ships = _asked([teacher.ships(random) for _ in range(count)], "vessels")
        covers = [teacher.cover(random) for _ in range(2 * count)]
        self._captions = _asked(covers, "caption")[:count]
        grounds = _asked(covers, "ground")
        self._partial = [
            (lesson, question)
            for lesson, question in grounds
            if question.boxes and area(question.boxes[0]) < _PARTIAL * area(_FULL)
        ][:count]

    def figures(self, study: Study) -> dict[str, float]:
        """What it reached, by name."""
        study.eval()
        figures = {"malformed": 0.0}
        for name, questions in (("target", self._targets), ("partial", self._partial)):
            answers = [self._boxes(text, figures) for text in self._write(study, questions)]
            best = [
                max((overlap(box, question.boxes[0]) for box in boxes), default=0.0)
                for boxes, (_, question) in zip(answers, questions, strict=True)
            ]
            figures[name] = float(np.mean(best))
            figures[f"{name}_above_half"] = float(np.mean(np.array(best) > 0.5))
        full = [overlap(_FULL, question.boxes[0]) for _, question in self._partial]
        figures["partial_full_frame"] = float(np.mean(full))
        figures["ships_f1"] = self._ships_f1(study, figures)
        figures.update(self._caption_figures(study))
        study.train()
        return {name: round(value, 3) for name, value in figures.items()}

    def _ships_f1(self, study: Study, figures: dict[str, float]) -> float:
        hits = count = 0
        for text, (_, question) in zip(self._write(study, self._ships), self._ships, strict=True):
            boxes, left = self._boxes(text, figures), list(question.boxes)
            count += len(boxes) + len(left)
            for box in boxes:
                best = max(left, key=lambda true: overlap(box, true), default=None)
                if best is not None and overlap(box, best) >= 0.25:
                    left.remove(best)
                    hits += 1
        return 2 * hits / max(1, count)

    def _caption_figures(self, study: Study) -> dict[str, float]:
        scale = dict(zip(all_percentages(), [0.5, 2.0, *range(5, 101, 5)], strict=True))
        errors, right = [], 0
        for text, (_, question) in zip(self._write(study, self._captions), self._captions, strict=True):
            told, true = _shares(text, scale), _shares(question.text, scale)
            errors += [abs(told[name] - true[name]) for name in CLASS_NAMES]
            right += max(told, key=lambda name: told[name]) == max(true, key=lambda name: true[name])
        return {"share_error": float(np.mean(errors)), "dominant": right / len(self._captions)}

    def _boxes(self, text: str, figures: dict[str, float]) -> list[PixelBox]:
        try:
            boxes = [tuple(round(number * 224) for number in entry["bbox"]) for entry in json.loads(text)]
        except (ValueError, TypeError, KeyError):
            figures["malformed"] += 1
            return []
        return [box for box in boxes if len(box) == 4 and box[0] <= box[2] and box[1] <= box[3]]

    @torch.no_grad()
    def _write(self, study: Study, questions: Sequence[tuple[Lesson, Question]]) -> list[str]:
        prompts = [self._batcher.opening + self._batcher.prompt(question) for _, question in questions]
        longest = max(map(len, prompts))
        pad = self._words.ids["<|pad|>"]
        ids = torch.tensor([[pad] * (longest - len(prompt)) + prompt for prompt in prompts])
        pictures = torch.from_numpy(np.stack([lesson.picture for lesson, _ in questions]))
        written = study.model.generate(
            input_ids=ids,
            attention_mask=(ids != pad).long(),
            max_new_tokens=90,
            do_sample=False,
            **seen(pictures),
        )
        decoder: Any = self._words.tokenizer
        return [decoder.decode(row[longest:].tolist(), skip_special_tokens=True) for row in written]


def seen(pictures: Tensor) -> dict[str, Tensor]:
    """The image processor's output for pictures (n, 256, 256, 3) in grey levels."""
    return {
        "pixel_values": patches(pictures),
        "pixel_attention_mask": torch.ones(len(pictures), PATCHES**2, dtype=torch.int32),
        "spatial_shapes": torch.full((len(pictures), 2), PATCHES),
    }


def overlap(first: PixelBox, second: PixelBox) -> float:
    """Intersection over union."""
    width = min(first[2], second[2]) - max(first[0], second[0]) + 1
    height = min(first[3], second[3]) - max(first[1], second[1]) + 1
    common = max(0, width) * max(0, height)
    return common / (area(first) + area(second) - common)


def _asked(lessons: Sequence[Lesson], task: str) -> list[tuple[Lesson, Question]]:
    return [
        (lesson, question) for lesson in lessons for question in lesson.questions if question.task == task
    ]


def _shares(text: str, scale: dict[str, float]) -> dict[str, float]:
    shares = dict.fromkeys(CLASS_NAMES, 0.0)
    for name in CLASS_NAMES:
        _, found, rest = text.partition(f"{name} (")
        if found:
            shares[name] = scale.get(rest.split(")")[0], 0.0)
    return shares
