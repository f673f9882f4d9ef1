# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions put to an engine in batches, and the answers as the plugin reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Protocol, TypeVar

from PIL.Image import Image

from ...contract import Contract
from ...inference.completion import Completion, FinishReason
from ...inference.engine import ModelInfo
from ...inference.picture import read_picture
from ...inference.prompts import Prompt
from ...inference.proposals import Outcome, Reading, read_proposals
from ...inference.written_box import Drop
from .captions import is_trained_caption, is_trained_report
from .matching import Proposed, Sample
from .question import Question, edges_of

Entry = TypeVar("Entry")


class BatchEngine(Protocol):
    """A loaded model that answers several questions at once."""

    info: ModelInfo
    contract: Contract

    def complete_batch(
        self, questions: Sequence[tuple[Prompt, Sequence[Image]]], is_cancelled: Callable[[], bool]
    ) -> list[Completion]:
        """The greedy answers, in order; raises what ``Engine.complete`` raises."""
        ...


@dataclass(frozen=True)
class Answer:
    """What the model said to one question."""

    question: Question
    completion: Completion
    reading: Reading
    """For prose only its notes mean something."""
    proposed: tuple[tuple[str, Proposed], ...]
    """By the words for their labels; none for prose."""
    trained_form: bool
    """Whether it is written exactly as the trained answers are, and whole."""
    seconds: float
    """Of its batch, divided by the batch's answers."""

    @property
    def repeats(self) -> bool:
        """Whether it says a box twice, or goes round in circles."""
        return Drop.DUPLICATE.value in self.reading.dropped or "loop" in self.reading.notes

    def samples(self) -> dict[str, Sample]:
        """Truth and proposals by label: one sample for the label asked for, else one for each named."""
        label, truth = self.question.label, self.question.truth
        if label:
            proposed = tuple(replace(box, fits=words == label) for words, box in self.proposed)
            return {label: Sample(tuple(edges for _words, edges in truth), proposed)}
        names = dict.fromkeys([words for words, _edges in truth] + [words for words, _box in self.proposed])
        return {
            name: Sample(
                tuple(edges for words, edges in truth if words == name),
                tuple(box for words, box in self.proposed if words == name),
            )
            for name in names
        }


def ask(
    engine: BatchEngine, questions: Sequence[Question], batch: int, on_progress: Callable[[int], None]
) -> list[Answer]:
    """The answers, in the order of the questions.

    Those of one task are asked together; ``on_progress`` hears how many are answered.

    Raises:
        RequestError: a picture cannot be read.
        OutOfMemory: the device has too little memory for the batch.
    """
    order = sorted(range(len(questions)), key=lambda index: questions[index].task.name)
    answers: dict[int, Answer] = {}
    for start in range(0, len(order), batch):
        indices = order[start : start + batch]
        started = perf_counter()
        asked = [(questions[index].prompt, _pictures(questions[index])) for index in indices]
        completions = engine.complete_batch(asked, lambda: False)
        seconds = (perf_counter() - started) / len(indices)
        for index, completion in zip(indices, completions, strict=True):
            answers[index] = _answer(questions[index], completion, engine, seconds)
        on_progress(len(answers))
    return [answers[index] for index in range(len(questions))]


def spread(entries: Sequence[Entry], most: int | None) -> Sequence[Entry]:
    """At most so many of them, evenly from first to last; all for None."""
    if most is None or most >= len(entries):
        return entries
    return [entries[index * len(entries) // most] for index in range(most)]


def _pictures(question: Question) -> list[Image]:
    return [read_picture(path, str(path)) for path in question.row.images]


def _answer(question: Question, completion: Completion, engine: BatchEngine, seconds: float) -> Answer:
    contract = engine.contract
    reading = read_proposals(completion, question.target or None, engine.info.calibration)
    proposals = reading.proposals if question.task.answer == "boxes" else ()
    proposed = tuple(
        (
            contract.words_for_label(proposal.label),
            Proposed(edges_of(proposal.box, contract), proposal.score, spread=proposal.spread),
        )
        for proposal in proposals
    )
    whole = completion.finish_reason is FinishReason.STOP
    trained = whole and _is_trained_form(question, completion.text, reading, contract)
    return Answer(question, completion, reading, proposed, trained, seconds)


def _is_trained_form(question: Question, text: str, reading: Reading, contract: Contract) -> bool:
    if question.task.name == "caption":
        return is_trained_caption(text, contract)
    if question.task.answer == "text":
        return is_trained_report(text, question.task)
    mended = any(proposal.repairs for proposal in reading.proposals)
    if (
        mended
        or reading.dropped
        or reading.notes
        or reading.outcome not in (Outcome.FOUND, Outcome.EMPTY_LIST)
    ):
        return False
    try:
        return isinstance(json.loads(text), list)
    except ValueError:
        return False
