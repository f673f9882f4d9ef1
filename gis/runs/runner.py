# SPDX-License-Identifier: GPL-2.0-or-later
"""From a click on Run to layers: makes chips, has the model loaded, asks place by place, fills layers.

Runs in the GUI thread and never waits. One run at a time; each ends with exactly one ``ended``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ...model_backend.protocol import Message, MessageType
from ...model_backend.request import ModelChoice
from ..errors import (
    CrsUnknown,
    OtherContract,
    PluginError,
    ProjectClosed,
    RemoteUnusable,
    RuntimeNotFound,
    WorkerFailed,
)
from ..imaging.chip import ChipSet
from ..interpreter import usable_interpreter
from ..models.installed import is_here
from ..remote_endpoint import load_body
from ..settings import Settings
from .active_run import ActiveRun
from .chip_maker import ChipMaker
from .run_order import RunOrder
from .run_progress import RunOutcome, RunProgress, RunStage
from .talk_run import TalkRun
from .worker_process import WorkerProcess, WorkerState

WorkerFactory = Callable[[str], WorkerProcess]
MINUTE_MS = 60_000


@dataclass
class _Ahead:
    """A model that is loaded before anybody asks it."""

    choice: ModelChoice
    request_id: int
    is_over: bool = False
    """Whether it is loaded, or could not be."""


class Runner(QObject):
    """Carries out orders with one worker, which it keeps between runs."""

    progressed = pyqtSignal(object)
    """A ``RunProgress``."""
    chips_made = pyqtSignal(object)
    """A tuple of ``ChipSet``, one a place."""
    model_ready = pyqtSignal(object)
    """The facts of ``ModelInfo``, as a dict."""
    prompt_opened = pyqtSignal(object)
    """An ``Answer`` that is still empty."""
    text_arrived = pyqtSignal(str, str, str)
    """Chip id, target (empty where nothing is looked for), piece of text."""
    box_arrived = pyqtSignal(object)
    """The proposal layer, which has one feature more."""
    ended = pyqtSignal(object)
    """A ``RunEnd``."""
    model_released = pyqtSignal()
    """The worker was let go because nobody asked it anything; the next run loads the model again."""

    def __init__(self, make_worker: WorkerFactory = WorkerProcess, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._make_worker = make_worker
        self._worker: WorkerProcess | None = None
        self._run: ActiveRun | None = None
        self._ahead: _Ahead | None = None
        self._is_held = False
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.timeout.connect(self._release)
        QgsProject.instance().cleared.connect(self._on_project_closed)

    @property
    def is_busy(self) -> bool:
        """Whether a run is under way, or more are to follow the last one."""
        return self._run is not None or self._is_held

    @property
    def worker_process_id(self) -> int | None:
        """The worker's process, where one is running."""
        return self._worker.process_id if self._worker else None

    def hold(self, held: bool) -> None:
        """Says whether runs belong together, so that no other question comes between them."""
        self._is_held = held
        if not self.is_busy:
            self._rest()

    def prepare(self, settings: Settings) -> None:
        """Starts the worker and has the model loaded, while a question is being thought of.

        Tried once; what goes wrong is told by the run that needs it. Nothing is downloaded, no server asked.
        """
        choice = settings.model_choice()
        is_tried = self._ahead is not None and self._ahead.choice == choice
        if self.is_busy or is_tried or settings.remote or not is_here(settings):
            return
        try:
            worker = self._free_worker_for(settings)
        except RuntimeNotFound:
            return
        self._set_idle(settings)
        self._ahead = _Ahead(choice, worker.send(MessageType.LOAD, choice.to_payload()))

    def start(self, order: RunOrder, settings: Settings) -> None:
        """Begins a run; ends at once where there is no interpreter."""
        if self._run is not None:
            return
        self._set_idle(settings)
        kind = TalkRun if order.turns else ActiveRun
        self._run = run = kind(order, settings.expected_contract)
        try:
            run.place_clip()
            body = load_body(settings)
            worker = self._free_worker_for(settings)
        except (CrsUnknown, RemoteUnusable, RuntimeNotFound) as error:
            self._end(RunOutcome.FAILED, error)
            return
        stage = RunStage.STARTING if worker.state is WorkerState.STOPPED else RunStage.DRAWING
        self.progressed.emit(RunProgress(stage))
        run.request_id = self._load(worker, body)
        if run.places is None:
            self._make_chips(run)

    def cancel(self) -> None:
        """Ends the run; what has arrived stays."""
        run = self._run
        if run is None or self._worker is None:
            return
        run.is_cancelled = True
        self.progressed.emit(RunProgress(RunStage.CANCELLING))
        if run.waits_for_chips():
            self._end(RunOutcome.CANCELLED)
        else:
            self._worker.cancel(run.request_id)

    def shut_down(self) -> None:
        """Ends the run, if any, and lets the worker go."""
        self._end(RunOutcome.CANCELLED)
        self._drop_worker()

    def _make_chips(self, run: ActiveRun) -> None:
        run.maker = ChipMaker(run.order, run.contract.chip, self)
        run.maker.made.connect(self._on_chips_made)
        run.maker.failed.connect(lambda error: self._end(RunOutcome.FAILED, error))
        run.maker.cancelled.connect(self.cancel)
        run.maker.start()

    def _load(self, worker: WorkerProcess, body: dict[str, Any]) -> int:
        """The id of the request that loads the model: the one under way, if there is one."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and not ahead.is_over:
            return ahead.request_id
        return worker.send(MessageType.LOAD, body)

    def _free_worker_for(self, settings: Settings) -> WorkerProcess:
        """The worker, not one that is still loading another model."""
        ahead = self._ahead
        if ahead is not None and not ahead.is_over and ahead.choice != settings.model_choice():
            self._drop_worker()
        return self._worker_for(settings)

    def _worker_for(self, settings: Settings) -> WorkerProcess:
        program = usable_interpreter(settings.interpreter)
        if self._worker is not None and self._worker.program != program:
            self._drop_worker()
        if self._worker is None:
            self._worker = self._make_worker(program)
            self._worker.setParent(self)
            self._worker.message_received.connect(self._on_message)
            self._worker.crashed.connect(self._on_crashed)
        return self._worker

    def _set_idle(self, settings: Settings) -> None:
        self._idle.stop()
        self._idle.setInterval(settings.idle_minutes * MINUTE_MS)

    def _rest(self) -> None:
        """From now on the worker has nothing to do."""
        if self._worker is not None and self._idle.interval() > 0:
            self._idle.start()

    def _drop_worker(self) -> None:
        self._ahead = None
        if self._worker is not None:
            self._worker.stop()
            self._worker.deleteLater()
            self._worker = None

    def _release(self) -> None:
        """Frees the memory of a model that nobody asks: all of it, as the process ends."""
        if not self.is_busy and self._worker is not None:
            self._drop_worker()
            self.model_released.emit()

    def _on_chips_made(self, places: tuple[ChipSet, ...]) -> None:
        if self._run is None:
            return
        self._run.places = places
        self._run.stamp("chips")
        self.chips_made.emit(places)
        self._ask_next()

    def _on_message(self, message: Message) -> None:
        run = self._run
        if run is None:
            self._on_message_ahead(message)
            return
        if message.request_id not in (0, run.request_id):
            return  # late words of a run that is over
        handle = {
            MessageType.STAGE: self._on_stage,
            MessageType.TEXT: self._on_text,
            MessageType.DETECTION: self._on_detection,
            MessageType.CHIP_DONE: self._on_chip_done,
            MessageType.RESULT: self._on_result,
            MessageType.ERROR: self._on_error,
            MessageType.CANCELLED: lambda _: self._end(RunOutcome.CANCELLED),
        }.get(message.type)
        if handle is None:
            return
        try:
            handle(message.body)
        except PluginError as error:
            self._give_up(RunOutcome.FAILED, error)

    def _on_message_ahead(self, message: Message) -> None:
        """Of the worker's words while nobody asks, those on the model that is being loaded count."""
        ahead = self._ahead
        if ahead is None or message.request_id not in (0, ahead.request_id) or not message.type.is_terminal():
            return
        ahead.is_over = True
        self._rest()
        if message.type is MessageType.RESULT:
            self.model_ready.emit(message.body["info"])

    def _on_crashed(self, error: PluginError) -> None:
        if self._ahead is not None:
            self._ahead.is_over = True
        self._end(RunOutcome.CRASHED, error)

    def _on_stage(self, body: dict[str, Any]) -> None:
        stage = RunStage(body["stage"])
        if stage is RunStage.READING:
            self._run.open_prompt(body)
            self.prompt_opened.emit(self._run.open_place.answers[-1])
        self._tell(RunProgress(stage, body.get("step", ""), body.get("share")))

    def _on_text(self, body: dict[str, Any]) -> None:
        run = self._run
        run.stamp("first token")
        run.open_place.add_text(body["text"])
        self.text_arrived.emit(body["chip_id"], body["target"] or "", body["text"])
        self._tell(RunProgress(RunStage.WRITING, tokens=body["tokens"]))

    def _on_detection(self, body: dict[str, Any]) -> None:
        self._run.layers.check()
        self._run.layers.add_detection(body)
        self.box_arrived.emit(self._run.layers.proposals)

    def _on_chip_done(self, body: dict[str, Any]) -> None:
        self._run.layers.check()
        self._run.close_place(body)

    def _on_result(self, body: dict[str, Any]) -> None:
        run = self._run
        if run.info is not None:
            run.close_request(body)
        elif body["contract"] == run.contract.name:
            run.info = body["info"]
            run.stamp("model")
            self.model_ready.emit(run.info)
        else:
            self._drop_worker()  # it would keep this model
            self._end(RunOutcome.FAILED, OtherContract(expected=run.contract.name, found=body["contract"]))
            return
        self._ask_next()

    def _on_error(self, body: dict[str, Any]) -> None:
        self._end(RunOutcome.FAILED, WorkerFailed.told(body))

    def _ask_next(self) -> None:
        """Asks about the next place, once there are chips and a model."""
        run = self._run
        if run.info is None or run.places is None:
            self._tell(RunProgress(RunStage.DRAWING if run.places is None else RunStage.LOADING))
            return
        if run.is_done():
            self._end(RunOutcome.FINISHED if run.has_result() else RunOutcome.NOTHING_FOUND)
            return
        if run.is_cancelled:  # too late for the last place, not for the next
            self._end(RunOutcome.CANCELLED)
            return
        run.open_layers()
        run.request_id = self._worker.send(*run.message())

    def _tell(self, progress: RunProgress) -> None:
        run = self._run
        self.progressed.emit(
            replace(
                progress,
                place=run.index + 1,
                places=len(run.places or ()),
                boxes=run.layers.boxes if run.layers else 0,
            )
        )

    def _on_project_closed(self) -> None:
        """What the run has made is gone; the rest would be put into another project."""
        if self._run is not None:
            self._run.forget()
            self._give_up(RunOutcome.CANCELLED, ProjectClosed("in the middle of a run"))

    def _give_up(self, outcome: RunOutcome, error: PluginError | None = None) -> None:
        """Ends a run for a reason of our own, and quiets the worker."""
        if self._worker is not None and self._run is not None:
            request_id = self._run.request_id
            self._end(outcome, error)
            self._worker.cancel(request_id)

    def _end(self, outcome: RunOutcome, error: PluginError | None = None) -> None:
        run, self._run = self._run, None
        if run is None:
            return
        if run.maker is not None:
            run.maker.give_up()
            run.maker.deleteLater()
        self._rest()
        self.ended.emit(run.end(outcome, error))
