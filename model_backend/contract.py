# SPDX-License-Identifier: GPL-2.0-or-later
"""What a model was trained to see and say, read from ``resources/contracts.json`` (DESIGN, decision 3)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from .errors import ModelInvalid, RequestError

RESOURCES = Path(__file__).resolve().parent.parent / "resources"


@dataclass(frozen=True)
class ChipGeometry:
    """How the trained chips were cut."""

    side_m: float
    """Side of the square on the ground."""
    native_px: int
    """Pixels a side at the imagery's own gsd, before the stretch."""
    model_px: int
    """Pixels a side that the model was shown."""
    stretch_percentiles: tuple[float, float]
    as_shown_px: int
    """Longer side of a chip rendered from the canvas."""

    @property
    def gsd_m(self) -> float:
        """Metres a pixel as the model was shown."""
        return self.side_m / self.model_px


@dataclass(frozen=True)
class BoxForm:
    """How the trained answers write a box."""

    grid_px: int
    """A coordinate is a pixel index divided by this."""
    inclusive: bool
    """Whether the far edges name the last pixel inside, so that one pixel is to be added."""


@dataclass(frozen=True)
class Task:
    """One kind of question, in the trained wording."""

    name: str
    title: str
    answer: str
    """``text`` or ``boxes``."""
    system: str | None
    prompt: str
    """May hold ``{target}``, once."""
    max_new_tokens: int


@dataclass(frozen=True)
class Target:
    """Something the model was trained to look for."""

    name: str
    """The words in the prompt and for the user."""
    task: str
    label: str
    """The word the model writes."""


@dataclass(frozen=True)
class Contract:
    """Everything about one model that is not in its weights."""

    name: str
    title: str
    model_type: str
    """``model_type`` of its config.json."""
    hub_id: str
    chip: ChipGeometry
    box: BoxForm
    tasks: dict[str, Task]
    targets: tuple[Target, ...]

    def task(self, name: str) -> Task:
        """The task of that name; RequestError if the contract has none."""
        if name not in self.tasks:
            raise RequestError(f"{self.title} has no task {name!r}", tasks=sorted(self.tasks))
        return self.tasks[name]

    def target(self, name: str) -> Target | None:
        """The trained target of that name, or None for own words."""
        return next((target for target in self.targets if target.name == name), None)

    def words_for_label(self, label: str) -> str:
        """The words a person reads for a label the model wrote."""
        return next((target.name for target in self.targets if target.label == label), label)


@lru_cache(maxsize=1)
def load_contracts() -> dict[str, Contract]:
    """All contracts by name."""
    table = json.loads((RESOURCES / "contracts.json").read_text(encoding="utf-8"))
    return {name: _read(name, entry) for name, entry in table.items()}


def contract_for(model_type: str) -> Contract:
    """The contract for a checkpoint's ``model_type``.

    Raises:
        ModelInvalid: no contract knows this architecture.
    """
    for contract in load_contracts().values():
        if contract.model_type == model_type:
            return contract
    raise ModelInvalid(f"no contract for model type {model_type!r}", model_type=model_type)


def _read(name: str, entry: dict[str, Any]) -> Contract:
    chip = dict(entry["chip"], stretch_percentiles=tuple(entry["chip"]["stretch_percentiles"]))
    return Contract(
        name=name,
        title=entry["title"],
        model_type=entry["model_type"],
        hub_id=entry["hub_id"],
        chip=ChipGeometry(**chip),
        box=BoxForm(**entry["box"]),
        tasks={key: Task(name=key, **task) for key, task in entry["tasks"].items()},
        targets=tuple(Target(**target) for target in entry["targets"]),
    )
