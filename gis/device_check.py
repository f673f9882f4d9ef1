# SPDX-License-Identifier: GPL-2.0-or-later
"""Has the model's Python compute a little on a device, to see what works and how fast."""

from __future__ import annotations

import json
from typing import Any

from qgis.PyQt.QtCore import QObject, pyqtSignal

from .child_process import ChildProcess, Ending
from .errors import PluginError, RuntimeNotFound, WorkerCrashed, WorkerFailed
from .runs.interpreter import usable_interpreter
from .settings import Settings

LIMIT_MS = 180_000
"""The first import of torch takes minutes on a slow disk with a virus scanner."""


def probe_arguments(settings: Settings) -> list[str]:
    """The worker's command that tries what the settings ask for."""
    arguments = ["-m", "model_backend", "probe", "--json"]
    arguments += ["--device", settings.device, "--precision", settings.precision]
    return arguments + (["--threads", str(settings.threads)] if settings.threads else [])


class DeviceCheck(QObject):
    """Tries once; ends with exactly one of the signals, unless it is given up."""

    known = pyqtSignal(object)
    """What the probe found, as a dict."""
    failed = pyqtSignal(object)
    """A ``PluginError``."""

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._child: ChildProcess | None = None

    def start(self) -> None:
        """Fails at once where no Python is chosen."""
        try:
            program = usable_interpreter(self._settings.interpreter)
        except RuntimeNotFound as error:
            self.failed.emit(error)
            return
        self._child = ChildProcess(program, probe_arguments(self._settings), self)
        self._child.ended.connect(self._on_ended)
        self._child.start(LIMIT_MS)

    def give_up(self) -> None:
        """Nothing is told any more."""
        if self._child is not None:
            self._child.give_up()

    def _on_ended(self, ending: Ending) -> None:
        answer = _read(ending)
        if isinstance(answer, PluginError):
            self.failed.emit(answer)
        else:
            self.known.emit(answer)


def _read(ending: Ending) -> dict[str, Any] | PluginError:
    if ending.is_good:
        try:
            return json.loads(ending.output)
        except ValueError:
            return WorkerCrashed("no JSON", reason="garbage", log=ending.output)
    if ending.exit_code is None:
        return WorkerCrashed("it did not end", reason="not started", detail=ending.log, log="")
    code, _, detail = (ending.log.splitlines() or [""])[-1].partition(": ")
    if code.isidentifier():  # the worker's own words: "device: cuda was asked for, but ..."
        return WorkerFailed(code=code, detail=detail)
    return WorkerCrashed("it failed", reason="exit", exit_code=ending.exit_code, log=ending.log)
