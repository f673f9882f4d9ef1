# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes all chips of a run, of either kind, off the GUI thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ...model_backend.chip import ChipKind
from ...model_backend.contract import ChipGeometry
from ..errors import BlankChip, ChipError, MixedImages
from ..imaging.chip import ChipSet, MadeChip
from ..imaging.image_source import ImageSource
from ..imaging.training_chips import ChipSquare, cut_chip, plan_squares
from ..imaging.view_chip import ViewChipJob
from ..task import BackgroundTask
from .run_order import RunOrder


class ChipMaker(QObject):
    """Makes the chips of one order; told by one of the signals, unless given up."""

    made = pyqtSignal(object)
    """A tuple of ``ChipSet``, at least one; each has a chip of every image."""
    failed = pyqtSignal(object)
    """A ``ChipError``."""
    cancelled = pyqtSignal()
    """The user gave up in QGIS's list of tasks."""

    def __init__(self, order: RunOrder, geometry: ChipGeometry, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._order = order
        self._geometry = geometry
        self._images = order.images or (ImageSource("", order.view),)
        self._drawn: list[MadeChip] = []
        """Of the images as shown: drawn one after the other."""
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

    def _start(self) -> None:
        kinds = {image.kind for image in self._images}
        if len(kinds) > 1:
            raise MixedImages("one image as shown, another training grade")
        if kinds == {ChipKind.AS_SHOWN}:
            self._draw_next()
        else:
            self._cut()

    def _draw_next(self) -> None:
        image = self._images[len(self._drawn)]
        job = ViewChipJob(image.view, self._order.aoi, self._geometry, self)
        job.made.connect(self._on_drawn)
        job.failed.connect(self.failed)
        job.cancelled.connect(self.cancelled)
        self._work = job
        job.start()

    def _on_drawn(self, chip: MadeChip) -> None:
        self._drawn.append(_dated(chip, self._images[len(self._drawn)]))
        if len(self._drawn) == len(self._images):
            self.made.emit((ChipSet(tuple(self._drawn)),))
            return
        try:
            self._draw_next()
        except ChipError as error:
            self.failed.emit(error)

    def _cut(self) -> None:
        images, geometry = self._images, self._geometry
        squares = plan_squares(self._order.aoi, geometry)
        task = BackgroundTask(
            self.tr("LSpace: cut chips"), lambda gives_up: _cut_all(images, squares, geometry, gives_up)
        )
        task.succeeded.connect(self.made)
        task.failed.connect(self.failed)
        task.cancelled.connect(self._on_cancelled)
        self._work = task
        task.start()

    def _on_cancelled(self) -> None:
        # a method, not a lambda: the task may outlive this object, and then nothing is called
        self.cancelled.emit()


def _cut_all(
    images: Sequence[ImageSource],
    squares: list[ChipSquare],
    geometry: ChipGeometry,
    gives_up: Callable[[], bool],
) -> tuple[ChipSet, ...]:
    """All squares on which every image shows something; an error only if there is none."""
    sets: list[ChipSet] = []
    for square in squares:
        if gives_up():
            break
        try:
            chips = tuple(_dated(cut_chip(image.raster, square, geometry), image) for image in images)
        except BlankChip:
            if len(squares) == 1:
                raise
        else:
            sets.append(ChipSet(chips))
    if not sets:
        raise BlankChip("the raster has no data here", reason="empty")
    return tuple(sets)


def _dated(made: MadeChip, image: ImageSource) -> MadeChip:
    """The chip with the date that the user gave, where one was given."""
    return replace(made, chip=replace(made.chip, date=image.date)) if image.date else made
