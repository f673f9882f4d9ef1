# SPDX-License-Identifier: GPL-2.0-or-later
"""A scan as it is carried out: journal, pictures and model together, in one thread that waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qgis.core import QgsCoordinateTransformContext, QgsProcessingFeedback

from ...model_backend.proposal import Detection
from ...model_backend.request import RunRequest
from ..aoi import Aoi
from ..errors import PluginError, RunCancelled, SourceUnreadable
from ..imaging.chip import ChipSet
from ..provenance import Run
from ..scan.cell_outcome import CellOutcome, CellState
from ..scan.grid import OVERLAP, ScanGrid
from ..scan.journal import Journal
from ..scan.scan import Scan, ScanProgress, drop_seen_twice
from ..scan.scan_images import name_of
from ..scan.scan_settings import ScanSettings
from ..scan.scan_sight import UNWATCHED, ScanSight, ScanStage, ScanWatch
from ..settings import Settings
from .model_session import ModelSession
from .picture_plan import Images
from .translation import tr
from .wording import Wording

_MERGING = 0.98
"""Of the progress, where the pictures are done."""
MOST_FAILED_TOLD = 200


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

    def run(
        self, path: Path, wording: Wording, feedback: QgsProcessingFeedback, watch: ScanWatch = UNWATCHED
    ) -> dict[str, int]:
        """Begins or goes on; returns how many pictures there are of each state, and ``BOXES``.

        Raises:
            PluginError: what ends it; what is written stays, and the next call goes on.
        """
        watch.told(ScanSight(ScanStage.LOADING))
        # the layers of the images belong to the thread that draws them, not to this one
        images = replace(self.images, layers=())
        with ModelSession(self.settings, images, wording, feedback) as session:
            session.load()
            with closing(Journal.at(path, self._wanted(session))) as journal:
                watch.told(ScanSight(ScanStage.PLANNING))
                journal.plan(self.grid(), self.transforms, feedback.isCanceled)
                if self.retries:
                    journal.retry_failed()
                self._go_through(journal, session, wording, feedback, watch)
                if not feedback.isCanceled() and not journal.counts()[CellState.WAITING]:
                    feedback.setProgressText(tr("Merging what two pictures show"))
                    watch.told(_sight(ScanStage.MERGING, journal, ScanProgress(journal.counts(), 0)))
                    drop_seen_twice(journal, session.worker)
                for cell in journal.failed():
                    feedback.reportError(
                        tr("Picture {cell}: {reason}").format(cell=cell.index + 1, reason=cell.reason), False
                    )
                counts = {state.name: count for state, count in journal.counts().items()}
                return {**counts, "BOXES": journal.proposals()}

    def grid(self) -> ScanGrid:
        """Where its pictures lie; raises as ``ScanGrid.over``."""
        return ScanGrid.over(self.aoi, self.images.geometry, self.transforms)

    def _go_through(
        self,
        journal: Journal,
        session: ModelSession,
        wording: Wording,
        feedback: QgsProcessingFeedback,
        watch: ScanWatch,
    ) -> None:
        run = journal.settings.run  # of the first sitting
        watch.told(_sight(ScanStage.ASKING, journal, ScanProgress(journal.counts(), 0)))
        with self._maker() as maker, suppress(RunCancelled):  # what is done stays
            scan = Scan(
                journal,
                lambda square: self.images.chips_at(square, feedback.isCanceled),
                lambda places: self._asked(places, session, run),
                self.batch,
                feedback.isCanceled,
                watch.is_paused,
                maker,
                lambda error: _fault_words(error, wording),
            )
            for progress in scan.progress():
                feedback.setProgress(100 * _MERGING * progress.share)
                feedback.setProgressText(_words(progress))
                watch.told(_sight(ScanStage.ASKING, journal, progress))

    @contextmanager
    def _maker(self) -> Iterator[ThreadPoolExecutor]:
        """A thread that makes pictures, and that their layers belong to meanwhile."""
        with ThreadPoolExecutor(max_workers=1, initializer=self.images.enter_thread) as maker:
            try:
                yield maker
            finally:
                maker.submit(self.images.leave_thread).result()

    def _asked(self, places: Sequence[ChipSet], session: ModelSession, run: Run) -> list[CellOutcome]:
        told = session.ask_together(places, self.request)
        return [self._outcome(place, done, session, run) for place, done in zip(places, told)]

    def _outcome(self, place: ChipSet, done: dict[str, Any], session: ModelSession, run: Run) -> CellOutcome:
        found = [
            (Detection.from_payload(each["detection"]), each["prompt"]["prompt"])
            for each in done["detections"]
        ]
        return CellOutcome.answered(run, session.contract, place, found, done)

    def _wanted(self, session: ModelSession) -> ScanSettings:
        run = session.run_record(self.request, self.aoi.crs)
        asked = {"question": self.request.question, "wordings": self.request.wordings}
        options = {**run.options, **{name: value for name, value in asked.items() if value}}
        names = tuple(name_of(source) for source in self.images.sources)
        side = self.images.geometry.side_m
        return ScanSettings(replace(run, options=options), self.aoi, names, side, OVERLAP)


def _fault_words(error: PluginError, wording: Wording) -> str:
    """Why one picture of many failed."""
    if isinstance(error, SourceUnreadable):  # of the others it can be read
        return tr("The raster cannot be read here: a part of its file may be damaged or missing.")
    return wording.sentence_for(error)


def _sight(stage: ScanStage, journal: Journal, progress: ScanProgress) -> ScanSight:
    failed = tuple(journal.failed(MOST_FAILED_TOLD)) if progress.counts[CellState.FAILED] else ()
    return ScanSight(stage, progress, journal.proposals(), failed)


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
