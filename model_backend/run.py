# SPDX-License-Identifier: GPL-2.0-or-later
"""One run: every prompt put to every chip, the proposals placed on the map, told as events."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from .chip import Chip
from .errors import GeoreferenceError
from .georeference.placement import Placement
from .inference.answers import AnswerStep, ask
from .inference.engine import Engine
from .inference.picture import read_picture
from .inference.prompts import Prompt, build_prompts
from .proposal import Detection, Proposal
from .protocol import MessageType
from .request import RunRequest

Event = tuple[MessageType, dict[str, Any]]


def run(engine: Engine, request: RunRequest, is_cancelled: Callable[[], bool]) -> Iterator[Event]:
    """Yields the events of a run: stages, text, detections, and one ``chip_done`` a chip.

    Raises:
        BackendError: whatever ends the run; events that were yielded stay valid.
    """
    prompts = build_prompts(engine.contract, request.task, request.targets, request.max_new_tokens)
    for chip in request.chips:
        yield from _ChipRun(engine, request, chip, is_cancelled).events(prompts)


class _ChipRun:
    """All prompts on one chip."""

    def __init__(
        self, engine: Engine, request: RunRequest, chip: Chip, is_cancelled: Callable[[], bool]
    ) -> None:
        self._engine = engine
        self._chip = chip
        self._image = read_picture(
            io.BytesIO(chip.png), f"chip {chip.chip_id}", ["PNG"], (chip.width_px, chip.height_px)
        )
        self._placement = Placement(chip, request.output_crs_wkt, request.clip_wkt, engine.contract.box)
        self._is_cancelled = is_cancelled
        self._boxes = 0

    def events(self, prompts: list[Prompt]) -> Iterator[Event]:
        """Text and detections as they come, then what the chip gave in all."""
        started = time.monotonic()
        answers: list[dict[str, Any]] = []
        for prompt in prompts:
            yield from self._answer(prompt, answers)
        seconds = time.monotonic() - started
        yield (
            MessageType.CHIP_DONE,
            {"chip_id": self._chip.chip_id, "answers": answers, "seconds": seconds},
        )

    def _answer(self, prompt: Prompt, answers: list[dict[str, Any]]) -> Iterator[Event]:
        yield MessageType.STAGE, {"stage": "reading", "chip_id": self._chip.chip_id, **_prompt_facts(prompt)}
        unplaced: Counter[str] = Counter()
        step: AnswerStep | None = None
        for step in ask(self._engine, prompt, [self._image], self._is_cancelled):
            for proposal in step.new_proposals:
                yield from self._place(proposal, prompt, unplaced)
            yield MessageType.TEXT, self._text(prompt, step)
        if step is not None:
            answers.append(_summary(prompt, step, unplaced))

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
            "chip_id": self._chip.chip_id,
            "target": prompt.target,
            "text": step.piece,
            "tokens": len(step.completion.tokens),
            "boxes": self._boxes,
        }


def _summary(prompt: Prompt, step: AnswerStep, unplaced: Counter[str]) -> dict[str, Any]:
    reason, reading = step.completion.finish_reason, step.reading
    return {
        **_prompt_facts(prompt),
        "text": step.completion.text,
        "tokens": len(step.completion.tokens),
        "finish_reason": reason.value if reason else None,
        "outcome": reading.outcome.value if reading else None,
        "dropped": {**(reading.dropped if reading else {}), **unplaced},
        "notes": list(reading.notes) if reading else [],
    }


def _prompt_facts(prompt: Prompt) -> dict[str, Any]:
    return {
        "task": prompt.task,
        "target": prompt.target,
        "prompt": prompt.text,
        "trained": prompt.trained,
    }
