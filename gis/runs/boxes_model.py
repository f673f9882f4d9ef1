# SPDX-License-Identifier: GPL-2.0-or-later
"""Which model draws boxes when the one that talks does not, and how it is asked for them."""

from __future__ import annotations

from dataclasses import replace

from ...model_backend.contract import Contract, Task, load_contracts
from ...model_backend.request import DETECT
from ..errors import TargetUnknown
from ..models.installed import is_here
from ..settings import Settings

MODEL = "lspace"
"""Contract of the model that knows every task of boxes."""


def draws_boxes(contract: Contract) -> bool:
    """Whether a model of this contract was trained to draw boxes."""
    return any(task.answer == "boxes" for task in contract.tasks.values())


def boxes_tasks() -> tuple[Task, ...]:
    """All tasks that ask for boxes, as lspace has them."""
    return tuple(task for task in load_contracts()[MODEL].offered if task.answer == "boxes")


def boxes_settings(settings: Settings) -> Settings:
    """The settings with a model that draws boxes: the chosen one, else lspace if it is here, else the
    one that comes with the plugin.
    """
    if draws_boxes(settings.expected_contract):
        return settings
    local = replace(settings, remote=False, model=load_contracts()[MODEL].hub_id)
    return local if is_here(local) else replace(local, model="")


def boxes_question(targets: tuple[str, ...], contract: Contract) -> tuple[str, tuple[str, ...]]:
    """The task that looks for the targets, and the targets as it takes them.

    Raises:
        TargetUnknown: the model was not trained to look for one of them, and takes no words of others.
    """
    known = [target for target in map(contract.target, targets) if target is not None]
    own_words = next((task for task in contract.tasks.values() if task.own_words), None)
    if len(known) < len(targets) or not targets:
        if own_words is None or not targets:
            names = tuple(target.name for target in contract.targets)
            raise TargetUnknown(f"{contract.title} can look for: {', '.join(names)}", known=names)
        return own_words.name, targets
    tasks = {target.task for target in known}
    if len(tasks) > 1:
        return DETECT, targets
    task = contract.task(tasks.pop())
    return task.name, targets if task.takes_targets else ()
