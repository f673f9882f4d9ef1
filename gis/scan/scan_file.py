# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scan's file says of itself, read off the GUI thread."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from .cell_outcome import CellState, FailedCell
from .journal import Journal
from .scan_settings import ScanSettings


@dataclass(frozen=True)
class ScanFile:
    """The state of a scan when nobody is at it."""

    path: Path
    settings: ScanSettings
    is_planned: bool
    """Whether all its cells are there; False where it was killed while the grid was laid."""
    counts: dict[CellState, int]
    proposals: int
    failed: tuple[FailedCell, ...]

    @classmethod
    def read(cls, path: Path) -> ScanFile | None:
        """None where there is no file; in any thread.

        Raises:
            JournalUnusable: it holds no scan, or cannot be used.
        """
        if not path.exists():
            return None
        with closing(Journal(path)) as journal:
            counts, failed = journal.counts(), tuple(journal.failed())
            return cls(path, journal.settings, journal.is_planned, counts, journal.proposals(), failed)

    @property
    def waits(self) -> bool:
        """Whether there is something left to ask about."""
        return not self.is_planned or self.counts[CellState.WAITING] > 0
