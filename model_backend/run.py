# SPDX-License-Identifier: GPL-2.0-or-later
"""One run: every prompt put to the images of one place, the proposals placed on the map, told as events."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from .errors import BackendError
from .inference.answers import AnswerStep, ask_together
from .inference.completion import Completion
from .inference.engine import Engine
from .inference.prompts import Prompt
from .inference.proposals import Reading
from .place import Place, prompt_facts
from .proposal import Proposal
from .protocol import MessageType
from .request import RunRequest

Event = tuple[MessageType, dict[str, Any]]


def run(engine: Engine, request: RunRequest, is_cancelled: Callable[[], bool]) -> Iterator[Event]:
    """Yields the events of a run: stages, text, detections, and ``chip_done`` at its end.

    Where a report denies that there is anything, no boxes are asked for, unless the request says so.

    Raises:
        BackendError: whatever ends the run; events that were yielded stay valid.
    """
    yield from _PlaceRun(engine, Place(engine, request), is_cancelled).events()


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
    """All prompts on the images of a place."""

    def __init__(self, engine: Engine, place: Place, is_cancelled: Callable[[], bool]) -> None:
        self._engine = engine
        self._place = place
        self._is_cancelled = is_cancelled
        self._boxes = 0

    def events(self) -> Iterator[Event]:
        """Text and detections as they come, then what the place gave in all."""
        started = time.monotonic()
        place = self._place
        answers: list[dict[str, Any]] = []
        for group in place.groups():
            asked = place.worth_asking(group, answers)
            if asked:
                yield from self._answers(asked, answers)
        yield (
            MessageType.CHIP_DONE,
            {
                "chip_id": place.chip_id,
                "answers": answers,
                "gated": place.is_gated(answers),
                "seconds": time.monotonic() - started,
            },
        )

    def _answers(self, prompts: list[Prompt], answers: list[dict[str, Any]]) -> Iterator[Event]:
        """Boxes as soon as they are there; texts one after the other, the first of them as it is written."""
        rows = [_Row(prompt) for prompt in prompts]
        try:
            yield from self._told(rows)
            for steps in ask_together(self._engine, prompts, self._place.images, self._is_cancelled):
                for row, step in zip(rows, steps, strict=True):
                    if step is not None:
                        row.take(step)
                        for proposal in step.new_proposals:
                            yield from self._detection(proposal, row)
                yield from self._told(rows)
        except BackendError:
            for row in rows:
                row.is_over = True  # what has been written is told, however it ended
            yield from self._told([row for row in rows if row.step is not None])
            raise
        answers += [
            self._place.summary(row.prompt, row.completion, row.reading, row.unplaced)
            for row in rows
            if row.step is not None
        ]

    def _told(self, rows: list[_Row]) -> Iterator[Event]:
        """What is new of the first answer that is not over, and of those before it."""
        for row in rows:
            if not row.is_open:
                row.is_open = True
                yield (
                    MessageType.STAGE,
                    {"stage": "reading", "chip_id": self._place.chip_id, **prompt_facts(row.prompt)},
                )
            if row.has_news:
                yield MessageType.TEXT, self._text(row)
            if not row.is_over:
                return

    def _detection(self, proposal: Proposal, row: _Row) -> Iterator[Event]:
        detection = self._place.place(proposal, row.unplaced)
        if detection is not None:
            self._boxes += 1
            facts = prompt_facts(row.prompt)
            yield MessageType.DETECTION, {"detection": detection.to_payload(), "prompt": facts}

    def _text(self, row: _Row) -> dict[str, Any]:
        piece, tokens = row.told()
        return {
            "chip_id": self._place.chip_id,
            "target": row.prompt.target,
            "text": piece,
            "tokens": tokens,
            "boxes": self._boxes,
        }
