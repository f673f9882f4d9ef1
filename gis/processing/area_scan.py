# SPDX-License-Identifier: GPL-2.0-or-later
"""A scan as an algorithm carries it out: journal, pictures and model together, in one thread."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import QgsCoordinateTransformContext, QgsProcessingFeedback

from ...model_backend.proposal import Detection
from ...model_backend.request import RunRequest
from ..aoi import Aoi
from ..errors import RunCancelled
from ..imaging.chip import ChipSet
from ..provenance import Run
from ..scan.cell_outcome import CellOutcome, CellState
from ..scan.grid import OVERLAP, ScanGrid
from ..scan.journal import Journal
from ..scan.scan import Scan, ScanProgress, drop_seen_twice
from ..scan.scan_settings import ScanSettings
from ..settings import Settings
from .model_session import ModelSession
from .picture_plan import Images
from .translation import tr
from .wording import Wording

_MERGING = 0.98
"""Of the progress, where the pictures are done."""


@dataclass(frozen=True)
class AreaScan:
    """What is scanned, and how; made in the main thread."""

    settings: Settings
    images: Images
    aoi: Aoi
    """In the CRS of the results."""
    request: RunRequest
    """Without its chips."""
    transforms: QgsCoordinateTransformContext
    batch: int
    """Places that are asked about side by side."""
    retries: bool
    """Whether what failed before is asked about again."""

    def run(self, path: Path, wording: Wording, feedback: QgsProcessingFeedback) -> dict[str, int]:
        """Begins or goes on; returns how many pictures there are of each state, and ``BOXES``.

        Raises:
            PluginError: what ends it; what is written stays, and the next call goes on.
        """
        with ModelSession(self.settings, self.images, wording, feedback) as session:
            session.load()
            with closing(Journal.at(path, self._wanted(session))) as journal:
                journal.plan(self._grid(), self.transforms, feedback.isCanceled)
                if self.retries:
                    journal.retry_failed()
                self._go_through(journal, session, feedback)
                if not feedback.isCanceled() and not journal.counts()[CellState.WAITING]:
                    feedback.setProgressText(tr("Merging what two pictures show"))
                    drop_seen_twice(journal, session.worker)
                for cell in journal.failed():
                    feedback.reportError(tr("Picture {cell}: {reason}").format(**vars(cell)), False)
                counts = {state.name: count for state, count in journal.counts().items()}
                return {**counts, "BOXES": journal.proposals()}

    def _go_through(self, journal: Journal, session: ModelSession, feedback: QgsProcessingFeedback) -> None:
        run = journal.settings.run  # of the first sitting
        scan = Scan(
            journal,
            lambda square: self.images.chips_at(square, feedback.isCanceled),
            lambda places: self._asked(places, session, run),
            self.batch,
            feedback.isCanceled,
        )
        with suppress(RunCancelled):  # what is done stays
            for progress in scan.progress():
                feedback.setProgress(100 * _MERGING * progress.share)
                feedback.setProgressText(_words(progress))

    def _asked(self, places: Sequence[ChipSet], session: ModelSession, run: Run) -> list[CellOutcome]:
        told = session.ask_together(places, self.request)
        return [self._outcome(place, done, session, run) for place, done in zip(places, told)]

    def _outcome(self, place: ChipSet, done: dict[str, Any], session: ModelSession, run: Run) -> CellOutcome:
        found = [
            (Detection.from_payload(each["detection"]), each["prompt"]["prompt"])
            for each in done["detections"]
        ]
        return CellOutcome.answered(run, session.contract, place, found, done)

    def _grid(self) -> ScanGrid:
        return ScanGrid.over(self.aoi, self.images.geometry, self.transforms)

    def _wanted(self, session: ModelSession) -> ScanSettings:
        rasters = [source.raster for source in self.images.sources]
        names = tuple(f"{raster.uri} {' '.join(map(str, raster.bands))}" for raster in rasters if raster)
        run = session.run_record(self.request, self.aoi.crs)
        return ScanSettings(run, self.aoi, names, self.images.geometry.side_m, OVERLAP)


def _words(progress: ScanProgress) -> str:
    counts, left = progress.counts, progress.seconds_left
    told = tr(
        "{done} pictures done, {empty} without data, {failed} failed, {waiting} to go; {rate:.0f} a minute"
    )
    words = told.format(
        done=counts[CellState.DONE],
        empty=counts[CellState.EMPTY],
        failed=counts[CellState.FAILED],
        waiting=counts[CellState.WAITING],
        rate=progress.chips_per_minute,
    )
    return words if left is None else f"{words}; {tr('{minutes:.0f} min left').format(minutes=left / 60)}"
