# SPDX-License-Identifier: GPL-2.0-or-later
"""Asking: the panels become an order, what the model writes becomes an entry of the conversation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qgis.core import QgsVectorLayer
from qgis.gui import QgsMapCanvas
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..gis.aoi import Aoi
from ..gis.errors import ChipError
from ..gis.imaging.chip import ChipSet
from ..gis.provenance import Run
from ..gis.runs.agreement import Check
from ..gis.runs.boxes_model import boxes_question, boxes_settings
from ..gis.runs.chip_store import ChipStore
from ..gis.runs.conversation import Conversation, Exchange
from ..gis.runs.run_order import RunOrder
from ..gis.runs.run_progress import RunEnd, RunOutcome
from ..gis.runs.runner import Runner
from ..gis.settings import Settings
from ..model_backend.contract import Contract, Task
from .dock import LSpaceDock
from .run_view import RunView
from .task.task_panel import Asked, asked_title
from .words import end_words, sentence_for, tr


class AskControl(QObject):
    """One question at a time; each ends as an entry of the conversation, or as a sentence."""

    model_ready = pyqtSignal(object)
    """The facts of the loaded model."""
    failed = pyqtSignal()
    """The runtime or the model gave up: whether a run is possible may have changed."""
    ended = pyqtSignal(str, bool)
    """What came of a run, and whether it failed."""
    checked = pyqtSignal(object, object)
    """The ``RunEnd`` of a check of proposals, and their layer."""
    layer_filled = pyqtSignal(object)
    """The proposal layer of the run under way has a box more."""

    def __init__(
        self,
        dock: LSpaceDock,
        canvas: QgsMapCanvas,
        runner: Runner,
        view: RunView,
        conversation: Conversation,
        store: ChipStore,
    ) -> None:
        super().__init__(dock)
        self._dock = dock
        self._canvas = canvas
        self._runner = runner
        self._view = view
        self._conversation = conversation
        self._store = store
        self._order: RunOrder | None = None
        self._checked_layer: QgsVectorLayer | None = None
        """Whose proposals are looked for again, while they are."""
        self._title = ""
        self._on_detected: Callable[[RunEnd], None] | None = None
        """Told of the end where a conversation asked for boxes."""
        self.settings = Settings.load()
        """Those of the last run, or of the model that is loaded for the next one."""
        self._connect()

    def prepare(self) -> None:
        """Has the model loaded while the question is put together."""
        if not self._runner.is_busy:
            self.settings = Settings.load()
            self._runner.prepare(self.settings)

    def run(self) -> None:
        """Asks what the panels say."""
        panel = self._dock.task_panel
        complaint = panel.complaint()
        if complaint:
            self._dock.tell(complaint)
            return
        asked = panel.asked()
        try:
            aoi = self._dock.aoi_panel.aoi().for_chips(self._canvas.mapSettings())
            images = self._dock.images_panel.sources()
        except ChipError as error:
            self._dock.tell(sentence_for(error))
            return
        order = RunOrder(
            aoi=aoi,
            view=self._canvas.mapSettings(),
            task=asked.task,
            targets=asked.targets,
            images=images,
            question=asked.question,
            wordings=asked.wordings,
            clip=asked.clip,
        )
        self._start(order, asked_title(panel.task(), asked))

    def ask_further(self, question: str, exchange_id: str) -> None:
        """Puts a free question to the images of an exchange, or, without one, to the area's."""
        task = next((task for task in self._contract.offered if task.takes_question), None)
        if task is None:
            return
        former = self._conversation.exchange(exchange_id)
        if former is None:
            self._dock.task_panel.show_asked(Asked(task.name, question=question))
            self.run()
        else:
            self._ask_again(former, task, question=question)

    def retry(self, exchange_id: str, ask_anyway: bool) -> None:
        """Asks the same about the same images; ``ask_anyway`` wants boxes even where a report denied them."""
        former = self._conversation.exchange(exchange_id)
        task = self._contract.tasks.get(former.run.task) if former else None
        if former is None:
            return
        if task is None:
            self._dock.tell(tr("{model} has no task of that kind.").format(model=self._contract.title))
            return
        self._ask_again(former, task, **_asked_in(former.run), ask_anyway=ask_anyway)

    def check(
        self,
        layer: QgsVectorLayer,
        run: Run,
        places: tuple[ChipSet, ...],
        checks: dict[str, tuple[Check, ...]],
    ) -> None:
        """Asks what the run asked about changed views of its images, to see which boxes come again."""
        order = RunOrder(
            aoi=Aoi.from_layer_extent(layer),
            view=self._canvas.mapSettings(),
            task=run.task,
            chip_sets=places,
            checks=checks,
            **_asked_in(run),
        )
        if self.is_free():
            self._checked_layer = layer
            self._begin(order)

    def detect(self, targets: tuple[str, ...], on_detected: Callable[[RunEnd], None]) -> None:
        """Looks for targets in the area while a conversation waits for what comes of it.

        Raises:
            PluginError: there is no area or image, or no model here looks for that.
        """
        settings = boxes_settings(Settings.load())
        contract = settings.expected_contract
        task, named = boxes_question(targets, contract)
        order = RunOrder(
            aoi=self._dock.aoi_panel.aoi().for_chips(self._canvas.mapSettings()),
            view=self._canvas.mapSettings(),
            task=task,
            targets=named,
            images=self._dock.images_panel.sources()[-1:],
        )
        self._order, self._on_detected = order, on_detected
        self._title = tr("Looked for: {what}").format(what=", ".join(targets))
        self._view.is_aside = True
        self._runner.start(order, settings)

    @property
    def _contract(self) -> Contract:
        return self._dock.task_panel.contract

    def _connect(self) -> None:
        dock, runner = self._dock, self._runner
        dock.run_panel.run_requested.connect(self.run)
        dock.run_panel.cancel_requested.connect(runner.cancel)
        dock.conversation_panel.stop_requested.connect(runner.cancel)
        runner.model_ready.connect(self.model_ready)
        runner.box_arrived.connect(self.layer_filled)
        runner.ended.connect(self._on_ended)

    def _ask_again(self, former: Exchange, task: Task, **asked: Any) -> None:
        places = self._store.chip_sets(former.run)
        if not places:
            self._dock.tell(tr("The images of that question are no longer there. Ask about the area anew."))
            return
        if not task.images <= former.run.images <= task.most_images:
            self._dock.tell(
                tr("{task} cannot be asked about {count} images together.").format(
                    task=tr(task.title), count=former.run.images
                )
            )
            return
        order = RunOrder(
            aoi=former.aoi,
            view=self._canvas.mapSettings(),
            task=task.name,
            chip_sets=places,
            **asked,
        )
        title = asked_title(task, Asked(task.name, order.targets, order.question))
        self._start(order, title)

    def _start(self, order: RunOrder, title: str) -> None:
        if not self.is_free():
            return
        self._title = title
        self._view.begin(title)
        self._begin(order)

    def _begin(self, order: RunOrder) -> None:
        self._order = order
        self.settings = Settings.load()
        self._view.follow(order, self._contract, writes=self._checked_layer is None)
        self._runner.start(order, self.settings)

    def is_free(self) -> bool:
        """Whether the model can be asked; says so where it cannot."""
        if self._runner.is_busy:
            self._dock.tell(tr("The model is busy with a question or a scan. Wait for it, or stop it."))
        return not self._runner.is_busy

    def _on_ended(self, end: RunEnd) -> None:
        order, self._order = self._order, None
        if order is None:
            return  # a conversation's
        layer, self._checked_layer = self._checked_layer, None
        on_detected, self._on_detected = self._on_detected, None
        if on_detected is not None:
            self._view.is_aside = False
            self._keep(end, order, end_words(end))
            if end.error is not None:
                self._dock.tell(end_words(end))
            on_detected(end)
            return
        self._view.show_running(False)
        has_failed = end.outcome in (RunOutcome.FAILED, RunOutcome.CRASHED)
        if layer is None:
            sentence = " ".join(part for part in (end_words(end), self._view.notes) if part)
            self._dock.conversation_panel.finish(self._keep(end, order, sentence), sentence)
            self.ended.emit(sentence or tr("The answer is there."), has_failed)
        elif sip.isdeleted(layer):
            self._dock.tell(tr("Not kept. The layer of proposals is no longer in the project."))
        elif end.outcome is RunOutcome.FINISHED:
            self.checked.emit(end, layer)
        else:
            self._dock.tell(end_words(end))
        if has_failed:
            self.failed.emit()

    def _keep(self, end: RunEnd, order: RunOrder, sentence: str) -> Exchange | None:
        if end.run is None or not end.answers:
            return None
        for place in end.places:
            for made in place.chips:
                self._store.keep(made.chip)
        exchange = Exchange(
            run=end.run,
            title=self._title,
            aoi=order.aoi,
            answers=end.answers,
            outcome=end.outcome,
            boxes=end.boxes,
            summary=sentence,
            proposals_id=end.proposals.id() if end.proposals is not None else None,
        )
        self._conversation.add(exchange)
        return exchange


def _asked_in(run: Run) -> dict[str, Any]:
    """What a run asked, as ``RunOrder`` takes it."""
    options = run.options
    return {
        "targets": run.targets,
        "question": options.get("question", ""),
        "wordings": options.get("wordings", {}),
        "clip": options.get("clip_wkt") is not None,
    }
