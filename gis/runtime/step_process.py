# SPDX-License-Identifier: GPL-2.0-or-later
"""One step of a preparation as a child process that can be ended with all that it started."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qgis.PyQt.QtCore import QCoreApplication, QObject, QProcess, QProcessEnvironment, QTimer, pyqtSignal

from ..runs.interpreter import PLUGIN_FOLDER

_TASKKILL_MS = 3000
_SCRIPT = Path(__file__).with_name("foreign_step.py")


@dataclass(frozen=True)
class StepEnd:
    """How a step ended."""

    exit_code: int | None
    """None where it never started or was killed."""
    fault: str = ""
    """What kept it from starting, in the operating system's words."""


class StepProcess(QObject):
    """Runs ``foreign_step.py`` with another Python; never waits."""

    line_read = pyqtSignal(str)
    """Without its end."""
    ended = pyqtSignal(object)
    """A ``StepEnd``; never after ``kill``."""
    gone = pyqtSignal()
    """What was killed is no more, and writes nothing any more."""

    def __init__(self, python: str, environment: QProcessEnvironment, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None
        self._rest = b""
        self._python = python
        self._environment = environment

    def start(self, arguments: Sequence[str]) -> None:
        """``arguments`` are those of ``foreign_step.py``."""
        process = QProcess(QCoreApplication.instance())
        process.setProgram(self._python)
        process.setArguments([str(_SCRIPT), *arguments])
        process.setWorkingDirectory(str(PLUGIN_FOLDER))
        process.setProcessEnvironment(self._environment)
        process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        process.readyReadStandardOutput.connect(self._read)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._process = process
        process.start()

    def kill(self) -> None:
        """Ends the process and all that it started; only ``gone`` is told."""
        process = self._let_go()
        if process is None or process.state() == QProcess.ProcessState.NotRunning:
            self.gone.emit()
            return
        process.finished.connect(self.gone)
        _kill_family(process)

    def _read(self) -> None:
        if self._process is None:
            return
        *lines, self._rest = (self._rest + bytes(self._process.readAllStandardOutput())).split(b"\n")
        for line in lines:
            self.line_read.emit(line.decode(errors="replace").rstrip())

    def _on_finished(self, exit_code: int, status: QProcess.ExitStatus) -> None:
        self._read()
        if self._rest:
            self.line_read.emit(self._rest.decode(errors="replace").rstrip())
        normal = status == QProcess.ExitStatus.NormalExit
        if self._let_go() is not None:
            self.ended.emit(StepEnd(exit_code if normal else None))

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error != QProcess.ProcessError.FailedToStart:
            return
        process = self._let_go()
        if process is not None:
            self.ended.emit(StepEnd(None, process.errorString()))

    def _let_go(self) -> QProcess | None:
        """Parts from the process, whose object goes when it has ended."""
        process, self._process = self._process, None
        if process is None:
            return None
        process.readyReadStandardOutput.disconnect(self._read)
        process.finished.disconnect(self._on_finished)
        process.errorOccurred.disconnect(self._on_error)
        process.finished.connect(process.deleteLater)
        if process.state() == QProcess.ProcessState.NotRunning:
            process.deleteLater()
        return process


def _kill_family(process: QProcess) -> None:
    process_id = process.processId()
    if sys.platform == "win32":
        QProcess.startDetached("taskkill", ["/T", "/F", "/PID", str(process_id)])
        timer = QTimer(process)
        timer.setSingleShot(True)
        timer.timeout.connect(process.kill)  # taskkill may be forbidden
        timer.start(_TASKKILL_MS)
    else:
        try:
            os.killpg(process_id, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # it has ended, or leads no group yet
            process.kill()
