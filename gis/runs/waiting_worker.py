# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker for a thread that waits for its answers: that of a Processing algorithm, never the GUI's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from qgis.core import Qgis, QgsMessageLog
from qgis.PyQt.QtCore import QElapsedTimer, QProcess

from ...model_backend.errors import ProtocolError
from ...model_backend.protocol import Message, MessageType, parse_line
from ..errors import RunCancelled, WorkerCrashed, WorkerFailed
from ..interpreter import PLUGIN_FOLDER
from ..runtime.network import network_environment, without_secrets
from .worker_process import (
    CANCEL_GRACE_MS,
    LINE_LIMIT_BYTES,
    LOG_TAIL_BYTES,
    STOP_GRACE_MS,
    WORKER_ARGUMENTS,
)

POLL_MS = 100
"""How often it is seen whether the user has given up."""
_START_MS = 30_000


class WaitingWorker:
    """One worker, started by the first request and, after a crash, again by the next; a context manager.

    Made, asked and closed in the same thread.
    """

    def __init__(
        self, program: str, is_cancelled: Callable[[], bool], arguments: Sequence[str] = WORKER_ARGUMENTS
    ) -> None:
        self._program = program
        self._arguments = list(arguments)
        self._is_cancelled = is_cancelled
        self._process: QProcess | None = None
        self._environment = network_environment(program)  # a model may have to be downloaded
        self._last_id = 0
        self._log = b""
        self._told_to_stop = QElapsedTimer()

    def __enter__(self) -> WaitingWorker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_running(self) -> bool:
        """Whether there is a process; what it had loaded is gone where there is none."""
        running = QProcess.ProcessState.Running
        return self._process is not None and self._process.state() == running

    @property
    def process_id(self) -> int | None:
        """The operating system's id of the process, or None where none runs."""
        return self._process.processId() or None if self._process else None

    def ask(self, message_type: MessageType, body: dict[str, Any]) -> Iterator[Message]:
        """Yields what the worker says to a request; the last message is its result.

        Raises:
            RunCancelled: the user gave up.
            WorkerFailed: the worker could not do it, and lives.
            WorkerCrashed: it could not be started, ended, or wrote something else than messages.
        """
        process = self._running()
        self._last_id += 1
        self._told_to_stop.invalidate()
        process.write(Message(message_type, self._last_id, body).to_line())
        for message in self._heard(process):
            if message.request_id not in (0, self._last_id) or message.type is MessageType.READY:
                continue
            if message.type is MessageType.ERROR:
                raise WorkerFailed.told(message.body)
            if message.type is MessageType.CANCELLED:
                raise RunCancelled("the worker was told to stop")
            yield message
            if message.type is MessageType.RESULT:
                return

    def answer(self, message_type: MessageType, body: dict[str, Any]) -> dict[str, Any]:
        """The result of a request, whatever else is said; raises as ``ask``."""
        result: dict[str, Any] = {}
        for message in self.ask(message_type, body):
            result = message.body
        return result

    def close(self) -> None:
        """Lets the worker end, and after a grace kills it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.closeWriteChannel()
        if not process.waitForFinished(STOP_GRACE_MS):
            _kill(process)

    def _running(self) -> QProcess:
        if self._process is not None and self._process.state() == QProcess.ProcessState.NotRunning:
            self._process = None
        if self._process is None:
            process = QProcess()
            process.setProgram(self._program)
            process.setArguments(self._arguments)
            process.setWorkingDirectory(str(PLUGIN_FOLDER))
            process.setProcessEnvironment(self._environment)
            self._log = b""
            process.start()
            if not process.waitForStarted(_START_MS):
                detail = process.errorString()
                raise WorkerCrashed("it could not be started", reason="not started", detail=detail, log="")
            self._process = process
        return self._process

    def _heard(self, process: QProcess) -> Iterator[Message]:
        while True:
            self._keep_log(process)
            while process.canReadLine():
                yield self._parsed(process)
            if process.bytesAvailable() > LINE_LIMIT_BYTES:
                raise self._garbage(process, "a line without an end")
            if process.state() == QProcess.ProcessState.NotRunning:
                raise self._crash(process)
            if self._is_cancelled():
                self._stop(process)
            process.waitForReadyRead(POLL_MS)

    def _parsed(self, process: QProcess) -> Message:
        try:
            return parse_line(bytes(process.readLine()))
        except ProtocolError as error:
            raise self._garbage(process, str(error)) from error

    def _garbage(self, process: QProcess, detail: str) -> WorkerCrashed:
        self._drop(process)
        return WorkerCrashed("garbage", reason="garbage", detail=detail, log=self._log_tail())

    def _crash(self, process: QProcess) -> WorkerCrashed:
        self._process = None
        self._keep_log(process)
        by_signal = process.exitStatus() == QProcess.ExitStatus.CrashExit
        return WorkerCrashed(
            "it ended by itself",
            reason="signal" if by_signal else "exit",
            exit_code=process.exitCode(),
            log=self._log_tail(),
        )

    def _stop(self, process: QProcess) -> None:
        """Asks for an end, once; a worker that is deaf for too long is killed.

        Raises:
            RunCancelled: it had to be killed.
        """
        if not self._told_to_stop.isValid():
            self._told_to_stop.start()
            process.write(Message(MessageType.CANCEL, self._last_id).to_line())
        elif self._told_to_stop.hasExpired(CANCEL_GRACE_MS):
            self._drop(process)
            raise RunCancelled("the worker was killed")

    def _drop(self, process: QProcess) -> None:
        self._process = None
        self._keep_log(process)
        _kill(process)

    def _keep_log(self, process: QProcess) -> None:
        piece = bytes(process.readAllStandardError())
        self._log = (self._log + piece)[-LOG_TAIL_BYTES:]
        text = without_secrets(piece.decode(errors="replace"), self._environment).rstrip()
        if text:
            QgsMessageLog.logMessage(text, "LSpace", Qgis.MessageLevel.Info, False)

    def _log_tail(self) -> str:
        return without_secrets(self._log.decode(errors="replace"), self._environment)


def _kill(process: QProcess) -> None:
    process.kill()
    process.waitForFinished(STOP_GRACE_MS)
