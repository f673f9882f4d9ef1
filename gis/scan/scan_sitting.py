# SPDX-License-Identifier: GPL-2.0-or-later
"""A scan under way in a thread of its own, followed in the GUI thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event

from qgis.core import QgsProcessingFeedback
from qgis.PyQt.QtCore import QObject, QThreadPool, QTimer, pyqtSignal

from ..processing.area_scan import AreaScan
from ..processing.wording import Wording
from ..task import BackgroundTask
from .scan_sight import ScanSight, ScanStage, ScanWatch

LOOK_MS = 400
"""How often it is seen how far the scan is."""


class ScanSitting(QObject):
    """From Start to the end, or until somebody stops it; what is in its file by then stays."""

    progressed = pyqtSignal(object)
    """A ``ScanSight``, the newest."""
    ended = pyqtSignal(object)
    """None, also where it was stopped, or the ``PluginError`` that ended it; once."""

    def __init__(self, scan: AreaScan, path: Path, wording: Wording, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.path = path
        self.is_stopping = False
        self._pause = Event()
        self.sight = ScanSight(ScanStage.LOADING)
        """The newest; set in the scan's thread."""
        self.chips_per_minute = 0.0
        """As last known; 0 before the first pictures."""
        self._told: ScanSight | None = None
        self._look = QTimer(self)
        self._look.setInterval(LOOK_MS)
        self._look.timeout.connect(self._tell)
        watch = ScanWatch(self._see, self._pause.is_set)
        self._task = BackgroundTask(
            self.tr("LSpace: scan {name}").format(name=path.name),
            lambda gives_up: _without_a_seat(lambda: scan.run(path, wording, _Feedback(gives_up), watch)),
        )
        self._task.succeeded.connect(self._on_succeeded)
        self._task.cancelled.connect(self._on_succeeded)
        self._task.failed.connect(self._on_failed)

    @property
    def is_paused(self) -> bool:
        """Whether it is to rest, or does so already."""
        return self._pause.is_set()

    def start(self) -> None:
        """Begins; QGIS shows it among its tasks."""
        self._look.start()
        self._task.start()

    def pause(self) -> None:
        """Rests after the pictures that the model is at; the model stays loaded."""
        self._pause.set()

    def go_on(self) -> None:
        """Ends the rest."""
        self._pause.clear()

    def stop(self) -> None:
        """Ends it within a word of the model; ``ended`` follows."""
        self.is_stopping = True
        self._task.give_up()

    def _see(self, sight: ScanSight) -> None:
        """Called in the scan's thread."""
        self.sight = sight
        if sight.progress is not None and sight.progress.chips_per_minute:
            self.chips_per_minute = sight.progress.chips_per_minute

    def _tell(self) -> None:
        sight = self.sight
        if sight is not self._told:
            self._told = sight
            self.progressed.emit(sight)

    def _on_succeeded(self, _: object) -> None:
        self._end(None)

    def _on_failed(self, error: object) -> None:
        self._end(error)

    def _end(self, error: object) -> None:
        self._look.stop()
        self._tell()
        self.ended.emit(error)


def _without_a_seat(wait: Callable[[], object]) -> object:
    """Waits in a thread of Qt's pool without taking one of its few seats: QGIS draws its maps there."""
    pool = QThreadPool.globalInstance()
    pool.releaseThread()
    try:
        return wait()
    finally:
        pool.reserveThread()


class _Feedback(QgsProcessingFeedback):
    """What an algorithm would say goes to QGIS's log; here only that the user gives up is listened to."""

    def __init__(self, gives_up: Callable[[], bool]) -> None:
        super().__init__()
        self._gives_up = gives_up

    def isCanceled(self) -> bool:
        """Asked in the scan's thread."""
        return self._gives_up()
