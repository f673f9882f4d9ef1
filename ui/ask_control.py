# SPDX-License-Identifier: GPL-2.0-or-later
"""Asking: the panels become an order, what the model writes becomes an entry of the conversation."""

from __future__ import annotations

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
from ..gis.runs.answer import Answer
from ..gis.runs.chip_store import ChipStore
from ..gis.runs.conversation import Conversation, Exchange
from ..gis.runs.run_order import RunOrder
from ..gis.runs.run_progress import RunEnd, RunOutcome, RunProgress, RunStage
from ..gis.runs.runner import Runner
from ..gis.settings import Settings
from ..model_backend.contract import Contract, Task
from .dock import LSpaceDock
from .task.task_panel import Asked, asked_title
from .words import end_words, note_words, sentence_for, stage_words, tr


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
        conversation: Conversation,
        store: ChipStore,
    ) -> None:
        super().__init__(dock)
        self._dock = dock
        self._canvas = canvas
        self._runner = runner
        self._conversation = conversation
        self._store = store
        self._order: RunOrder | None = None
        self._checked_layer: QgsVectorLayer | None = None
        """Whose proposals are looked for again, while they are."""
        self._title = ""
        self._notes = ""
        self._course = _Course()
        self._heading = ""
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
        if self._is_free():
            self._checked_layer = layer
            self._begin(order)

    @property
    def _contract(self) -> Contract:
        return self._dock.task_panel.contract

    def _connect(self) -> None:
        dock, runner = self._dock, self._runner
        dock.run_panel.run_requested.connect(self.run)
        dock.run_panel.cancel_requested.connect(runner.cancel)
        dock.conversation_panel.question_asked.connect(self.ask_further)
        dock.conversation_panel.retry_requested.connect(self.retry)
        dock.conversation_panel.stop_requested.connect(runner.cancel)
        runner.progressed.connect(self._on_progress)
        runner.chips_made.connect(self._on_chips_made)
        runner.model_ready.connect(self.model_ready)
        runner.prompt_opened.connect(self._on_prompt)
        runner.text_arrived.connect(self._on_text)
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
        if not self._is_free():
            return
        self._title, self._notes = title, ""
        self._dock.show_panel(self._dock.conversation_panel)
        self._dock.conversation_panel.begin(title)
        self._begin(order)

    def _begin(self, order: RunOrder) -> None:
        self._order = order
        self._course = _Course.of(order, self._contract)
        self.settings = Settings.load()
        self._dock.tell("")
        self._dock.images_panel.set_paused(True)
        self._dock.run_panel.set_running(True)
        self._runner.start(order, self.settings)

    def _is_free(self) -> bool:
        if self._runner.is_busy:
            self._dock.tell(tr("A question is being answered. Wait for it, or cancel it."))
        return not self._runner.is_busy

    def _on_progress(self, progress: RunProgress) -> None:
        writes = progress.stage in (RunStage.READING, RunStage.WRITING) and not self._checked_layer
        share = self._course.share(progress.places) if writes else progress.share
        self._dock.run_panel.show_stage(stage_words(progress), share)

    def _on_chips_made(self, places: tuple[ChipSet, ...]) -> None:
        made = [made for place in places for made in place.chips]
        self._notes = " ".join(dict.fromkeys(note_words(note) for each in made for note in each.notes))
        self._dock.conversation_panel.set_note(self._notes)

    def _on_prompt(self, answer: Answer) -> None:
        self._course.open(answer)
        self._heading = self._heading_of(answer)

    def _on_text(self, chip_id: str, _target: str, piece: str) -> None:
        self._dock.conversation_panel.add_text(self._heading, piece, chip_id)

    def _heading_of(self, answer: Answer) -> str:
        """What the reader sees above an answer; the same for no two prompts of a run."""
        task = self._contract.tasks.get(answer.task)
        words = answer.target or (tr(task.title) if task and self._course.per_place > 1 else "")
        if self._course.place == 1:
            return words
        return tr("Place {place}. {words}").format(place=self._course.place, words=words)

    def _on_ended(self, end: RunEnd) -> None:
        layer, self._checked_layer = self._checked_layer, None
        self._dock.run_panel.set_running(False)
        self._dock.images_panel.set_paused(False)
        has_failed = end.outcome in (RunOutcome.FAILED, RunOutcome.CRASHED)
        if layer is None:
            sentence = " ".join(part for part in (end_words(end), self._notes) if part)
            self._dock.conversation_panel.finish(self._keep(end, sentence), sentence)
            self.ended.emit(sentence or tr("The answer is there."), has_failed)
        elif sip.isdeleted(layer):
            self._dock.tell(tr("Not kept. The layer of proposals is no longer in the project."))
        elif end.outcome is RunOutcome.FINISHED:
            self.checked.emit(end, layer)
        else:
            self._dock.tell(end_words(end))
        if has_failed:
            self.failed.emit()

    def _keep(self, end: RunEnd, sentence: str) -> Exchange | None:
        if end.run is None or not end.answers or self._order is None:
            return None
        for place in end.places:
            for made in place.chips:
                self._store.keep(made.chip)
        exchange = Exchange(
            run=end.run,
            title=self._title,
            aoi=self._order.aoi,
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


class _Course:
    """How far a run has come: which place, which of its prompts."""

    def __init__(self, per_place: int = 1) -> None:
        self.per_place = per_place
        """Prompts that are put to a place at most."""
        self._chips: list[str] = []
        self._opened = 0

    @classmethod
    def of(cls, order: RunOrder, contract: Contract) -> _Course:
        """A prompt a target, or a report and its boxes."""
        task = contract.tasks.get(order.task)
        return cls(max(len(order.targets), 2 if task and task.report else 1))

    @property
    def place(self) -> int:
        """Number of the place at work, from 1."""
        return len(self._chips)

    def open(self, answer: Answer) -> None:
        """A prompt was begun."""
        if answer.chip_id not in self._chips:
            self._chips.append(answer.chip_id)
            self._opened = 0
        self._opened += 1

    def share(self, places: int) -> float | None:
        """The share of prompts that are done; None where there is only one."""
        done = self.place - 1 + (self._opened - 1) / self.per_place
        return done / places if places * self.per_place > 1 and self._opened else None
