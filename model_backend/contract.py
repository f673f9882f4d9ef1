# SPDX-License-Identifier: GPL-2.0-or-later
"""What a model was trained to see and say, read from ``resources/contracts.json`` (DESIGN, decision 3)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from .blanks import QUESTION_BLANK, TARGET_BLANK
from .errors import ModelInvalid, RequestError

RESOURCES = Path(__file__).resolve().parent.parent / "resources"
EMBEDDED_MODEL = RESOURCES / "models" / "lspace-mini"
"""Folder of the small model that comes with the plugin."""
CONTRACT_MARK = "lspace_contract"
"""Where a checkpoint's config.json names its contract."""
_FALLBACK = "lspace"


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
    as_shown_square: bool = False
    """Whether such a chip is drawn as a square around the AOI, because the model knows no other shape."""
    knows_scale: bool = True
    """Whether it was trained on images of the ground; otherwise no scale is better than another one."""

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
    """May hold the blanks ``{target}``, ``{question}``, ``{date_t0}`` and ``{date_t1}``, each once."""
    max_new_tokens: int
    hint: str = ""
    """One sentence for the user: what it is for, and what to expect of it."""
    images: int = 1
    """The least number of pictures that the prompt goes with; two are before and after."""
    most_images: int = 1
    report: str | None = None
    """The text task that is asked first and may say that there is nothing to draw boxes around."""
    own_words: bool = False
    """Whether its targets are words of the user, on which the model was not trained."""
    targets_from: str | None = None
    """The task whose targets it shares; None where it has its own, or none."""
    label: str | None = None
    """The word the model writes, where the task looks for one thing only."""
    words: str | None = None
    """What a person reads for that label, where no target says it."""
    found: str | None = None
    """The trained answer of a text task, with blanks for its facts."""
    none: str | None = None
    """The same where there was nothing to report."""
    min_cells: int | None = None
    """Least size of a region in this task's trained answers, where it is not the contract's."""

    @property
    def takes_targets(self) -> bool:
        """Whether it asks about something to be named, once for each target."""
        return TARGET_BLANK in self.prompt

    @property
    def takes_question(self) -> bool:
        """Whether the user writes the prompt."""
        return QUESTION_BLANK in self.prompt

    def check_images(self, count: int) -> None:
        """Refuses, with RequestError, a number of pictures that it is not asked about together."""
        least, most = self.images, self.most_images
        if not least <= count <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            noun = "image" if most == 1 else "images"
            raise RequestError(f"{self.title} takes {wanted} {noun} of a place, not {count}", images=count)

    def denies(self, text: str) -> bool:
        """Whether an answer says that there is nothing, in the trained way.

        It then begins as the trained answer does, up to the word behind its ``no``, in capitals or not.
        """
        words = (self.none or "").lower().split()
        if "no" not in words:
            return False
        opening = words[: words.index("no") + 2]
        return text.lower().split()[: len(opening)] == opening


@dataclass(frozen=True)
class Regions:
    """Which land-cover regions the trained answers hold: connected ones (8 neighbours), largest first."""

    grid_px: int
    """Cells a side of the grid on which they are measured; a cell has its majority's class."""
    min_cells: int
    max_boxes: int


@dataclass(frozen=True)
class Objects:
    """Which objects the trained answers hold."""

    max_boxes: int
    order: str
    """``area``, largest first, or ``left``, by their left edges."""


@dataclass(frozen=True)
class Shares:
    """Which classes a trained caption names: by share, largest first."""

    min_cells: int
    """Smaller regions do not count."""
    max_classes: int
    min_share: float
    """0..1."""


@dataclass(frozen=True)
class Target:
    """Something the model was trained to look for."""

    name: str
    """The words in the prompt and for the user."""
    task: str
    label: str
    """The word the model writes."""


@dataclass(frozen=True)
class Talk:
    """How a model goes on with a conversation."""

    system: str | None
    """Said before all turns."""
    context_tokens: int
    """What a conversation may have in all, the answer included."""
    max_new_tokens: int
    """Tokens an answer may have."""
    most_images: int
    tools: bool
    """Whether it was trained to call tools."""


