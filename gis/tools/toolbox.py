# SPDX-License-Identifier: GPL-2.0-or-later
"""Plans what a model calls, and carries it out one call at a time. Runs in the GUI thread and never waits."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ...model_backend.errors import ToolRefused
from ...model_backend.tool import ToolCall, ToolDefinition, check_call
from ..errors import MapToolError, PluginError, TargetUnknown
from .desk import Desk
from .plan import Plan, ToolOutcome
from .tool_table import MAP_TOOLS, MapTool
from .work import Deed, Done, Work

_TOLD_AS_IT_IS = (ToolRefused, MapToolError, TargetUnknown)
"""Errors whose message is for a model: the others' may hold paths."""
BUSY = "not done: another tool is at work"
CHANGED = "not done: the project has changed since the user was asked"


class Toolbox(QObject):
    """The tools over the map."""

    finished = pyqtSignal(object)
    """A ``ToolOutcome``, exactly one for each ``start``, perhaps before it returns."""

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._tools = {tool.definition.name: tool for tool in MAP_TOOLS}
        self._work: Work | None = None
        self._call: ToolCall | None = None

    @property
    def definitions(self) -> tuple[ToolDefinition, ...]:
        """The tools as a model is told of them."""
        return tuple(tool.definition for tool in self._tools.values())

    def plan(self, call: ToolCall) -> Plan:
        """What the call will do; touches nothing.

        Raises:
            ToolRefused: why it cannot be done, in words that the model can mend it by.
        """
        tool, deed = self._prepared(call)
        return Plan(call, tool.changes, deed.facts)

    def start(self, plan: Plan) -> None:
        """Carries a plan out, if the project is still as it was when it was made."""
        if self._work is not None:
            self._tell_failed(plan.call, MapToolError(BUSY))
            return
        try:
            tool, deed = self._prepared(plan.call)
        except ToolRefused as error:
            self._tell_failed(plan.call, error)
            return
        if tool.changes and deed.facts != plan.facts:
            self._tell_failed(plan.call, MapToolError(CHANGED))
            return
        self._begin(plan.call, deed)

    def cancel(self) -> None:
        """Gives up what is under way; its outcome is told as ever."""
        if self._work is not None:
            self._work.cancel()

    def _prepared(self, call: ToolCall) -> tuple[MapTool, Deed]:
        check_call(call, self.definitions)
        tool = self._tools[call.name]
        try:
            return tool, tool.prepare(self._desk, call.arguments)
        except PluginError as error:
            raise ToolRefused(_words_of(error), tool=call.name) from error

    def _begin(self, call: ToolCall, deed: Deed) -> None:
        self._call, self._work = call, Work(self)
        work = self._work
        work.ended.connect(self._on_ended)
        try:
            deed.carry_out(work)
        except (ToolRefused, PluginError) as error:
            work.end(error)

    def _on_ended(self, what: Any) -> None:
        call, work, self._call, self._work = self._call, self._work, None, None
        if call is None or work is None:
            return
        work.deleteLater()
        if isinstance(what, Done):
            self.finished.emit(ToolOutcome(call, what.result, undo=what.undo))
        else:
            self._tell_failed(call, what)

    def _tell_failed(self, call: ToolCall, error: Exception) -> None:
        self.finished.emit(ToolOutcome(call, {"error": _words_of(error)}, failed=True))


def _words_of(error: Exception) -> str:
    if isinstance(error, _TOLD_AS_IT_IS) and error.args:
        return str(error.args[0])
    return f"this could not be done ({type(error).__name__})"
