# SPDX-License-Identifier: GPL-2.0-or-later
"""One call that is being carried out, at once or in the background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..errors import MapToolError, PluginError
from ..task import BackgroundTask

GIVEN_UP = "not done: the user gave up"


@dataclass(frozen=True)
class Done:
    """What a tool brought about."""

    result: dict[str, Any]
    undo: Callable[[], bool] | None = None


class Work(QObject):
    """Ends with exactly one ``ended``, however it goes."""

    ended = pyqtSignal(object)
    """A ``Done``, or the ``PluginError`` that it failed with."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._is_over = False
        self._then: Callable[[Any], Done] | None = None
        self._give_up: Callable[[], None] | None = None

    def end(self, what: Done | PluginError) -> None:
        """It is over; whatever is told later does not count."""
        if not self._is_over:
            self._is_over = True
            self.ended.emit(what)

    def in_background(
        self, title: str, function: Callable[[Callable[[], bool]], Any], then: Callable[[Any], Done]
    ) -> None:
        """Ends with what ``then``, in the GUI thread, makes of what ``function`` returns in another one."""
        self._then = then
        task = BackgroundTask(title, function)
        self._give_up = task.give_up
        task.succeeded.connect(self._on_succeeded)
        task.failed.connect(self.end)
        task.cancelled.connect(self._on_cancelled)
        task.start()

    def on_cancel(self, give_up: Callable[[], None]) -> None:
        """What to call when the user gives up; it has to lead to an end."""
        self._give_up = give_up

    def cancel(self) -> None:
        """Gives up; what is done already stays."""
        if not self._is_over and self._give_up is not None:
            self._give_up()

    def _on_succeeded(self, result: Any) -> None:
        if self._is_over or self._then is None:
            return
        try:
            done = self._then(result)
        except PluginError as error:
            self.end(error)
        else:
            self.end(done)

    def _on_cancelled(self, _: Any) -> None:
        self.end(MapToolError(GIVEN_UP))


@dataclass(frozen=True)
class Deed:
    """What a call comes to in the project as it is; nothing is done before ``carry_out``."""

    carry_out: Callable[[Work], None]
    """Has to end the work, now or later; may raise a PluginError instead."""
    facts: dict[str, Any] = field(default_factory=dict)


def at_once(function: Callable[[], Done], facts: dict[str, Any] | None = None) -> Deed:
    """A deed that takes no time."""
    return Deed(lambda work: work.end(function()), facts or {})
