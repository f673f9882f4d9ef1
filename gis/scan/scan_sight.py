# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scan shows of itself while it is at work, to whoever follows it from another thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from .cell_outcome import FailedCell
from .scan import ScanProgress


class ScanStage(Enum):
    """What is being done."""

    LOADING = "loading"
    """The model; there may be no file yet."""
    PLANNING = "planning"
    """The grid is laid over the area."""
    ASKING = "asking"
    MERGING = "merging"
    """What two pictures show becomes one proposal."""


@dataclass(frozen=True)
class ScanSight:
    """How far a scan is, as plain values."""

    stage: ScanStage
    progress: ScanProgress | None = None
    """None before the grid is there."""
    proposals: int = 0
    failed: tuple[FailedCell, ...] = ()
    """In the order of the grid, the first ones."""


@dataclass(frozen=True)
class ScanWatch:
    """Who follows a scan; both are called in the scan's thread."""

    told: Callable[[ScanSight], None] = lambda _: None
    is_paused: Callable[[], bool] = lambda: False


UNWATCHED = ScanWatch()
"""Nobody follows it."""
