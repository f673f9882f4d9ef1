# SPDX-License-Identifier: GPL-2.0-or-later
"""One run: every prompt put to the images of one place, the proposals placed on the map, told as events."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from PIL.Image import Image

from .chip import Chip
from .errors import GeoreferenceError
from .georeference.placement import Placement
from .inference.answers import AnswerStep, ask
from .inference.engine import Engine
from .inference.picture import read_picture
from .inference.prompts import Prompt, build_prompts, check_images
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
    )


def image_of(chip: Chip) -> Image:
    """A chip's pixels; RequestError where they are no PNG of its size."""
    size = (chip.width_px, chip.height_px)
    return read_picture(io.BytesIO(chip.png), f"chip {chip.chip_id}", ["PNG"], size)


class _PlaceRun:
    """All prompts on the images of a place; boxes lie on the last of them."""

    def __init__(self, engine: Engine, request: RunRequest, is_cancelled: Callable[[], bool]) -> None:
        self._engine = engine
        self._ask_anyway = request.ask_anyway
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
        for prompt in prompts:
            if not self._is_gated(prompt, answers):
                yield from self._answer(prompt, answers)
        yield (
            MessageType.CHIP_DONE,
            {
                "chip_id": self._chip_id,
                "answers": answers,
                "gated": any(self._is_gated(prompt, answers) for prompt in prompts),
                "seconds": time.monotonic() - started,
            },
        )

    def _is_gated(self, prompt: Prompt, answers: list[dict[str, Any]]) -> bool:
        """Whether boxes are not worth asking for after what was answered before."""
        denied = any(answer["negative"] for answer in answers)
        return denied and prompt.answer == "boxes" and not self._ask_anyway

    def _answer(self, prompt: Prompt, answers: list[dict[str, Any]]) -> Iterator[Event]:
        yield MessageType.STAGE, {"stage": "reading", "chip_id": self._chip_id, **_prompt_facts(prompt)}
        unplaced: Counter[str] = Counter()
        step: AnswerStep | None = None
        for step in ask(self._engine, prompt, self._images, self._is_cancelled):
            for proposal in step.new_proposals:
                yield from self._place(proposal, prompt, unplaced)
            yield MessageType.TEXT, self._text(prompt, step)
        if step is not None:
            answers.append(self._summary(prompt, step, unplaced))

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

    def _text(self, prompt: Prompt, step: AnswerStep) -> dict[str, Any]:
        return {
            "chip_id": self._chip_id,
            "target": prompt.target,
            "text": step.piece,
            "tokens": len(step.completion.tokens),
            "boxes": self._boxes,
        }

    def _summary(self, prompt: Prompt, step: AnswerStep, unplaced: Counter[str]) -> dict[str, Any]:
        reason, reading, text = step.completion.finish_reason, step.reading, step.completion.text
        return {
            **_prompt_facts(prompt),
            "text": text,
            "tokens": len(step.completion.tokens),
            "finish_reason": reason.value if reason else None,
            "outcome": reading.outcome.value if reading else None,
            "negative": self._engine.contract.task(prompt.task).denies(text),
            "dropped": {**(reading.dropped if reading else {}), **unplaced},
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
