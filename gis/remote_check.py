# SPDX-License-Identifier: GPL-2.0-or-later
"""Has the worker load a server's model, to see whether the server is there and lets us in."""

from __future__ import annotations

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..model_backend.protocol import Message, MessageType
from .errors import PluginError, WorkerFailed
from .interpreter import usable_interpreter
from .remote_endpoint import load_body
from .runs.worker_process import WorkerProcess
from .settings import Settings


class RemoteCheck(QObject):
    """Asks as a run would, by a worker of its own; no image is sent. Ends with one of the signals."""

    known = pyqtSignal(object)
    """The facts of ``ModelInfo``, as a dict."""
    failed = pyqtSignal(object)
    """A ``PluginError``."""

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._worker: WorkerProcess | None = None

    def start(self) -> None:
        """For the GUI thread: QGIS may ask for its master password."""
        try:
            program = usable_interpreter(self._settings.interpreter)
            body = load_body(self._settings)
        except PluginError as error:
            self.failed.emit(error)
            return
        self._worker = worker = WorkerProcess(program, parent=self)
        worker.message_received.connect(self._on_message)
        worker.crashed.connect(self._on_crashed)
        worker.send(MessageType.LOAD, body)

    def give_up(self) -> None:
        """Nothing is told any more."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.message_received.disconnect(self._on_message)
            worker.crashed.disconnect(self._on_crashed)
            worker.stop()

    def _on_message(self, message: Message) -> None:
        if not message.type.is_terminal():
            return
        self.give_up()
        if message.type is MessageType.RESULT:
            self.known.emit(message.body["info"])
        elif message.type is MessageType.ERROR:
            body = message.body
            reason = body["values"].get("reason", "")
            self.failed.emit(WorkerFailed(code=body["code"], detail=body["message"], reason=reason))

    def _on_crashed(self, error: PluginError) -> None:
        self.give_up()
        self.failed.emit(error)
