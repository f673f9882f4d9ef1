# SPDX-License-Identifier: GPL-2.0-or-later
"""One chip of each image of a question, made ahead of it for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ...model_backend.contract import ChipGeometry
from ..aoi import Aoi
from ..errors import ChipError, PluginError, RenderFailed
from ..task import BackgroundTask
from .chip import MadeChip
from .image_source import ImageSource
from .raster_source import RasterSource
from .training_chips import cut_chip, nearest_square, plan_squares
from .view_chip import ViewChipJob


@dataclass(frozen=True)
class Preview:
    """A chip as the model will see it."""

    made: MadeChip
    squares: int = 1
    """How many chips the AOI needs; this one is the nearest to its middle."""


class PreviewMaker(QObject):
    """Makes previews one after the other, off the GUI thread; a new order ends the one before."""

    made = pyqtSignal(int, object)
    """Position of the image, and its ``Preview``."""
    failed = pyqtSignal(int, object)
    """Position of the image, and a ``PluginError``."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._todo: list[tuple[int, ImageSource]] = []
        self._place: tuple[Aoi, ChipGeometry] | None = None
        self._work: ViewChipJob | BackgroundTask | None = None
        self._position = 0
        self._squares = 1
        self._stopping: list[ViewChipJob] = []
        """Given up, and kept until QGIS has stopped drawing them."""

    @property
    def is_busy(self) -> bool:
        """Whether a preview is still to come."""
        return self._work is not None or bool(self._todo)

    def start(self, sources: Sequence[tuple[int, ImageSource]], aoi: Aoi, geometry: ChipGeometry) -> None:
        """Makes one of each source, which comes with its position."""
        self.give_up()
        self._todo = list(sources)
        self._place = (aoi, geometry)
        self._next()

    def give_up(self) -> None:
        """Stops; nothing more is told of what was ordered."""
        self._todo = []
        work, self._work = self._work, None
        if isinstance(work, ViewChipJob):
            work.give_up()
            self._stopping.append(work)
        elif work is not None and not sip.isdeleted(work):
            for signal, slot in self._ends_of(work):
                signal.disconnect(slot)
            work.give_up()
        self._let_go()

    def _next(self) -> None:
        if not self._todo or self._place is None:
            return
        self._position, source = self._todo.pop(0)
        try:
            work = self._draw(source) if source.raster is None else self._cut(source.raster)
        except ChipError as error:
            self._on_failed(error)
            return
        self._work = work
        for signal, slot in self._ends_of(work):
            signal.connect(slot)
        work.start()

    def _draw(self, source: ImageSource) -> ViewChipJob:
        aoi, geometry = self._place
        self._squares = 1
        return ViewChipJob(source.view, aoi, geometry, self)

    def _cut(self, raster: RasterSource) -> BackgroundTask:
        aoi, geometry = self._place
        squares = plan_squares(aoi, geometry)
        square = nearest_square(squares, aoi)
        self._squares = len(squares)
        return BackgroundTask(self.tr("LSpace: preview"), lambda _: cut_chip(raster, square, geometry))

    def _ends_of(self, work: ViewChipJob | BackgroundTask) -> list[tuple]:
        made = work.made if isinstance(work, ViewChipJob) else work.succeeded
        ends = [(made, self._on_made), (work.failed, self._on_failed)]
        return [*ends, (work.cancelled, self._on_cancelled)]

    def _on_made(self, chip: MadeChip) -> None:
        self._end()
        self.made.emit(self._position, Preview(chip, self._squares))
        self._go_on()

    def _on_failed(self, error: PluginError) -> None:
        self._end()
        self.failed.emit(self._position, error)
        self._go_on()

    def _on_cancelled(self, _result: object = None) -> None:
        self._on_failed(RenderFailed("given up in QGIS's list of tasks"))

    def _go_on(self) -> None:
        """Unless a new order was given by who was told."""
        if self._work is None:
            self._next()

    def _end(self) -> None:
        work, self._work = self._work, None
        if isinstance(work, ViewChipJob):
            self._stopping.append(work)
        self._let_go()

    def _let_go(self) -> None:
        """Deletes the jobs that are over, later: one of them may just be telling it."""
        for job in self._stopping:
            if not job.is_drawing:
                job.deleteLater()
        self._stopping = [job for job in self._stopping if job.is_drawing]
