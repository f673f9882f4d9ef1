# SPDX-License-Identifier: GPL-2.0-or-later
"""One question of a conversation: the model answers, its tools run, it is told, until it calls no more.

Runs in the GUI thread and never waits. What changes something waits for ``allow``; without a click
nothing of it happens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ...model_backend.errors import ToolRefused
from ...model_backend.tool import ToolCall
from ..errors import PluginError, ProjectClosed
from ..imaging.chip import ChipSet
from ..provenance import Run
from ..settings import Settings
from ..tools.plan import Plan, ToolOutcome
from ..tools.toolbox import Toolbox
from .run_order import RunOrder
from .run_progress import RunEnd, RunOutcome
from .runner import Runner
from .step import Step, StepState

MOST_ROUNDS = 6
"""Answers to one question whose calls are carried out."""
MOST_CALLS = 4
"""Of one answer."""
ALREADY_KNOWN = "you called this with the same arguments already; its result is above"
TOO_MANY_CALLS = f"not done: at most {MOST_CALLS} calls in one answer"
TOO_MANY_ROUNDS = "not done: no more calls for this question; answer it with what you know"
NOT_ALLOWED = "the user did not allow this"
GIVEN_UP = "not done: the user gave up"


class Phase(Enum):
    """What a dialogue is waiting for."""

    IDLE = "idle"
    ANSWERING = "answering"
    """The model writes."""
    ASKING = "asking"
    """The user is to say whether something may be changed."""
    WORKING = "working"
    """A tool is at work, or is about to be told of."""


@dataclass(frozen=True)
class DialogueEnd:
    """What came of a question; whatever happened before it ended is here, however it ended."""

    outcome: RunOutcome
    error: PluginError | None = None
    run: Run | None = None
    """The record of its first answer; None where the model was never asked, or its project is gone."""
    places: tuple[ChipSet, ...] = ()
    """The images, once they were made: one place, or none."""
    steps: tuple[Step, ...] = ()
    left_out: int = 0
    cut_short: int = 0
    """Answers that used up their tokens."""
    went_on: bool = False
    """Whether the model called tools without an end, and was stopped."""
    undo: Mapping[int, Callable[[], bool]] = field(default_factory=dict)
    """How to take a step back, by its place among the steps; False is returned where it is too late."""

    @property
    def said(self) -> str:
        """All prose."""
        return "\n\n".join(step.said.strip() for step in self.steps if step.said.strip())


class Dialogue(QObject):
    """Carries one question at a time from the click to its end, with a runner and a toolbox."""

    permission_wanted = pyqtSignal(object)
    """A ``Plan`` that changes something: ``allow`` or ``refuse`` is to follow."""
    working = pyqtSignal(object)
    """A ``Plan`` that is being carried out."""
    stepped = pyqtSignal(object)
    """A ``Step`` that is over."""
    ended = pyqtSignal(object)
    """A ``DialogueEnd``, exactly one for each ``ask``."""

    def __init__(self, runner: Runner, toolbox: Toolbox, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runner = runner
        self._toolbox = toolbox
        self._begin_anew()
        self._next = QTimer(self)
        """Goes on when the signal that told of the last step has come to its end."""
        self._next.setSingleShot(True)
        self._next.setInterval(0)
        self._next.timeout.connect(self._ask_model)
        runner.ended.connect(self._on_run_ended)
        toolbox.finished.connect(self._on_tool_finished)
        QgsProject.instance().cleared.connect(self._on_project_closed)

    @property
    def phase(self) -> Phase:
        """What it is waiting for."""
        return self._phase

    def ask(self, order: RunOrder, settings: Settings) -> None:
        """Puts a question: the last of the order's turns."""
        if self._phase is not Phase.IDLE or self._runner.is_busy:
            return
        self._begin_anew()
        self._order, self._settings = order, settings
        self._runner.hold(True)
        self._ask_model()

    def allow(self) -> None:
        """Carries out what was asked for."""
        if self._phase is Phase.ASKING:
            self._carry_out(self._plan)

    def refuse(self) -> None:
        """Leaves everything as it is, tells the model so and goes on."""
        if self._phase is Phase.ASKING:
            self._phase = Phase.WORKING
            self._note(StepState.REFUSED, self._plan.call, {"error": NOT_ALLOWED})
            self._work_on()

    def cancel(self) -> None:
        """Ends it; what has happened stays, and is told."""
        if self._phase is Phase.IDLE:
            return
        self._is_cancelled = True
        if self._phase is Phase.ANSWERING:
            self._runner.cancel()
        elif self._phase is Phase.ASKING:
            self._note(StepState.CANCELLED, self._plan.call, {"error": GIVEN_UP})
            self._work_on()
        elif self._next.isActive():
            self._end(RunOutcome.CANCELLED)
        else:
            self._toolbox.cancel()

    def _begin_anew(self) -> None:
        self._phase = Phase.IDLE
        self._order: RunOrder | None = None
        self._settings = Settings()
        self._is_cancelled = False
        self._first: RunEnd | None = None
        self._plan: Plan | None = None
        self._steps: list[Step] = []
        self._undo: dict[int, Callable[[], bool]] = {}
        self._waiting: list[Mapping[str, Any]] = []
        """Calls of the last answer that are not dealt with."""
        self._calls = 0
        """Those of the last answer that are."""
        self._rounds = 0
        self._last: tuple[str, Any] | None = None
        self._left_out = self._cut_short = 0

    # the model

    def _ask_model(self) -> None:
        order = replace(self._order, turns=(*self._order.turns, *(step.turn() for step in self._steps)))
        if self._first is not None and not order.without_image:
            order = replace(order, images=(), chip_sets=self._first.places)
        self._phase = Phase.ANSWERING
        self._runner.start(order, self._settings)

    def _on_run_ended(self, end: RunEnd) -> None:
        if self._phase is not Phase.ANSWERING:
            return  # a run that a tool asked for
        self._first = self._first or (end if end.run is not None else None)
        self._left_out = max(self._left_out, end.left_out)
        self._cut_short += end.cut_short
        if end.written:
            self._take(Step(StepState.SAID, end.written, said=end.said))
        if end.outcome is not RunOutcome.FINISHED:
            has_lost_all = isinstance(end.error, ProjectClosed)
            self._end(end.outcome, end.error, is_kept=not has_lost_all)
            return
        self._phase = Phase.WORKING
        self._waiting, self._calls = list(end.calls), 0
        self._rounds += bool(end.calls)
        self._work_on() if end.calls else self._end(RunOutcome.FINISHED)

    # its tools

    def _work_on(self) -> None:
        """Deals with the calls of the answer, one after the other; then the model is told."""
        while self._waiting:
            called = self._waiting.pop(0)
            call = ToolCall(called["name"], called["arguments"])
            fault = called.get("fault") or self._fault_of(call)
            if self._is_cancelled:
                self._note(StepState.CANCELLED, call, {"error": GIVEN_UP})
            elif fault:
                self._note(StepState.REJECTED, call, {"error": fault})
            elif not self._has_noted_why_not(call):
                return
        if self._is_cancelled:
            self._end(RunOutcome.CANCELLED)
        elif self._rounds > MOST_ROUNDS + 1:
            self._end(RunOutcome.FINISHED, went_on=True)
        else:
            self._phase = Phase.WORKING
            self._next.start()

    def _fault_of(self, call: ToolCall) -> str:
        """Why a call is not even looked at, for the model; empty if it is."""
        key = (call.name, call.arguments)
        is_repeated, self._last = key == self._last, key
        self._calls += 1
        if self._rounds > MOST_ROUNDS:
            return TOO_MANY_ROUNDS
        if self._calls > MOST_CALLS:
            return TOO_MANY_CALLS
        return ALREADY_KNOWN if is_repeated else ""

    def _has_noted_why_not(self, call: ToolCall) -> bool:
        """Plans and begins a call; whether it came to nothing at once."""
        try:
            plan = self._toolbox.plan(call)
        except (ToolRefused, PluginError) as error:
            # without its values, which may hold paths
            self._note(StepState.REJECTED, call, {"error": str(error.args[0]) if error.args else ""})
            return True
        if plan.changes:
            self._phase, self._plan = Phase.ASKING, plan
            self.permission_wanted.emit(plan)
        else:
            self._carry_out(plan)
        return False

    def _carry_out(self, plan: Plan) -> None:
        self._phase, self._plan = Phase.WORKING, plan
        self.working.emit(plan)
        self._toolbox.start(plan)

    def _on_tool_finished(self, outcome: ToolOutcome) -> None:
        if self._phase is not Phase.WORKING or self._plan is None or outcome.call != self._plan.call:
            return  # of a question that is over
        self._plan = None
        if outcome.undo is not None:
            self._undo[len(self._steps)] = outcome.undo
        state = StepState.DONE
        if outcome.failed:
            state = StepState.CANCELLED if self._is_cancelled else StepState.FAILED
        self._note(state, outcome.call, outcome.result)
        self._work_on()

    def _note(self, state: StepState, call: ToolCall, result: Mapping[str, Any]) -> None:
        self._take(Step.of_tool(state, call.name, call.arguments, result))

    def _take(self, step: Step) -> None:
        self._steps.append(step)
        self.stepped.emit(step)

    # the end

    def _on_project_closed(self) -> None:
        """What is asked is about a project that is gone; the runner ends its own run for the same reason."""
        if self._phase not in (Phase.IDLE, Phase.ANSWERING):
            is_at_work = self._phase is Phase.WORKING and not self._next.isActive()
            self._end(RunOutcome.CANCELLED, ProjectClosed("in the middle of a dialogue"), is_kept=False)
            if is_at_work:
                self._toolbox.cancel()

    def _end(
        self,
        outcome: RunOutcome,
        error: PluginError | None = None,
        *,
        is_kept: bool = True,
        went_on: bool = False,
    ) -> None:
        first = self._first if is_kept else None
        end = DialogueEnd(
            outcome=outcome,
            error=error,
            run=first.run if first else None,
            places=first.places if first else (),
            steps=tuple(self._steps),
            left_out=self._left_out,
            cut_short=self._cut_short,
            went_on=went_on,
            undo=dict(self._undo),
        )
        self._next.stop()
        self._begin_anew()
        self._runner.hold(False)
        self.ended.emit(end)
