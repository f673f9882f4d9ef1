# SPDX-License-Identifier: GPL-2.0-or-later
"""A piece of work off the GUI thread, its result or its error told on the GUI thread."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from qgis.core import QgsApplication, QgsTask
from qgis.PyQt import sip
from qgis.PyQt.QtCore import pyqtSignal

from .errors import PluginError

_under_way: set[BackgroundTask] = set()
"""QGIS does not hold the Python half of a task, and without it nothing is done."""


class BackgroundTask(QgsTask):
    """Calls a function that touches no widget and no layer of the project."""

    succeeded = pyqtSignal(object)
    """What the function returned."""
    failed = pyqtSignal(object)
    """The ``PluginError`` it raised, or one that stands for an error nobody foresaw."""
    cancelled = pyqtSignal(object)
    """The user gave up; what the function returned all the same, or None."""

    def __init__(self, description: str, function: Callable[[Callable[[], bool]], Any]) -> None:
        """``function`` is given the question whether it should give up."""
        super().__init__(description, QgsTask.Flag.CanCancel)
        self._function = function
        self._result: Any = None
        self._error: PluginError | None = None

    def start(self) -> None:
        """Hands the task to QGIS, which deletes it when it has ended."""
        _under_way.add(self)
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
            _let_go_of_locals(error)
            self._error = error
            return False
        return True

    def finished(self, result: bool) -> None:
        """Called by QGIS in the GUI thread."""
        _under_way.discard(self)
        if self.isCanceled():
            self.cancelled.emit(self._result)
        elif result:
            self.succeeded.emit(self._result)
        else:
            self.failed.emit(self._error or PluginError("the task broke off"))


def _let_go_of_locals(error: BaseException | None) -> None:
    """Empties the frames of an error: a layer in one of them must end in the thread that made it."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