@dataclass(frozen=True)
class Contract:
    """Everything about one model that is not in its weights."""

    name: str
    title: str
    model_type: str
    """``model_type`` of its config.json."""
    hub_id: str
    licence: str
    """What is known of the licence of the weights, in a sentence or two."""
    chip: ChipGeometry
    box: BoxForm
    regions: Regions
    objects: Objects
    shares: Shares
    tasks: dict[str, Task]
    targets: tuple[Target, ...]
    talk: Talk | None = None
    """None where it knows single questions only."""

    @property
    def offered(self) -> tuple[Task, ...]:
        """The tasks that a user chooses from: all but the reports, which are asked before their boxes."""
        reports = {task.report for task in self.tasks.values()}
        return tuple(task for task in self.tasks.values() if task.name not in reports)

    @property
    def own_words(self) -> bool:
        """Whether it can be asked in words that it was not trained on at all: it has a task for them."""
        return any(task.own_words or task.takes_question for task in self.tasks.values())

    def task(self, name: str) -> Task:
        """The task of that name; RequestError if the contract has none."""
        if name not in self.tasks:
            raise RequestError(f"{self.title} has no task {name!r}", tasks=sorted(self.tasks))
        return self.tasks[name]

    def targets_of(self, task: Task) -> tuple[Target, ...]:
        """What the model was trained to look for with this task."""
        owner = task.targets_from or task.name
        return tuple(target for target in self.targets if target.task == owner)

    def target(self, name: str) -> Target | None:
        """The trained target of that name, or None for own words."""
        return next((target for target in self.targets if target.name == name), None)

    def words_for_label(self, label: str) -> str:
        """The words a person reads for a label the model wrote."""
        named = [target.name for target in self.targets if target.label == label]
        named += [task.words for task in self.tasks.values() if task.label == label and task.words]
        return named[0] if named else label

    def label_for_words(self, words: str) -> str:
        """The label that the model writes for what a person reads."""
        named = [target.label for target in self.targets if target.name == words]
        named += [task.label for task in self.tasks.values() if task.words == words and task.label]
        return named[0] if named else words


@lru_cache(maxsize=1)
def load_contracts() -> dict[str, Contract]:
    """All contracts by name."""
    table = json.loads((RESOURCES / "contracts.json").read_text(encoding="utf-8"))
    return {name: _read(name, entry) for name, entry in table.items()}


def contract_for(config: Mapping[str, Any]) -> Contract:
    """The contract for a checkpoint's configuration: the one it names, or the first of its architecture.

    Raises:
        ModelInvalid: no contract has this name or knows this architecture.
    """
    model_type, name = config.get("model_type"), config.get(CONTRACT_MARK)
    for contract in load_contracts().values():
        if contract.model_type == model_type and name in (None, contract.name):
            return contract
    named = "" if name is None else f" {name!r}"
    raise ModelInvalid(
        f"no contract{named} for model type {str(model_type)!r}", model_type=str(model_type), name=name
    )


def expected_contract(model: str) -> Contract:
    """The contract that a chosen model, a folder or a hub id, will have as far as can be told unloaded.

    Where nothing can be told it is that of lspace: the worker says what is wrong when it loads the model.
    """
    contracts = load_contracts()
    fallback = contracts[_FALLBACK]
    try:
        folder = Path(model).expanduser()
        if folder.is_dir():
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            return contract_for(config if isinstance(config, dict) else {})
    except (OSError, ValueError, RuntimeError, ModelInvalid):  # RuntimeError: no such home, endless nesting
        return fallback
    return {contract.hub_id: contract for contract in contracts.values()}.get(model, fallback)


def _read(name: str, entry: dict[str, Any]) -> Contract:
    chip = dict(entry["chip"], stretch_percentiles=tuple(entry["chip"]["stretch_percentiles"]))
    return Contract(
        name=name,
        title=entry["title"],
        model_type=entry["model_type"],
        hub_id=entry["hub_id"],
        licence=entry["licence"],
        chip=ChipGeometry(**chip),
        box=BoxForm(**entry["box"]),
        regions=Regions(**entry["regions"]),
        objects=Objects(**entry["objects"]),
        shares=Shares(**entry["shares"]),
        tasks={key: _read_task(key, entry["system"], task) for key, task in entry["tasks"].items()},
        targets=tuple(Target(**target) for target in entry["targets"]),
        talk=Talk(**entry["talk"]) if "talk" in entry else None,
    )


def _read_task(name: str, system: str | None, task: dict[str, Any]) -> Task:
    known = {"most_images": task.get("images", 1), **task}
    return Task(**{**known, "name": name, "system": system if task["system"] else None})
