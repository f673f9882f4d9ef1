# SPDX-License-Identifier: GPL-2.0-or-later
"""How far a run is, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from qgis.core import QgsVectorLayer

from .errors import PluginError


class RunStage(Enum):
    """What a run is doing."""

    DRAWING = "drawing"
    STARTING = "starting"
    LOADING = "loading"
    READING = "reading"
    WRITING = "writing"
    CANCELLING = "cancelling"


@dataclass(frozen=True)
class RunProgress:
    """One step of a run."""

    stage: RunStage
    step: str = ""
    """While loading: ``download``, ``device``, ``weights`` ..."""
    share: float | None = None
    """0..1 of the step, where it can be known."""
    chip: int = 0
    """Number of the chip at work, from 1."""
    chips: int = 0
    tokens: int = 0
    """Of the answer being written."""
    boxes: int = 0
    """On the map so far, of the whole run."""


class RunOutcome(Enum):
    """How a run ended."""

    FINISHED = "finished"
    NOTHING_FOUND = "nothing found"
    CANCELLED = "cancelled"
    FAILED = "failed"
    CRASHED = "crashed"


@dataclass(frozen=True)
class RunEnd:
    """What came of a run; whatever arrived before it ended is here, however it ended."""

    outcome: RunOutcome
    error: PluginError | None = None
    boxes: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Why proposals were left out, and how many."""
    cut_short: int = 0
    """Answers that used up their tokens."""
    proposals: QgsVectorLayer | None = None
    footprints: QgsVectorLayer | None = None
    caption: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """From the click to: ``chips``, ``model``, ``first token``, ``end``."""
