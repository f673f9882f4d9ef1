# SPDX-License-Identifier: GPL-2.0-or-later
"""A question to a Python outside of QGIS, which is started once and answers in text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qgis.PyQt.QtCore import QObject, pyqtSignal

from .child_process import ChildProcess, Ending
from .errors import PluginError, RuntimeNotFound
from .interpreter import usable_interpreter


class PythonQuestion(QObject):
    """Asks once; ends with exactly one of the signals, unless it is given up."""

    known = pyqtSignal(object)
    """What was read from the answer."""
    failed = pyqtSignal(object)
    """A ``PluginError``."""

    def __init__(
        self,
        python: str,
        arguments: Sequence[str],
        limit_ms: int,
        read: Callable[[Ending], Any],
        parent: QObject | None = None,
    ) -> None:
        """``read`` makes the answer, or the ``PluginError``, of how it ended."""
        super().__init__(parent)
        self._python = python
        self._arguments = arguments
        self._limit_ms = limit_ms
        self._read = read
        self._child: ChildProcess | None = None

    def start(self) -> None:
        """Fails at once where the path is no program, or none is chosen."""
        try:
            program = usable_interpreter(self._python)
        except RuntimeNotFound as error:
            self.failed.emit(error)
            return
        self._child = ChildProcess(program, self._arguments, self)
        self._child.ended.connect(self._on_ended)
        self._child.start(self._limit_ms)

    def give_up(self) -> None:
        """Nothing is told any more."""
        if self._child is not None:
            self._child.give_up()

    def _on_ended(self, ending: Ending) -> None:
        answer = self._read(ending)
        (self.failed if isinstance(answer, PluginError) else self.known).emit(answer)
