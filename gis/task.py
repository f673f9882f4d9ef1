# SPDX-License-Identifier: GPL-2.0-or-later
"""A piece of work off the GUI thread, its result or its error told on the GUI thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qgis.core import QgsApplication, QgsTask
from qgis.PyQt import sip
from qgis.PyQt.QtCore import pyqtSignal

from .errors import PluginError


class BackgroundTask(QgsTask):
    """Calls a function that touches no widget and no layer of the project."""

    succeeded = pyqtSignal(object)
    """What the function returned."""
    failed = pyqtSignal(object)
    """The ``PluginError`` it raised."""

    def __init__(self, description: str, function: Callable[[Callable[[], bool]], Any]) -> None:
        """``function`` is given the question whether it should give up."""
        super().__init__(description, QgsTask.Flag.CanCancel)
        self._function = function
        self._result: Any = None
        self._error: PluginError | None = None

    def start(self) -> None:
        """Hands the task to QGIS; the caller keeps a reference until it has ended."""
        QgsApplication.taskManager().addTask(self)

    def give_up(self) -> None:
        """Cancels it, unless it is over: then QGIS has deleted it already."""
        if not sip.isdeleted(self):
            self.cancel()

    def run(self) -> bool:
        """Called by QGIS in a thread of its own."""
        try:
            self._result = self._function(self.isCanceled)
        except PluginError as error:
            self._error = error
            return False
        return True

    def finished(self, result: bool) -> None:
        """Called by QGIS in the GUI thread."""
        if self.isCanceled():
            return
        if result:
            self.succeeded.emit(self._result)
        elif self._error is not None:
            self.failed.emit(self._error)
