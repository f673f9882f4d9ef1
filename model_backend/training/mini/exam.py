# SPDX-License-Identifier: GPL-2.0-or-later
"""A short look, while training, at what the model writes about harbours that it never sees in a lesson."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...inference.random_tokenizer import PAD
from ...overlap import Edges, iou
from ...trained_boxes import PixelBox
from ..evaluation.captions import CaptionSample, classes_of, dominant_right, read_shares, share_error
from ..evaluation.matching import Proposed, Sample, count
from ..evaluation.trivial import FULL_FRAME, is_partial
from .batch import Batcher
from .lesson import Lesson, Question, Teacher
from .network import PATCHES
from .study import Study, patches
from .vocabulary import Vocabulary

_LEAST_IOU = 0.25
"""From here on a ship counts as found."""
_LONGEST_ANSWER = 90

Asked = tuple[Lesson, Question]


class Exam:
    """Fixed lessons from held-out harbours."""

    def __init__(self, teacher: Teacher, vocabulary: Vocabulary, questions: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._batcher = Batcher(vocabulary)
        self._words = vocabulary
        self._side = vocabulary.contract.box.grid_px
        targets = _asked([teacher.targets(1, 1.0, rng) for _ in range(questions)], "vessels")
        self._targets = [asked for asked in targets if len(asked[1].boxes) == 1]
        self._ships = _asked([teacher.ships(rng) for _ in range(questions)], "vessels")
        covers = [teacher.cover(rng) for _ in range(2 * questions)]
        self._captions = _asked(covers, "caption")[:questions]
        grounds = _asked(covers, "ground")
        self._partial = [asked for asked in grounds if is_partial(self._sample(asked[1], []))][:questions]

    def figures(self, study: Study) -> dict[str, float]:
        """What it reached, by name; ``malformed`` is a number of answers."""
        study.eval()
        targets, partial, ships = (
            self._answered(study, asked) for asked in (self._targets, self._partial, self._ships)
        )
        found = [_best(sample) for sample in targets[0]]
        figures = {
            "target": _mean(found),
            "target_above_half": _mean([best > 0.5 for best in found]),
            "partial": _mean([_best(sample) for sample in partial[0]]),
            "partial_full_frame": _mean([iou(FULL_FRAME, sample.largest) for sample in partial[0]]),
            "ships_f1": count(ships[0], _LEAST_IOU).f1 or 0.0,
            "malformed": targets[1] + partial[1] + ships[1],
            **self._caption_figures(study),
        }
        study.train()
        return {name: round(value, 3) for name, value in figures.items()}

    def _caption_figures(self, study: Study) -> dict[str, float]:
        contract = self._words.contract
        told = [read_shares(text, contract) or {} for text in self._write(study, self._captions)]
        true = [read_shares(question.text, contract) or {} for _, question in self._captions]
        samples = [CaptionSample(*pair) for pair in zip(true, told, strict=True)]
        return {
            "share_error": share_error(samples, classes_of(contract)) or 0.0,
            "dominant": dominant_right(samples) or 0.0,
        }

    def _answered(self, study: Study, asked: Sequence[Asked]) -> tuple[list[Sample], int]:
        """Truth and boxes of each answer, and how many answers are no list of boxes."""
        read = [_boxes(text) for text in self._write(study, asked)]
        pairs = zip(asked, read, strict=True)
        return [self._sample(question, boxes or []) for (_, question), boxes in pairs], read.count(None)

    def _sample(self, question: Question, boxes: Sequence[Edges]) -> Sample:
        step = 1 / self._side
        truth = tuple(_edges(box, self._side) for box in question.boxes)
        proposed = ((left, top, right + step, bottom + step) for left, top, right, bottom in boxes)
        return Sample(truth, tuple(Proposed(edges, None) for edges in proposed))

    @torch.no_grad()
    def _write(self, study: Study, asked: Sequence[Asked]) -> list[str]:
        prompts = [self._batcher.opening + self._batcher.prompt(question) for _, question in asked]
        longest = max(map(len, prompts))
        pad = self._words.ids[PAD]
        ids = torch.tensor([[pad] * (longest - len(prompt)) + prompt for prompt in prompts])
        pictures = torch.from_numpy(np.stack([lesson.picture for lesson, _ in asked]))
        written = study.model.generate(
            input_ids=ids,
            attention_mask=(ids != pad).long(),
            max_new_tokens=_LONGEST_ANSWER,
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


def _asked(lessons: Sequence[Lesson], task: str) -> list[Asked]:
    return [
        (lesson, question) for lesson in lessons for question in lesson.questions if question.task == task
    ]


def _boxes(text: str) -> list[Edges] | None:
    """Boxes as written; None where the answer is no list of them."""
    try:
        boxes = [tuple(map(float, entry["bbox"])) for entry in json.loads(text)]
    except (ValueError, TypeError, KeyError):
        return None
    return [(*box,) for box in boxes if len(box) == 4]


def _edges(box: PixelBox, side: int) -> Edges:
    return box[0] / side, box[1] / side, (box[2] + 1) / side, (box[3] + 1) / side


def _best(sample: Sample) -> float:
    return max((iou(proposed.edges, sample.largest) for proposed in sample.proposed), default=0.0)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else 0.0
