# SPDX-License-Identifier: GPL-2.0-or-later
"""A task and its targets to prompts, in the trained wording of the contract."""

from __future__ import annotations

from dataclasses import dataclass

from ..contract import Contract, Task
from ..errors import RequestError
from .tokens import neutralise

_BLANK = "{target}"
"""Where a task's prompt takes the words for what is looked for."""
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
        RequestError: an unknown task, nothing to look for, words that the model cannot know, or no token to
            write with.
    """
    if max_new_tokens is not None and max_new_tokens < 1:
        raise RequestError("an answer needs at least one token", max_new_tokens=max_new_tokens)
    if task != DETECT:
        return [_prompt(contract.task(task), None, max_new_tokens, trained=True)]
    wanted = dict.fromkeys(target.strip() for target in targets if target.strip())
    if not wanted:
        raise RequestError("nothing to look for: no class chosen, no words written")
    return [_prompt_for_target(contract, words, max_new_tokens) for words in wanted]


def _prompt_for_target(contract: Contract, words: str, max_new_tokens: int | None) -> Prompt:
    target = contract.target(words)
    if target is None and not contract.own_words:
        known = [each.name for each in contract.targets]
        raise RequestError(f"{contract.title} knows nothing but {', '.join(known)}", words=words, known=known)
    task = contract.task(target.task if target else OWN_WORDS_TASK)
    return _prompt(task, neutralise(words), max_new_tokens, trained=target is not None)


def _prompt(task: Task, words: str | None, max_new_tokens: int | None, *, trained: bool) -> Prompt:
    if words is None and _BLANK in task.prompt:
        raise RequestError(f"{task.name!r} asks about a target: request {DETECT!r}", task=task.name)
    # not str.format: the prompts hold JSON braces
    text = task.prompt if words is None else task.prompt.replace(_BLANK, words)
    budget = max_new_tokens or task.max_new_tokens
    return Prompt(task.name, task.system, text, task.answer, budget, trained, words)
