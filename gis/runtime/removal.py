# SPDX-License-Identifier: GPL-2.0-or-later
"""Removes a prepared runtime, after what this QGIS runs from it has ended; nobody waits."""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtCore import QCoreApplication, QLockFile, QObject, QProcess, pyqtSignal

from ..child_process import ask_to_end
from ..errors import PluginError, RuntimeFailed
from ..task import BackgroundTask
from .fault import Fault
from .python_places import is_inside
from .runtime_folder import RuntimeFolder

GRACE_MS = 3000
"""How long a worker may take to end after its input was closed."""


class Removal(QObject):
    """One removal, started once; ends with exactly one of the signals."""

    finished = pyqtSignal()
    failed = pyqtSignal(object)
    """A ``PluginError``; what was in use still is."""

    def __init__(self, folder: RuntimeFolder, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder = folder
        self._lock = folder.new_lock()
        self._running: set[QProcess] = set()

    def start(self) -> None:
        """Fails at once where another QGIS is preparing; ends the worker that runs from the folder."""
        if self._folder.path.is_dir() and not self._lock.tryLock(0):
            is_held = self._lock.error() == QLockFile.LockError.LockFailedError
            fault = Fault.BUSY if is_held else Fault.IN_USE
            self.failed.emit(RuntimeFailed("locked", reason=fault.value, keeps_old=False))
            return
        self._running = set(_running_from(self._folder.path))
        for process in self._running:
            process.finished.connect(self._on_process_ended)
            ask_to_end(process, GRACE_MS)
        if not self._running:
            self._clear()

    def _on_process_ended(self) -> None:
        self._running.discard(self.sender())
        if not self._running:
            self._clear()

    def _clear(self) -> None:
        folder = self._folder
        task = BackgroundTask("LSpace: removing the model's Python", lambda _: _cleared(folder))
        task.succeeded.connect(self._on_cleared)
        task.cancelled.connect(self._on_cleared)
        task.failed.connect(self._on_failed)
        task.start()

    def _on_cleared(self, _nothing: object) -> None:
        self._lock.unlock()
        self._folder.remove_if_empty()
        self.finished.emit()

    def _on_failed(self, error: PluginError) -> None:
        self._lock.unlock()
        self.failed.emit(error)


def _running_from(folder: Path) -> list[QProcess]:
    """Our own: each of them belongs to the application."""
    found = QCoreApplication.instance().findChildren(QProcess)
    is_over = QProcess.ProcessState.NotRunning
    return [each for each in found if each.state() != is_over and is_inside(Path(each.program()), folder)]


def _cleared(folder: RuntimeFolder) -> None:
    try:
        folder.clear()
    except OSError as error:
        reason = Fault.IN_USE.value
        raise RuntimeFailed("not removed", reason=reason, keeps_old=False, log=str(error)) from error
