# SPDX-License-Identifier: GPL-2.0-or-later
"""A task and its targets to prompts, in the trained wording of the contract or in the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ..blanks import fill_blanks
from ..contract import Contract, Target, Task
from ..errors import RequestError
from ..request import DETECT
from ..tool import ToolDefinition
from ..turn import Turn
from .tokens import neutralise


@dataclass(frozen=True)
class Prompt:
    """One question about the images of a place, as the model reads it."""

    task: str
    system: str | None
    text: str
    answer: str
    """``text`` or ``boxes``."""
    max_new_tokens: int
    trained: bool
    """False where the words are the user's own, or a date is missing: the model was not trained on such."""
    target: str | None = None
    """What is looked for; None where nothing is."""
    keep_form: bool = False
    """Whether a list of boxes is held to the trained form while it is written."""
    turns: tuple[Turn, ...] = ()
    """Where it is a conversation: all that was said, in place of ``text``."""
    tools: tuple[ToolDefinition, ...] = ()
    """Those that may be called."""


def build_prompts(
    contract: Contract,
    task: str,
    targets: Sequence[str],
    max_new_tokens: int | None = None,
    *,
    question: str = "",
    dates: Sequence[str | None] = (),
    wordings: Mapping[str, str] = MappingProxyType({}),
    keep_form: bool = False,
) -> list[Prompt]:
    """The prompts of a run, in the order in which they are asked: a task's report before its boxes.

    Args:
        question: for a task that takes the user's own.
        dates: of the images, the earlier first; ISO, or None where unknown.
        wordings: by task, the user's own text for its prompt, with the blanks of the trained one or without.
        keep_form: whether lists of boxes are held to the trained form.

    Raises:
        RequestError: an unknown task, nothing to look for, no question, words that the model cannot know, or
            no token to write with.
    """
    if max_new_tokens is not None and max_new_tokens < 1:
        raise RequestError("an answer needs at least one token", max_new_tokens=max_new_tokens)
    words = _Words(contract, max_new_tokens, question.strip(), tuple(dates), wordings, keep_form)
    if task == DETECT:
        return [words.prompt(_task_for(contract, target), target) for target in _wanted(targets)]
    asked = contract.task(task)
    reports = [words.prompt(contract.task(asked.report))] if asked.report else []
    if not asked.takes_targets:
        return [*reports, words.prompt(asked)]
    return [*reports, *(words.prompt(asked, _known(contract, asked, target)) for target in _wanted(targets))]


def check_images(contract: Contract, task: str, count: int) -> None:
    """Refuses, with RequestError, a number of images that the task is not asked about together."""
    if task != DETECT:
        contract.task(task).check_images(count)
    elif count != 1:
        raise RequestError(f"a search for targets takes 1 image of a place, not {count}", images=count)


@dataclass(frozen=True)
class _Words:
    """What is put into the prompts of one run."""

    contract: Contract
    max_new_tokens: int | None
    question: str
    dates: tuple[str | None, ...]
    wordings: Mapping[str, str]
    keep_form: bool

    def prompt(self, task: Task, target: str | None = None) -> Prompt:
        """The task's prompt, with its blanks filled."""
        if task.takes_question and not self.question:
            raise RequestError("no question: nothing was written", task=task.name)
        wording = self._wording(task)
        named = target or (self.contract.words_for_label(task.label) if task.label else None)
        return Prompt(
            task=task.name,
            system=task.system,
            text=neutralise(fill_blanks(wording, target, self.dates, question=self.question)),
            answer=task.answer,
            max_new_tokens=self.max_new_tokens or task.max_new_tokens,
            trained=wording == task.prompt and self._is_trained(task, target),
            target=named and neutralise(named),
            keep_form=self.keep_form and task.answer == "boxes",
        )

    def _wording(self, task: Task) -> str:
        """The user's text for the task, or the trained one."""
        wording = self.wordings.get(task.name, task.prompt).strip()
        if wording != task.prompt and not self.contract.own_words:
            raise RequestError(f"{self.contract.title} understands its trained prompts alone", task=task.name)
        if not wording:
            raise RequestError(f"the prompt of {task.title!r} is empty", task=task.name)
        return wording

    def _is_trained(self, task: Task, target: str | None) -> bool:
        if task.takes_question or (target and not _is_trained_target(self.contract, task, target)):
            return False
        return "{date_" not in task.prompt or (bool(self.dates) and all(self.dates))


def _wanted(targets: Sequence[str]) -> list[str]:
    wanted = list(dict.fromkeys(target.strip() for target in targets if target.strip()))
    if not wanted:
        raise RequestError("nothing to look for: no class chosen, no words written")
    return wanted


def _task_for(contract: Contract, target: str) -> Task:
    """The task that looks for a target, or for own words."""
    trained = contract.target(target)
    if trained is not None:
        return contract.task(trained.task)
    for task in contract.tasks.values():
        if task.own_words:
            return task
    raise _unknown(target, contract.title, contract.targets)


def _known(contract: Contract, task: Task, target: str) -> str:
    """The target, if the task may be asked for it."""
    targets = contract.targets_of(task)
    if task.own_words or any(each.name == target for each in targets):
        return target
    raise _unknown(target, task.title, targets)


def _unknown(words: str, title: str, targets: Sequence[Target]) -> RequestError:
    known = [target.name for target in targets]
    return RequestError(f"{title} knows nothing but {', '.join(known)}", words=words, known=known)


def _is_trained_target(contract: Contract, task: Task, target: str) -> bool:
    """Whether the model was trained on the target in the task's wording, whichever task has it too."""
    alike = [each for each in contract.tasks.values() if each.prompt == task.prompt]
    return any(known.name == target for each in alike for known in contract.targets_of(each))
