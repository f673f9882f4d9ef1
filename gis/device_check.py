# SPDX-License-Identifier: GPL-2.0-or-later
"""Has the model's Python compute a little on a device, to see what works and how fast."""

from __future__ import annotations

import json
from typing import Any

from qgis.PyQt.QtCore import QObject

from .child_process import Ending
from .errors import PluginError, WorkerCrashed, WorkerFailed
from .python_question import PythonQuestion
from .settings import Settings

LIMIT_MS = 180_000
"""The first import of torch takes minutes on a slow disk with a virus scanner."""


def probe_arguments(settings: Settings) -> list[str]:
    """The worker's command that tries what the settings ask for."""
    arguments = ["-m", "model_backend", "probe", "--json"]
    arguments += ["--device", settings.device, "--precision", settings.precision]
    return arguments + (["--threads", str(settings.threads)] if settings.threads else [])


class DeviceCheck(PythonQuestion):
    """``known`` has what the probe found, as a dict."""

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(settings.interpreter, probe_arguments(settings), LIMIT_MS, _read, parent)


def _read(ending: Ending) -> dict[str, Any] | PluginError:
    found = _object_in(ending.output)
    if ending.is_good:
        return found or WorkerCrashed("no JSON", reason="garbage", log=ending.output)
    if "error" in found:
        return WorkerFailed.told(found["error"])
    if ending.exit_code is None:
        return WorkerCrashed("it did not end", reason="not started", detail=ending.log, log="")
    code, _, detail = (ending.log.splitlines() or [""])[-1].partition(": ")
    if code.isidentifier():  # the worker's own words: "device: cuda was asked for, but ..."
        return WorkerFailed(code=code, detail=detail)
    return WorkerCrashed("it failed", reason="exit", exit_code=ending.exit_code, log=ending.log)


def _object_in(output: str) -> dict[str, Any]:
    try:
        found = json.loads(output)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
