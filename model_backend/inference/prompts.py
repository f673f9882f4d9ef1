# SPDX-License-Identifier: GPL-2.0-or-later
"""A task and its targets to prompts, in the trained wording of the contract."""

from __future__ import annotations

from dataclasses import dataclass

from ..contract import Contract, Task
from ..errors import RequestError
from .tokens import neutralise

DETECT = "detect"
"""The request's task for looking for targets: each target names the contract's task itself."""
OWN_WORDS_TASK = "ground"
"""The trained task whose wording is nearest to a search for own words."""


@dataclass(frozen=True)
class Prompt:
    """One question about a chip, as the model reads it."""

    task: str
    system: str | None
    text: str
    answer: str
    """``text`` or ``boxes``."""
    max_new_tokens: int
    trained: bool
    """False where the words are the user's own, on which the model was not trained."""
    target: str | None = None


def build_prompts(
    contract: Contract, task: str, targets: tuple[str, ...], max_new_tokens: int | None = None
) -> list[Prompt]:
    """The prompts of a run, in the order in which they are asked.

    Raises:
        RequestError: an unknown task, or nothing to look for.
    """
    if task != DETECT:
        return [_prompt(contract.task(task), None, max_new_tokens, trained=True)]
    if not any(target.strip() for target in targets):
        raise RequestError("nothing to look for: no class chosen, no words written")
    return [_prompt_for_target(contract, target, max_new_tokens) for target in targets if target.strip()]


def _prompt_for_target(contract: Contract, words: str, max_new_tokens: int | None) -> Prompt:
    target = contract.target(words)
    task = contract.task(target.task if target else OWN_WORDS_TASK)
    return _prompt(task, neutralise(words.strip()), max_new_tokens, trained=target is not None)


def _prompt(task: Task, words: str | None, max_new_tokens: int | None, *, trained: bool) -> Prompt:
    # not str.format: the prompts hold JSON braces
    text = task.prompt if words is None else task.prompt.replace("{target}", words)
    budget = max_new_tokens or task.max_new_tokens
    return Prompt(task.name, task.system, text, task.answer, budget, trained, words)
