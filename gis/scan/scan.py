# SPDX-License-Identifier: GPL-2.0-or-later
"""A scan at work, in a thread that waits: chips are made ahead while the model answers about those before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic, sleep

from ...model_backend.protocol import MessageType
from ...model_backend.request import MergeRequest
from ..errors import BlankChip, ChipError, PluginError, WorkerCrashed, WorkerFailed
from ..imaging.chip import ChipSet
from ..imaging.training_chips import ChipSquare
from ..runs.waiting_worker import WaitingWorker
from .cell_outcome import CellOutcome, CellState
from .grid import GridCell
from .journal import Journal

LEAST_VALID = 0.02
"""Share of a chip's pixels with data below which the model is not asked: a seam of the raster, a corner."""
MOST_IN_A_ROW = 5
"""So many chips that fail one after the other are no fault of theirs."""
_PAUSE_S = 0.2

Made = tuple[GridCell, "ChipSet | CellOutcome"]
"""A cell with the chips to ask about, or with what there is to say of it without."""
Asker = Callable[[Sequence[ChipSet]], Sequence[CellOutcome]]
"""Asks about places side by side, and returns what came of each, in order; raises as ``WaitingWorker``."""
Cutter = Callable[[ChipSquare], ChipSet]
"""Makes the chips of a place, in a thread of its own; raises ``ChipError``."""


@dataclass(frozen=True)
class ScanProgress:
    """How far a scan is."""

    counts: dict[CellState, int]
    """Of all cells."""
    chips_per_minute: float
    """Of this sitting, blank ones among them; 0 before the first."""

    @property
    def share(self) -> float:
        """0..1 of all cells."""
        total = sum(self.counts.values())
        return 1 - self.counts[CellState.WAITING] / total if total else 1.0

    @property
    def seconds_left(self) -> float | None:
        """None where nothing is known yet."""
        waiting = self.counts[CellState.WAITING]
        return 60 * waiting / self.chips_per_minute if self.chips_per_minute else None


class Scan:
    """Goes through all that waits in a journal; each chip's results are on the disk before the next is told.

    Made and run in the thread that opened the journal.
    """

    def __init__(
        self,
        journal: Journal,
        cut: Cutter,
        ask: Asker,
        batch: int = 8,
        is_cancelled: Callable[[], bool] = lambda: False,
        is_paused: Callable[[], bool] = lambda: False,
        maker: Executor | None = None,
        say: Callable[[PluginError], str] = str,
    ) -> None:
        """``batch`` is how many places are asked about side by side.

        Args:
            maker: one thread in which ``cut`` is called; None takes a new one.
            say: words a chip's fault as people read it in the file.
        """
        self._journal = journal
        self._cut = cut
        self._ask = ask
        self._batch = batch
        self._is_cancelled = is_cancelled
        self._is_paused = is_paused
        self._maker = maker
        self._say = say
        self._failed_in_a_row = 0

    def progress(self) -> Iterator[ScanProgress]:
        """Does the work, and tells after each batch how far it is; ends early where it is cancelled.

        Raises:
            WorkerError: the worker cannot be used; the chips it was asked about still wait.
            RunCancelled: it was cancelled while the worker was at it; those chips still wait.
            JournalUnusable: results cannot be written.
        """
        if self._maker is not None:
            yield from self._go_through(self._maker)
            return
        with ThreadPoolExecutor(max_workers=1) as maker:
            yield from self._go_through(maker)

    def _go_through(self, maker: Executor) -> Iterator[ScanProgress]:
        counts, written, seconds = self._journal.counts(), 0, 0.0
        coming = self._order(maker, -1)
        while self._goes_on():
            started = monotonic()
            made = coming.result()
            if not made:
                return
            coming = self._order(maker, made[-1][0].index)
            for index, outcome in self._outcomes(made):
                if self._journal.record(index, outcome):
                    counts[CellState.WAITING] -= 1
                    counts[outcome.state] += 1
                written += 1
            seconds += monotonic() - started
            yield ScanProgress(dict(counts), 60 * written / max(seconds, 1e-6))

    def _goes_on(self) -> bool:
        """Whether the next batch is to begin; waits while it is paused."""
        while self._is_paused() and not self._is_cancelled():
            sleep(_PAUSE_S)
        return not self._is_cancelled()

    def _order(self, maker: Executor, after: int) -> Future[list[Made]]:
        """Has the chips of the next cells made, in another thread."""
        cells = self._journal.waiting(after, self._batch)
        return maker.submit(self._make, cells)

    def _make(self, cells: Sequence[GridCell]) -> list[Made]:
        return [(cell, self._chips_of(cell)) for cell in cells if not self._is_cancelled()]

    def _chips_of(self, cell: GridCell) -> ChipSet | CellOutcome:
        try:
            place = self._cut(cell.square)
        except BlankChip as error:
            return CellOutcome(CellState.EMPTY, reason=self._say(error))
        except ChipError as error:
            return CellOutcome(CellState.FAILED, reason=self._say(error))
        valid = min(made.chip.valid_share for made in place.chips)
        if valid < LEAST_VALID:
            return CellOutcome(CellState.EMPTY, reason=f"{100 * valid:.1f} % have data")
        return place

    def _outcomes(self, made: Sequence[Made]) -> Iterator[tuple[int, CellOutcome]]:
        """What is to be recorded: first of those that nobody has to be asked about."""
        to_ask: list[tuple[int, ChipSet]] = []
        for cell, thing in made:
            if isinstance(thing, CellOutcome):
                yield cell.index, thing
            else:
                to_ask.append((cell.index, thing))
        if to_ask:
            yield from self._answers(to_ask)

    def _answers(self, places: Sequence[tuple[int, ChipSet]]) -> Iterator[tuple[int, CellOutcome]]:
        """Of places asked side by side; where that goes wrong, one by one, to find the one that does."""
        try:
            outcomes = self._ask([place for _, place in places])
        except (WorkerFailed, WorkerCrashed) as error:
            if len(places) == 1:
                yield places[0][0], self._failure(error)
                return
            for place in places:
                yield from self._answers([place])
            return
        self._failed_in_a_row = 0
        yield from zip((index for index, _ in places), outcomes)

    def _failure(self, error: WorkerFailed | WorkerCrashed) -> CellOutcome:
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= MOST_IN_A_ROW:
            raise error
        return CellOutcome(CellState.FAILED, reason=self._say(error))


def drop_seen_twice(journal: Journal, worker: WaitingWorker) -> int:
    """Takes away pending proposals of neighbouring chips that are the same thing; returns how many.

    Raises:
        WorkerError: nothing, or not all, was taken away; it can be asked again.
        RunCancelled, JournalUnusable: likewise.
    """
    dropped = 0
    for message in worker.ask(MessageType.MERGE, MergeRequest(str(journal.path)).to_payload()):
        if message.type is MessageType.MERGED:
            dropped += journal.drop_merged(message.body["pairs"])
    return dropped
