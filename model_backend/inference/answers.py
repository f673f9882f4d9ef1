# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions put to an engine: the text as it grows, and the proposals as they become complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from PIL.Image import Image

from ..proposal import Proposal
from .completion import Completion, CompletionChunk
from .engine import Engine, Question
from .prompts import Prompt
from .proposals import Reading, may_complete_box, read_proposals


@dataclass(frozen=True)
class AnswerStep:
    """The answer after one more token."""

    piece: str
    """The text that the token added."""
    completion: Completion
    """All so far; has a finish reason on the last step."""
    reading: Reading | None
    """All proposals so far; None for prompts whose answer is prose."""
    new_proposals: tuple[Proposal, ...]
    """Those that this token completed."""


def ask(
    engine: Engine, prompt: Prompt, images: Sequence[Image], is_cancelled: Callable[[], bool]
) -> Iterator[AnswerStep]:
    """Yields the answer step by step; raises what ``Engine.complete`` raises."""
    answer = _Answer(engine, prompt)
    for chunk in engine.complete(prompt, images, is_cancelled):
        yield answer.extended(chunk)


def ask_together(
    engine: Engine, prompts: Sequence[Prompt], images: Sequence[Image], is_cancelled: Callable[[], bool]
) -> Iterator[list[AnswerStep | None]]:
    """Yields each step of several answers on the same pictures, None where there is none.

    Raises what ``Engine.complete_together`` raises.
    """
    answers = [_Answer(engine, prompt) for prompt in prompts]
    for chunks in engine.complete_together([(prompt, images) for prompt in prompts], is_cancelled):
        pairs = zip(answers, chunks, strict=True)
        yield [None if chunk is None else answer.extended(chunk) for answer, chunk in pairs]


def completions_of(
    engine: Engine, questions: Sequence[Question], is_cancelled: Callable[[], bool]
) -> list[Completion]:
    """The whole answers to several questions; raises what ``Engine.complete_together`` raises."""
    completions = [Completion() for _ in questions]
    for chunks in engine.complete_together(questions, is_cancelled):
        for place, chunk in enumerate(chunks):
            if chunk is not None:
                completions[place] = completions[place].extended(chunk)
    return completions


class _Answer:
    """One answer as far as it has come."""

    def __init__(self, engine: Engine, prompt: Prompt) -> None:
        self._calibration = engine.info.calibration
        self._target = prompt.target
        self._completion = Completion()
        self._reading = None if prompt.answer == "text" else read_proposals(self._completion, prompt.target)

    def extended(self, chunk: CompletionChunk) -> AnswerStep:
        """The answer with one more token."""
        self._completion = self._completion.extended(chunk)
        known = len(self._reading.proposals) if self._reading else 0
        if self._reading is not None and (chunk.finish_reason or may_complete_box(chunk.text)):
            self._reading = read_proposals(self._completion, self._target, self._calibration)
        new = self._reading.proposals[known:] if self._reading else ()
        return AnswerStep(chunk.text, self._completion, self._reading, new)
