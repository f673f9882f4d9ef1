# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes all chips of a run, of either kind, off the GUI thread."""

from __future__ import annotations

from collections.abc import Callable

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..model_backend.chip import ChipKind
from ..model_backend.contract import ChipGeometry
from .chip import MadeChip, ViewChipJob
from .errors import BlankChip, ChipError, SourceUnreadable
from .run_order import RunOrder
from .task import BackgroundTask
from .training_chips import ChipSquare, RasterSource, cut_chip, plan_squares


class ChipMaker(QObject):
    """Makes the chips of one order; told by one of the signals, unless given up."""

    made = pyqtSignal(object)
    """A tuple of ``MadeChip``, at least one."""
    failed = pyqtSignal(object)
    """A ``ChipError``."""
    cancelled = pyqtSignal()
    """The user gave up in QGIS's list of tasks."""

    def __init__(self, order: RunOrder, geometry: ChipGeometry, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._order = order
        self._geometry = geometry
        self._work: ViewChipJob | BackgroundTask | None = None

    def start(self) -> None:
        """Begins; a fault that is seen at once is told at once."""
        try:
            self._start()
        except ChipError as error:
            self.failed.emit(error)

    def give_up(self) -> None:
        """Stops; no signal follows."""
        self.blockSignals(True)
        if self._work is not None:
            self._work.give_up()

    def _on_cancelled(self) -> None:
        # a method, not a lambda: the task may outlive this object, and then nothing is called
        self.cancelled.emit()

    def _start(self) -> None:
        order, geometry = self._order, self._geometry
        if order.chip_kind is ChipKind.AS_SHOWN:
            job = ViewChipJob(order.view, order.aoi, geometry, self)
            job.made.connect(lambda chip: self.made.emit((chip,)))
            job.failed.connect(self.failed)
            job.cancelled.connect(self.cancelled)
            self._work = job
        else:
            source = order.source
            if source is None:
                raise SourceUnreadable("no raster layer is chosen")
            squares = plan_squares(order.aoi, geometry)
            task = BackgroundTask(
                self.tr("LSpace: cut chips"), lambda gives_up: _cut_all(source, squares, geometry, gives_up)
            )
            task.succeeded.connect(self.made)
            task.failed.connect(self.failed)
            task.cancelled.connect(self._on_cancelled)
            self._work = task
        self._work.start()


def _cut_all(
    source: RasterSource, squares: list[ChipSquare], geometry: ChipGeometry, gives_up: Callable[[], bool]
) -> tuple[MadeChip, ...]:
    """All chips that show something; an error only if none does."""
    chips: list[MadeChip] = []
    for square in squares:
        if gives_up():
            break
        try:
            chips.append(cut_chip(source, square, geometry))
        except BlankChip:
            if len(squares) == 1:
                raise
    if not chips:
        raise BlankChip("the raster has no data here", reason="empty")
    return tuple(chips)
