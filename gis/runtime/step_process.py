# SPDX-License-Identifier: GPL-2.0-or-later
"""One step of a preparation as a child process, which ends when QGIS does, however that ends."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from qgis.PyQt.QtCore import QObject, QProcess, QProcessEnvironment

from ..child_process import ChildProcess

_SCRIPT = Path(__file__).with_name("foreign_step.py")


class StepProcess(ChildProcess):
    """Runs ``foreign_step.py`` with another Python; all that it says is its output."""

    def __init__(
        self,
        python: str,
        arguments: Sequence[str],
        environment: QProcessEnvironment,
        parent: QObject | None = None,
    ) -> None:
        """``arguments`` are those of ``foreign_step.py`` after the first."""
        super().__init__(python, [str(_SCRIPT), str(os.getpid()), *arguments], parent, environment)
        self._process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)

    def start(self, limit_ms: int | None = None) -> None:
        """Runs it; its input stays open for as long as QGIS lives."""
        if limit_ms is not None:
            self._timer.start(limit_ms)
        self._process.start()
