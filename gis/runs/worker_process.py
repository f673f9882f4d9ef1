# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts, talks to and stops the worker process.

Runs in the GUI thread and never waits. Whatever happens to the process, every request ends: with a
terminal message, or with ``crashed``. The messages are those of ``model_backend/protocol.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from qgis.core import Qgis, QgsMessageLog
from qgis.PyQt.QtCore import QCoreApplication, QObject, QProcess, QProcessEnvironment, QTimer, pyqtSignal

from ...model_backend.errors import ProtocolError
from ...model_backend.protocol import Message, MessageType, parse_line
from ..child_process import ask_to_end, kill_family, let_end
from ..errors import WorkerCrashed
from ..interpreter import PLUGIN_FOLDER
from ..runtime.network import network_environment, without_secrets

WORKER_ARGUMENTS = ("-m", "model_backend", "worker")
CANCEL_GRACE_MS = 1500
"""How long a worker may take to answer a cancel before it is killed."""
STOP_GRACE_MS = 3000
"""How long a worker may take to end after its input was closed."""
LOG_TAIL_BYTES = 8 * 1024
LINE_LIMIT_BYTES = 16 * 1024 * 1024


class WorkerState(Enum):
    """What the process is doing."""

    STOPPED = "stopped"
    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    CANCELLING = "cancelling"


