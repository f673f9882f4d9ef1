# SPDX-License-Identifier: GPL-2.0-or-later
"""One run: every prompt put to the images of one place, the proposals placed on the map, told as events."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

from PIL.Image import Image

from .chip import Chip
from .errors import BackendError, GeoreferenceError
from .georeference.placement import Placement
from .inference.answers import AnswerStep, ask_together
from .inference.completion import Completion
from .inference.engine import Engine
from .inference.picture import read_picture
from .inference.prompts import Prompt, build_prompts, check_images
from .inference.proposals import Reading
from .proposal import Detection, Proposal
from .protocol import MessageType
from .request import RunRequest

Event = tuple[MessageType, dict[str, Any]]


def run(engine: Engine, request: RunRequest, is_cancelled: Callable[[], bool]) -> Iterator[Event]:
    """Yields the events of a run: stages, text, detections, and ``chip_done`` at its end.

    Where a report denies that there is anything, no boxes are asked for, unless the request says so.

    Raises:
        BackendError: whatever ends the run; events that were yielded stay valid.
    """
    yield from _PlaceRun(engine, request, is_cancelled).events(prompts_of(engine, request))


def prompts_of(engine: Engine, request: RunRequest) -> list[Prompt]:
    """The prompts of a request; RequestError where it makes no sense to this model."""
    check_images(engine.contract, request.task, len(request.chips))
    return build_prompts(
        engine.contract,
        request.task,
        request.targets,
        request.max_new_tokens,
        question=request.question,
        dates=[chip.date for chip in request.chips],
        wordings=request.wordings,
        keep_form=request.keep_form,
    )


def image_of(chip: Chip) -> Image:
    """A chip's pixels; RequestError where they are no PNG of its size."""
    size = (chip.width_px, chip.height_px)
    return read_picture(io.BytesIO(chip.png), f"chip {chip.chip_id}", ["PNG"], size)


class _Row:
    """One of the answers that are written side by side, and how much of it was told."""

    def __init__(self, prompt: Prompt) -> None:
        self.prompt = prompt
        self.unplaced: Counter[str] = Counter()
        self.step: AnswerStep | None = None
        self.is_open = False
        """Whether it was told what is asked."""
        self.is_over = False
        self._told_characters = 0
        self._told_tokens = 0

    @property
    def completion(self) -> Completion:
        """All that has been written."""
        return self.step.completion if self.step else Completion()

    @property
    def reading(self) -> Reading | None:
        """The proposals so far; None for prose."""
        return self.step.reading if self.step else None

    @property
    def has_news(self) -> bool:
        """Whether there are tokens that were not told."""
        return len(self.completion.tokens) > self._told_tokens

    def take(self, step: AnswerStep) -> None:
        """Goes on by a token."""
        self.step = step
        self.is_over = step.completion.finish_reason is not None

    def told(self) -> tuple[str, int]:
        """The text that was not told yet, and the tokens of all of it; they count as told from now on."""
        completion = self.completion
        piece = completion.text[self._told_characters :]
        self._told_characters, self._told_tokens = len(completion.text), len(completion.tokens)
        return piece, self._told_tokens


