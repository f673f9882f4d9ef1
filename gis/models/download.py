# SPDX-License-Identifier: GPL-2.0-or-later
"""A model of the hub to this computer, by the model's own Python; what has arrived outlives every failure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from qgis.PyQt.QtCore import QObject, QProcessEnvironment, pyqtSignal

from ..child_process import ChildProcess, Ending
from ..errors import PluginError, RuntimeNotFound, WorkerCrashed, WorkerFailed
from ..interpreter import usable_interpreter
from ..runtime.network import network_environment, without_secrets
from ..settings import Settings


@dataclass(frozen=True)
class DownloadProgress:
    """How far it is."""

    file: str
    """The one that is arriving."""
    done: int
    """Bytes that are here, of all files; when all are, their digests are still compared."""
    total: int

    @property
    def share(self) -> float:
        """0..1."""
        return self.done / self.total if self.total else 0.0


class ModelDownload(QObject):
    """Downloads once; ends with exactly one of ``finished``, ``failed`` and ``cancelled``."""

    progressed = pyqtSignal(object)
    """A ``DownloadProgress``, at most a thousand times."""
    finished = pyqtSignal(str)
    """The model's folder."""
    failed = pyqtSignal(object)
    """A ``PluginError``."""
    cancelled = pyqtSignal()

    def __init__(
        self, hub_id: str, settings: Settings, revision: str = "", parent: QObject | None = None
    ) -> None:
        """``revision`` is a commit; empty takes the pinned one."""
        super().__init__(parent)
        self._hub_id = hub_id
        self._settings = settings
        self._revision = revision
        self._environment = QProcessEnvironment()
        self._child: ChildProcess | None = None
        self._last: dict[str, Any] = {}

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self._child is not None

    def start(self) -> None:
        """Begins, or goes on where an earlier try stopped; fails at once where no Python is chosen."""
        try:
            program = usable_interpreter(self._settings.interpreter)
        except RuntimeNotFound as error:
            self.failed.emit(error)
            return
        self._environment = network_environment(program)
        self._child = ChildProcess(program, self._arguments(), self, self._environment)
        self._child.line_read.connect(self._on_line)
        self._child.ended.connect(self._on_ended)
        self._child.start()

    def cancel(self) -> None:
        """Ends it; the next try goes on where it stopped."""
        child = self._let_go()
        if child is not None:
            child.give_up()
            self.cancelled.emit()

    def _arguments(self) -> list[str]:
        settings = self._settings
        arguments = ["-m", "model_backend", "download", self._hub_id]
        for option, value in (
            ("--revision", self._revision),
            ("--endpoint", settings.endpoint),
            ("--cache-dir", settings.model_cache),
        ):
            arguments += [option, value] if value else []
        return arguments + (["--offline"] if settings.offline else [])

    def _on_line(self, line: str) -> None:
        try:
            said = json.loads(line)
        except ValueError:  # some library's own words
            return
        if not isinstance(said, dict):
            return
        self._last = said
        if "done" in said:
            self.progressed.emit(DownloadProgress(**said))

    def _on_ended(self, ending: Ending) -> None:
        self._let_go()
        if ending.is_good and "folder" in self._last:
            self.finished.emit(self._last["folder"])
        else:
            self.failed.emit(self._error(ending))

    def _error(self, ending: Ending) -> PluginError:
        told = self._last.get("error")
        if told is not None:
            return WorkerFailed(
                code=told["code"],
                reason=told["values"].get("reason", ""),
                detail=without_secrets(told["message"], self._environment),
            )
        log = without_secrets(ending.log, self._environment)
        reason = "not started" if ending.exit_code is None else "exit"
        return WorkerCrashed("no answer", reason=reason, exit_code=ending.exit_code, detail=log, log=log)

    def _let_go(self) -> ChildProcess | None:
        child, self._child = self._child, None
        if child is not None:
            child.deleteLater()
        return child
