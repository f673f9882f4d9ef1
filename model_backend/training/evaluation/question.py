# SPDX-License-Identifier: GPL-2.0-or-later
"""A row as a question: what the model is asked, and what would be right."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...contract import Contract, Task
from ...errors import RowInvalid
from ...georeference.placement import window_of
from ...inference.prompts import Prompt
from ...overlap import Edges
from ..corpus.row import Row
from ..corpus.validation import validate
from .captions import classes_of

Labelled = tuple[str, Edges]
"""The words for a label, and a box that has it."""


@dataclass(frozen=True)
class Question:
    """One row, read by the words of a contract."""

    name: str
    row: Row
    task: Task
    target: str
    """The words that the prompt looks for; empty where it looks for nothing or for everything."""
    label: str
    """The words for the label asked for; empty where any label is."""
    truth: tuple[Labelled, ...]
    shares: dict[str, float]
    """True shares of the contract's classes, in points; empty if unknown."""

    @property
    def prompt(self) -> Prompt:
        """The row's own wording, with the task's budget of tokens."""
        task, target = self.task, self.target or None
        budget, system = task.max_new_tokens, self.row.system
        return Prompt(task.name, system, self.row.prompt, task.answer, budget, trained=True, target=target)


def questions_of(rows: Iterable[Row], contract: Contract) -> list[Question]:
    """Rows as questions, all of them read before the first is asked.

    Rows that name their contract are taken to be valid, see ``validate``; the others are validated here.

    Raises:
        RowInvalid: a row was made for another contract, is answered with a label that it does not ask for,
            or has shares that cannot be read.
    """
    return [_question(row, contract, f"row {number}") for number, row in enumerate(rows, start=1)]


def edges_of(box: tuple[float, float, float, float], contract: Contract) -> Edges:
    """A written box by its edges, as the plugin places it on a chip; GeoreferenceError if it is none."""
    return window_of(box, contract.box, 1, 1)


def _question(row: Row, contract: Contract, place: str) -> Question:
    facts = row.metadata
    name = str(facts.get("sample_id") or place)
    made_for = facts.get("contract")
    if not made_for:
        validate(row, contract)
    elif made_for != contract.name:
        raise RowInvalid(f"{name} was made for {made_for}; the model's contract is {contract.name}")
    if "task" not in facts:
        raise RowInvalid(f"{name} names no task: figures are of single questions, not of conversations")
    task, target = contract.task(str(facts.get("task"))), str(facts.get("target") or "")
    label = contract.words_for_label(str(facts.get("label") or "") or task.label or target)
    truth = _truth(row.answer, contract) if task.answer == "boxes" else ()
    others = sorted({words for words, _edges in truth} - {label})
    if label and others:
        raise RowInvalid(f"{name} asks for {label} and is answered with {', '.join(others)}")
    shares = _shares(facts.get("shares"), name, contract) if task.name == "caption" else {}
    return Question(name, row, task, target, label, truth, shares)


def _truth(answer: str, contract: Contract) -> tuple[Labelled, ...]:
    """The boxes as written: the reading of proposals would drop some that are true, such as single pixels."""
    return tuple(
        (contract.words_for_label(entry["label"]), edges_of(entry["bbox"], contract))
        for entry in json.loads(answer)
    )


def _shares(entries: Any, name: str, contract: Contract) -> dict[str, float]:
    try:
        shares = {str(entry["name"]): 100.0 * float(entry["share"]) for entry in entries or ()}
    except (ValueError, TypeError, KeyError) as error:
        raise RowInvalid(f"{name} has shares that cannot be read: {entries!r}") from error
    return {known: shares.get(known, 0.0) for known in classes_of(contract)} if shares else {}
