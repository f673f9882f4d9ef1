# SPDX-License-Identifier: GPL-2.0-or-later
"""How far a run is, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from qgis.core import QgsVectorLayer

from ..errors import PluginError
from ..imaging.chip import ChipSet
from ..provenance import Run
from .answer import Answer


class RunStage(Enum):
    """What a run is doing."""

    DRAWING = "drawing"
    STARTING = "starting"
    LOADING = "loading"
    READING = "reading"
    WRITING = "writing"
    AGREEING = "agreeing"
    CANCELLING = "cancelling"


@dataclass(frozen=True)
class RunProgress:
    """One step of a run."""

    stage: RunStage
    step: str = ""
    """While loading: ``download``, ``device``, ``weights`` ..."""
    share: float | None = None
    """0..1 of the step, where it can be known."""
    place: int = 0
    """Number of the place at work, from 1."""
    places: int = 0
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
    run: Run | None = None
    """The record; None where the run ended before the model was asked."""
    places: tuple[ChipSet, ...] = ()
    answers: tuple[Answer, ...] = ()
    """In the order in which they were written; the last one may be unfinished."""
    denied: int = 0
    """Places where a report found nothing, so that no boxes were asked for."""
    boxes: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Why proposals were left out, and how many."""
    cut_short: int = 0
    """Answers that used up their tokens."""
    proposals: QgsVectorLayer | None = None
    footprints: QgsVectorLayer | None = None
    agreement: Mapping[int, float] = field(default_factory=dict)
    """By feature, where boxes were looked for again: the share of views in which that one came again."""
    views: int = 0
    """In which they were looked for."""
    written: str = ""
    """Of a conversation: all that the model wrote, the calls with their marks."""
    said: str = ""
    """Of that, the prose."""
    calls: tuple[Mapping[str, Any], ...] = ()
    """The tools that it called, in this order: ``name``, ``arguments``, and what is wrong: ``fault``."""
    left_out: int = 0
    """The oldest turns that it could not be told any more."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """From the click to: ``chips``, ``model``, ``first token``, ``end``."""

    @property
    def caption(self) -> str:
        """All prose that was written."""
        return "\n".join(answer.text for answer in self.answers if not answer.has_boxes)