class WorkerProcess(QObject):
    """One persistent worker; started by the first request, and again by the next one after a crash."""

    message_received = pyqtSignal(object)
    """A ``Message`` from the worker, or a ``CANCELLED`` of our own where it had to be killed."""
    crashed = pyqtSignal(object)
    """A ``WorkerCrashed``; all open requests are over."""

    def __init__(
        self, program: str, arguments: Sequence[str] = WORKER_ARGUMENTS, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._program = program
        self._arguments = list(arguments)
        self._process: QProcess | None = None
        self._state = WorkerState.STOPPED
        self._open: dict[int, MessageType] = {}
        self._unsent: list[Message] = []
        self._last_id = 0
        self._log = b""
        self._environment = QProcessEnvironment()
        self._cancel_timer = QTimer(self)
        self._cancel_timer.setSingleShot(True)
        self._cancel_timer.setInterval(CANCEL_GRACE_MS)
        self._cancel_timer.timeout.connect(self._kill_deaf)

    @property
    def state(self) -> WorkerState:
        """What the process is doing now."""
        return self._state

    @property
    def program(self) -> str:
        """The interpreter."""
        return self._program

    @property
    def process_id(self) -> int | None:
        """The operating system's id of the process, or None where none runs."""
        return self._process.processId() or None if self._process else None

    def log_tail(self) -> str:
        """The end of what the worker wrote to stderr, without secrets."""
        return without_secrets(self._log.decode(errors="replace"), self._environment)

    def send(self, message_type: MessageType, body: dict[str, Any]) -> int:
        """Sends a request, starting the worker if there is none; returns the request's id."""
        self._last_id += 1
        message = Message(message_type, self._last_id, body)
        self._open[message.request_id] = message_type
        if self._process is None:
            self._start()
        if self._state is WorkerState.STARTING:
            self._unsent.append(message)
        else:
            self._write(message)
            self._state = WorkerState.BUSY
        return message.request_id

    def cancel(self, request_id: int) -> None:
        """Asks for an end; a worker that is loading or does not answer is killed."""
        if request_id not in self._open or self._process is None:
            return
        if self._state is WorkerState.STARTING or self._open[request_id] is MessageType.LOAD:
            self._kill_deaf()
            return
        self._state = WorkerState.CANCELLING
        self._write(Message(MessageType.CANCEL, request_id))
        self._cancel_timer.start()

    def stop(self) -> None:
        """Lets the worker end: its input is closed, and after a grace it is killed. Nobody waits."""
        process = self._let_go()
        if process is not None:
            ask_to_end(process, STOP_GRACE_MS)

    def _start(self) -> None:
        self._log = b""
        self._environment = network_environment(self._program)  # a model may have to be downloaded
        process = QProcess(QCoreApplication.instance())
        process.setProgram(self._program)
        process.setArguments(self._arguments)
        process.setWorkingDirectory(str(PLUGIN_FOLDER))
        process.setProcessEnvironment(self._environment)
        process.readyReadStandardOutput.connect(self._read_messages)
        process.readyReadStandardError.connect(self._read_log)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._process = process
        self._state = WorkerState.STARTING
        process.start()

    def _write(self, message: Message) -> None:
        if self._process is not None:
            self._process.write(message.to_line())

    def _read_messages(self) -> None:
        while self._process is not None and self._process.canReadLine():
            line = bytes(self._process.readLine())
            try:
                message = parse_line(line)
            except ProtocolError as error:
                self._crash(WorkerCrashed("garbage", reason="garbage", detail=str(error)))
                return
            self._take(message)
        if self._process is not None and self._process.bytesAvailable() > LINE_LIMIT_BYTES:
            self._crash(WorkerCrashed("garbage", reason="garbage", detail="a line without an end"))

    def _take(self, message: Message) -> None:
        if message.type is MessageType.READY:
            self._state = WorkerState.BUSY if self._unsent else WorkerState.IDLE
            for unsent in self._unsent:
                self._write(unsent)
            self._unsent.clear()
        elif message.type.is_terminal():
            self._open.pop(message.request_id, None)
            if message.request_id == 0:  # it could not even start
                self._open.clear()
                self._unsent.clear()
            if not self._open:
                self._cancel_timer.stop()
                self._state = WorkerState.IDLE
        self.message_received.emit(message)

    def _read_log(self) -> None:
        if self._process is None:
            return
        piece = bytes(self._process.readAllStandardError())
        self._log = (self._log + piece)[-LOG_TAIL_BYTES:]
        text = without_secrets(piece.decode(errors="replace"), self._environment).rstrip()
        if text:
            QgsMessageLog.logMessage(text, "LSpace", Qgis.MessageLevel.Info, False)

    def _kill_deaf(self) -> None:
        """Ends a worker that cannot be asked; its requests count as cancelled."""
        cancelled = list(self._open)
        process = self._let_go()
        if process is not None:
            kill_family(process)
        for request_id in cancelled:
            self.message_received.emit(Message(MessageType.CANCELLED, request_id, {"killed": True}))

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            detail = self._process.errorString()
            self._crash(WorkerCrashed("it could not be started", reason="not started", detail=detail))

    def _on_finished(self, exit_code: int, status: QProcess.ExitStatus) -> None:
        self._read_messages()
        if self._process is None:
            return
        if not self._open:  # it told us why, or nobody was waiting
            self._let_go()
            return
        by_signal = status == QProcess.ExitStatus.CrashExit
        reason = "signal" if by_signal else "exit"
        self._crash(WorkerCrashed("it ended by itself", reason=reason, exit_code=exit_code))

    def _crash(self, error: WorkerCrashed) -> None:
        self._read_log()
        error.values["log"] = self.log_tail()
        process = self._let_go()
        if process is not None:
            kill_family(process)
        self.crashed.emit(error)

    def _let_go(self) -> QProcess | None:
        """Parts from the process: its signals no longer reach us, its object goes when it has ended."""
        process, self._process = self._process, None
        self._open.clear()
        self._unsent.clear()
        self._cancel_timer.stop()
        if process is None:
            return None
        for signal, slot in (
            (process.readyReadStandardOutput, self._read_messages),
            (process.readyReadStandardError, self._read_log),
            (process.finished, self._on_finished),
            (process.errorOccurred, self._on_error),
        ):
            signal.disconnect(slot)
        let_end(process)
        self._state = WorkerState.STOPPED
        return process
