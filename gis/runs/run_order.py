# SPDX-License-Identifier: GPL-2.0-or-later
"""What one click on Run asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qgis.core import QgsMapSettings

from ...model_backend.tool import ToolDefinition
from ...model_backend.turn import Turn
from ..aoi import Aoi
from ..imaging.chip import ChipSet
from ..imaging.image_source import ImageSource
from .agreement import Check


@dataclass(frozen=True)
class RunOrder:
    """A task on an area, and how the images of it are to be made."""

    aoi: Aoi
    view: QgsMapSettings
    """The map as it was when Run was clicked; its CRS is that of the results."""
    task: str
    """A task's name in the contract, or ``detect``: look for targets, each by its own task."""
    targets: tuple[str, ...] = ()
    images: tuple[ImageSource, ...] = ()
    """In the prompt's order, the earlier first; none means what the view shows."""
    chip_sets: tuple[ChipSet, ...] = ()
    """Chips that are there already, for a further question on them: then no image is made."""
    question: str = ""
    """The user's own, for a task that takes one."""
    wordings: Mapping[str, str] = field(default_factory=dict)
    """The user's own text for prompts, by task; the others have the trained one."""
    ask_anyway: bool = False
    """Whether boxes are asked for even where the report before them denies that there is anything."""
    clip: bool = False
    """Whether boxes are cut at the edge of the AOI."""
    max_new_tokens: int | None = None
    checks: Mapping[str, tuple[Check, ...]] = field(default_factory=dict)
    """Boxes to be looked for again in changed views, by their chip: then nothing new is put on the map."""
    turns: tuple[Turn, ...] = ()
    """A conversation that the model is to go on with, the oldest first: then no task is run."""
    tools: tuple[ToolDefinition, ...] = ()
    """What the model may call in it."""
    without_image: bool = False
    """Whether the conversation is about no image."""
