# SPDX-License-Identifier: GPL-2.0-or-later
"""Several places asked side by side: what one run after the other would give, in less time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from .inference.answers import completions_of
from .inference.completion import Completion
from .inference.engine import Engine
from .inference.prompts import Prompt
from .inference.proposals import read_proposals
from .place import Place, prompt_facts
from .protocol import MessageType
from .request import BatchRequest
from .run import Event


@dataclass
class _Told:
    """What a place has given so far."""

    place: Place
    answers: list[dict[str, Any]] = field(default_factory=list)
    detections: list[dict[str, Any]] = field(default_factory=list)


def run_batch(engine: Engine, request: BatchRequest, is_cancelled: Callable[[], bool]) -> Iterator[Event]:
    """Yields a ``chip_done`` a place, in the order of the request, each with its ``detections``.

    Raises:
        BackendError: whatever ends it; what a place gave was told whole or not at all.
    """
    started = time.monotonic()
    told = [_Told(Place(engine, run)) for run in request.runs]
    for groups in zip_longest(*(each.place.groups() for each in told), fillvalue=()):
        asked = [
            (each, prompt)
            for each, group in zip(told, groups, strict=True)
            for prompt in each.place.worth_asking(group, each.answers)
        ]
        questions = [(prompt, each.place.images) for each, prompt in asked]
        completions = completions_of(engine, questions, is_cancelled)
        for (each, prompt), completion in zip(asked, completions, strict=True):
            _take(each, prompt, completion, engine)
    seconds = (time.monotonic() - started) / len(told)
    for each in told:
        yield MessageType.CHIP_DONE, _done(each, seconds)


def _take(told: _Told, prompt: Prompt, completion: Completion, engine: Engine) -> None:
    unplaced: Counter[str] = Counter()
    reading = None
    if prompt.answer == "boxes":
        reading = read_proposals(completion, prompt.target, engine.info.calibration)
        placed = [told.place.place(proposal, unplaced) for proposal in reading.proposals]
        facts = prompt_facts(prompt)
        told.detections += [{"detection": each.to_payload(), "prompt": facts} for each in placed if each]
    told.answers.append(told.place.summary(prompt, completion, reading, unplaced))


def _done(told: _Told, seconds: float) -> dict[str, Any]:
    return {
        "chip_id": told.place.chip_id,
        "answers": told.answers,
        "detections": told.detections,
        "gated": told.place.is_gated(told.answers),
        "seconds": seconds,
    }