class _PlaceRun:
    """All prompts on the images of a place; boxes lie on the last of them."""

    def __init__(self, engine: Engine, request: RunRequest, is_cancelled: Callable[[], bool]) -> None:
        self._engine = engine
        self._ask_anyway = request.ask_anyway
        self._together = request.together
        self._images = [image_of(chip) for chip in request.chips]
        placed = request.chips[-1]
        self._chip_id = placed.chip_id
        self._placement = Placement(placed, request.output_crs_wkt, request.clip_wkt, engine.contract.box)
        self._is_cancelled = is_cancelled
        self._boxes = 0

    def events(self, prompts: list[Prompt]) -> Iterator[Event]:
        """Text and detections as they come, then what the place gave in all."""
        started = time.monotonic()
        answers: list[dict[str, Any]] = []
        for group in self._groups(prompts):
            asked = [prompt for prompt in group if not self._is_gated(prompt, answers)]
            if asked:
                yield from self._answers(asked, answers)
        yield (
            MessageType.CHIP_DONE,
            {
                "chip_id": self._chip_id,
                "answers": answers,
                "gated": any(self._is_gated(prompt, answers) for prompt in prompts),
                "seconds": time.monotonic() - started,
            },
        )

    def _groups(self, prompts: list[Prompt]) -> list[list[Prompt]]:
        """Prompts that are answered together: boxes wait for the report before them."""
        if not self._together:
            return [[prompt] for prompt in prompts]
        return [list(group) for _answer, group in groupby(prompts, key=lambda prompt: prompt.answer)]

    def _is_gated(self, prompt: Prompt, answers: list[dict[str, Any]]) -> bool:
        """Whether boxes are not worth asking for after what was answered before."""
        denied = any(answer["negative"] for answer in answers)
        return denied and prompt.answer == "boxes" and not self._ask_anyway

    def _answers(self, prompts: list[Prompt], answers: list[dict[str, Any]]) -> Iterator[Event]:
        """Boxes as soon as they are there; texts one after the other, the first of them as it is written."""
        rows = [_Row(prompt) for prompt in prompts]
        try:
            yield from self._told(rows)
            for steps in ask_together(self._engine, prompts, self._images, self._is_cancelled):
                for row, step in zip(rows, steps, strict=True):
                    if step is not None:
                        row.take(step)
                        for proposal in step.new_proposals:
                            yield from self._place(proposal, row.prompt, row.unplaced)
                yield from self._told(rows)
        except BackendError:
            for row in rows:
                row.is_over = True  # what has been written is told, however it ended
            yield from self._told([row for row in rows if row.step is not None])
            raise
        answers += [self._summary(row) for row in rows if row.step is not None]

    def _told(self, rows: list[_Row]) -> Iterator[Event]:
        """What is new of the first answer that is not over, and of those before it."""
        for row in rows:
            if not row.is_open:
                row.is_open = True
                yield (
                    MessageType.STAGE,
                    {"stage": "reading", "chip_id": self._chip_id, **_prompt_facts(row.prompt)},
                )
            if row.has_news:
                yield MessageType.TEXT, self._text(row)
            if not row.is_over:
                return

    def _place(self, proposal: Proposal, prompt: Prompt, unplaced: Counter[str]) -> Iterator[Event]:
        try:
            detection: Detection | None = self._placement.place(proposal)
        except GeoreferenceError as error:
            unplaced[str(error)] += 1
            return
        if detection is None:
            unplaced["outside the AOI"] += 1
            return
        self._boxes += 1
        yield MessageType.DETECTION, {"detection": detection.to_payload(), "prompt": _prompt_facts(prompt)}

    def _text(self, row: _Row) -> dict[str, Any]:
        piece, tokens = row.told()
        return {
            "chip_id": self._chip_id,
            "target": row.prompt.target,
            "text": piece,
            "tokens": tokens,
            "boxes": self._boxes,
        }

    def _summary(self, row: _Row) -> dict[str, Any]:
        completion, reading = row.completion, row.reading
        reason = completion.finish_reason
        return {
            **_prompt_facts(row.prompt),
            "text": completion.text,
            "tokens": len(completion.tokens),
            "finish_reason": reason.value if reason else None,
            "outcome": reading.outcome.value if reading else None,
            "negative": self._engine.contract.task(row.prompt.task).denies(completion.text),
            "dropped": {**(reading.dropped if reading else {}), **row.unplaced},
            "notes": list(reading.notes) if reading else [],
        }


def _prompt_facts(prompt: Prompt) -> dict[str, Any]:
    return {
        "task": prompt.task,
        "target": prompt.target,
        "prompt": prompt.text,
        "trained": prompt.trained,
        "answer": prompt.answer,
    }
