# SPDX-License-Identifier: GPL-2.0-or-later
"""The questions of a run that were answered with boxes, in the words of a contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...model_backend.blanks import TARGET_BLANK, fill_blanks
from ...model_backend.contract import Contract, Task
from ...model_backend.request import DETECT
from ..provenance import Run


@dataclass(frozen=True)
class BoxQuestion:
    """A task and what it was to look for."""

    task: Task
    target: str
    """The words for what is looked for; empty for a task that the contract has no target of."""
    label: str
    """The word that the trained answer writes."""
    words: str
    """What the layers show for that label."""
    asked: str
    """The prompt as it was asked, its dates not filled in."""

    def prompt(self, dates: Sequence[str | None]) -> str:
        """The trained wording; ``dates`` are those of the images, the earlier first."""
        return fill_blanks(self.task.prompt, self.target, dates)


def box_questions(run: Run, contract: Contract) -> tuple[BoxQuestion, ...]:
    """What the run asked about each of its places; empty where the contract has no such task for boxes."""
    wordings = run.options.get("wordings") or {}
    questions = []
    for task, target in _asked(run, contract):
        known = contract.target(target)
        label = known.label if known else task.label or target
        asked = wordings.get(task.name, task.prompt).strip().replace(TARGET_BLANK, target)
        questions.append(BoxQuestion(task, target, label, contract.words_for_label(label), asked))
    return tuple(questions)


def question_behind(questions: Sequence[BoxQuestion], prompt: str, words: str) -> BoxQuestion | None:
    """The question that a proposal answers, or None if that cannot be told.

    Args:
        prompt: as asked; the user's own may be the same for all targets.
        words: what the layer shows for the label that the model wrote.
    """
    alike = [question for question in questions if question.asked == prompt] or questions
    named = [question for question in alike if question.words == words] or alike
    return named[0] if len(named) == 1 else None


def _asked(run: Run, contract: Contract) -> Iterator[tuple[Task, str]]:
    """Tasks and targets in the order of the run."""
    if run.task == DETECT:
        yield from ((task, words) for words in run.targets for task in _tasks_for(words, contract))
        return
    task = contract.tasks.get(run.task)
    if task is None or task.answer != "boxes":
        return
    if task.takes_targets:
        yield from ((task, words) for words in run.targets)
    else:
        names = [target.name for target in contract.targets_of(task) if target.label == task.label]
        yield task, names[0] if names else ""


def _tasks_for(words: str, contract: Contract) -> list[Task]:
    """The one task that looks for a target or for own words; none if the contract has none."""
    known = contract.target(words)
    if known:
        return [contract.task(known.task)]
    return [task for task in contract.tasks.values() if task.own_words][:1]
