# SPDX-License-Identifier: GPL-2.0-or-later
"""A program that is run once, outside of QGIS, and can be ended with all that it started; nobody waits."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from qgis.PyQt.QtCore import QCoreApplication, QObject, QProcess, QProcessEnvironment, QTimer, pyqtSignal

from .interpreter import PLUGIN_FOLDER, worker_environment

LOG_TAIL_BYTES = 8 * 1024
_TASKKILL_MS = 3000


@dataclass(frozen=True)
class Ending:
    """What a program left."""

    exit_code: int | None
    """None where it never started, was killed, or took too long."""
    output: str
    log: str
    """The end of its stderr; what kept it from starting, or from ending, where it did not."""
    has_started: bool = True

    @property
    def is_good(self) -> bool:
        """Whether it did what it was to do."""
        return self.exit_code == 0


class ChildProcess(QObject):
    """Starts a program in the plugin's folder, in the worker's environment or another, and tells its end."""

    line_read = pyqtSignal(str)
    """A whole line of its output without its end, as soon as it is there; never after ``give_up``."""
    ended = pyqtSignal(object)
    """An ``Ending``; never after ``give_up``."""
    gone = pyqtSignal()
    """What was given up is no more, and writes nothing any more."""

    def __init__(
        self,
        program: str,
        arguments: Sequence[str],
        parent: QObject | None = None,
        environment: QProcessEnvironment | None = None,
    ) -> None:
        super().__init__(parent)
        self._output = self._log = b""
        self._lines_end = 0
        """Bytes of the output that were told line by line."""
        self._process = process = QProcess(QCoreApplication.instance())
        process.setProgram(program)
        process.setArguments(list(arguments))
        process.setWorkingDirectory(str(PLUGIN_FOLDER))
        process.setProcessEnvironment(worker_environment() if environment is None else environment)
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._read)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_timeout)

    def start(self, limit_ms: int | None = None) -> None:
        """Runs it without any input; after so long, if a limit is set, it is killed."""
        if limit_ms is not None:
            self._timer.start(limit_ms)
        self._process.start()
        if self._process is not None:  # else it could not be started, and that has been told
            self._process.closeWriteChannel()

    def give_up(self) -> None:
        """Ends it and all that it started; only ``gone`` is told."""
        process = self._let_go()
        if process is None or process.state() == QProcess.ProcessState.NotRunning:
            self.gone.emit()
            return
        process.finished.connect(self.gone)
        kill_family(process)

    def _read(self) -> None:
        if self._process is None:
            return
        self._output += bytes(self._process.readAllStandardOutput())
        self._log = (self._log + bytes(self._process.readAllStandardError()))[-LOG_TAIL_BYTES:]
        begin, self._lines_end = self._lines_end, self._output.rfind(b"\n") + 1
        self._tell_lines(self._output[begin : self._lines_end])

    def _tell_lines(self, text: bytes) -> None:
        for line in text.splitlines():
            if self._process is not None:
                self.line_read.emit(line.decode(errors="replace").rstrip())

    def _on_finished(self, exit_code: int, status: QProcess.ExitStatus) -> None:
        self._end(exit_code if status == QProcess.ExitStatus.NormalExit else None, "killed")

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            self._end(None, self._process.errorString(), has_started=False)

    def _on_timeout(self) -> None:
        seconds = self._timer.interval() // 1000
        self._end(None, f"no answer within {seconds} s")

    def _end(self, exit_code: int | None, fault: str, *, has_started: bool = True) -> None:
        self._read()
        self._tell_lines(self._output[self._lines_end :])
        process = self._let_go()
        if process is None:
            return
        kill_family(process)
        log = self._log.decode(errors="replace").strip()
        if exit_code is None:
            log = f"{log}\n{fault}".strip()
        self.ended.emit(Ending(exit_code, self._output.decode(errors="replace"), log, has_started))

    def _let_go(self) -> QProcess | None:
        """Parts from the process, whose object goes when it has ended."""
        process, self._process = self._process, None
        self._timer.stop()
        if process is None:
            return None
        for signal_, slot in (
            (process.readyReadStandardOutput, self._read),
            (process.readyReadStandardError, self._read),
            (process.finished, self._on_finished),
            (process.errorOccurred, self._on_error),
        ):
            signal_.disconnect(slot)
        let_end(process)
        return process


def let_end(process: QProcess) -> None:
    """Has the object of a process go when the process has ended."""
    process.finished.connect(process.deleteLater)
    if process.state() == QProcess.ProcessState.NotRunning:
        process.deleteLater()


def ask_to_end(process: QProcess, grace_ms: int) -> None:
    """Closes the input of a process, at whose end a worker ends, and kills it after a grace; nobody waits."""
    process.closeWriteChannel()
    # owned by the process, which may outlive whoever asks: a plugin may be unloaded meanwhile
    timer = QTimer(process)
    timer.setSingleShot(True)
    timer.timeout.connect(process.kill)
    timer.start(grace_ms)


def kill_family(process: QProcess) -> None:
    """Kills a process, if it runs, and its children: on POSIX those of the group that it leads, if any."""
    process_id = process.processId()
    if process.state() == QProcess.ProcessState.NotRunning or not process_id:
        return
    if sys.platform == "win32":
        QProcess.startDetached("taskkill", ["/T", "/F", "/PID", str(process_id)])
        timer = QTimer(process)
        timer.setSingleShot(True)
        timer.timeout.connect(process.kill)  # taskkill may be forbidden
        timer.start(_TASKKILL_MS)
        return
    try:
        os.killpg(process_id, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # it has ended, or leads no group
        process.kill()
