# SPDX-License-Identifier: GPL-2.0-or-later
"""Facts in the words of the trained answers; the sentences themselves are the contract's."""

from __future__ import annotations

from collections.abc import Mapping

from ...contract import Contract, Task

_MOST = 100
_STEP = 5


def percentage(share: float) -> str:
    """A share, 0..1, as the trained captions write it: ``<1%``, ``~2%``, or the nearest five."""
    percent = share * 100
    if percent < 1:
        return "<1%"
    if percent < 3:
        return "~2%"
    return f"~{min(_MOST, max(_STEP, round(percent / _STEP) * _STEP))}%"


def all_percentages() -> list[str]:
    """Everything that ``percentage`` can write, from least to most."""
    return ["<1%", "~2%", *(f"~{percent}%" for percent in range(_STEP, _MOST + 1, _STEP))]


def caption(contract: Contract, shares: Mapping[str, float]) -> str:
    """The trained caption for the shares, 0..1, of the classes by name."""
    rule, task = contract.shares, contract.task("caption")
    named = [(name, share) for name, share in shares.items() if share > 0 and share >= rule.min_share]
    named = sorted(named, key=lambda item: -item[1])[: rule.max_classes]
    if not named:
        return _sentence(task, found=False)
    parts = [f"{name} ({percentage(share)})" for name, share in named]
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])}, and {parts[-1]}"
    return _sentence(task, found=True, shares=listed)


def report(task: Task, *, found: bool, **facts: object) -> str:
    """A text task's trained answer with its facts filled in."""
    return _sentence(task, found=found, **facts)


def _sentence(task: Task, *, found: bool, **facts: object) -> str:
    template = task.found if found else task.none
    if template is None:
        raise ValueError(f"task {task.name!r} has no trained answer")
    return template.format(**facts)
