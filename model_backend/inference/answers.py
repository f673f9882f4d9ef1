# SPDX-License-Identifier: GPL-2.0-or-later
"""One question put to an engine: the text as it grows, and the proposals as they become complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from PIL.Image import Image

from ..proposal import Proposal
from .completion import Completion
from .engine import Engine
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
    completion, calibration = Completion(), engine.info.calibration
    reading = None if prompt.answer == "text" else read_proposals(completion, prompt.target)
    for chunk in engine.complete(prompt, images, is_cancelled):
        completion = completion.extended(chunk)
        known = len(reading.proposals) if reading else 0
        if reading is not None and (chunk.finish_reason or may_complete_box(chunk.text)):
            reading = read_proposals(completion, prompt.target, calibration)
        yield AnswerStep(chunk.text, completion, reading, reading.proposals[known:] if reading else ())
