# SPDX-License-Identifier: GPL-2.0-or-later
"""Conversing: a question goes on from what was said before, and the model may use tools over the map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from qgis.core import QgsProject
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..gis.aoi import Aoi
from ..gis.errors import ChipError
from ..gis.imaging.training_chips import plan_squares
from ..gis.runs.answer import Answer
from ..gis.runs.chip_store import ChipStore
from ..gis.runs.conversation import Conversation, Exchange
from ..gis.runs.dialogue import Dialogue, DialogueEnd
from ..gis.runs.run_order import RunOrder
from ..gis.runs.run_progress import RunEnd, RunOutcome
from ..gis.runs.runner import Runner
from ..gis.runs.step import Step, StepState
from ..gis.runs.thread import turns_of
from ..gis.settings import Settings
from ..gis.tools.plan import Plan
from ..gis.tools.toolbox import Toolbox
from ..model_backend.contract import Contract
from ..model_backend.turn import Role, Turn
from .ask_control import AskControl
from .conversation.conversation_panel import QUESTION_TASK
from .conversation.step_words import layer_named_in, plan_words, step_words
from .desk import DockDesk
from .dock import LSpaceDock
from .run_view import RunView
from .words import end_words, sentence_for, tr


class TalkControl(QObject):
    """One question at a time; each ends as an entry of the conversation, or as a sentence."""

    failed = pyqtSignal()
    """The runtime or the model gave up: whether a run is possible may have changed."""
    ended = pyqtSignal(str, bool)
    """What came of a question, and whether it failed."""

    def __init__(
        self,
        dock: LSpaceDock,
        canvas: QgsMapCanvas,
        runner: Runner,
        view: RunView,
        conversation: Conversation,
        store: ChipStore,
        asking: AskControl,
    ) -> None:
        super().__init__(dock)
        self._dock = dock
        self._panel = dock.conversation_panel
        self._canvas = canvas
        self._view = view
        self._conversation = conversation
        self._store = store
        self._asking = asking
        self._toolbox = Toolbox(DockDesk(dock, canvas, asking, runner), self)
        self.dialogue = Dialogue(runner, self._toolbox, self)
        self._order: RunOrder | None = None
        self._follows: str | None = None
        self._undo: dict[tuple[str, int], Callable[[], bool]] = {}
        """How to take steps back, by their exchange and their place in it; until QGIS or the project ends."""
        self._connect()

    def ask(self, question: str, exchange_id: str) -> None:
        """Goes on from an exchange, or, without one, begins a conversation about the area's image."""
        former = self._conversation.exchange(exchange_id)
        if self._contract.talk is None or (former is not None and not former.is_about_one_place):
            self._asking.ask_further(question, exchange_id)
        elif former is None:
            self._begin(question)
        else:
            self._go_on(question, former, former.exchange_id)

    def retry(self, exchange_id: str, ask_anyway: bool) -> None:
        """Asks the same of the same images, after the same that was said before."""
        former = self._conversation.exchange(exchange_id)
        if former is None or not former.is_talk or self._contract.talk is None:
            self._asking.retry(exchange_id, ask_anyway)
        else:
            self._go_on(former.answers[0].prompt, former, former.follows)

    def shut_down(self) -> None:
        """Ends the question that is under way."""
        self.dialogue.cancel()

    @property
    def _contract(self) -> Contract:
        return self._dock.task_panel.contract

    def _connect(self) -> None:
        panel, dialogue = self._panel, self.dialogue
        panel.question_asked.connect(self.ask)
        panel.retry_requested.connect(self.retry)
        panel.undo_requested.connect(self._take_back)
        panel.show_requested.connect(self._show_layer)
        panel.stop_requested.connect(dialogue.cancel)
        panel.permission_bar.allowed.connect(self._allow)
        panel.permission_bar.refused.connect(self._refuse)
        self._dock.run_panel.cancel_requested.connect(dialogue.cancel)
        dialogue.permission_wanted.connect(self._on_permission_wanted)
        dialogue.working.connect(self._on_working)
        dialogue.stepped.connect(self._on_stepped)
        dialogue.ended.connect(self._on_ended)
        self._conversation.changed.connect(self._forget_undo_of_gone)

    # the question

    def _begin(self, question: str) -> None:
        """With what the area shows, unless the conversation is to be about no image."""
        view, without_image = self._canvas.mapSettings(), self._panel.begins_without_image
        try:
            aoi = self._area(or_view=without_image).for_chips(view)
            images = () if without_image else self._dock.images_panel.sources()
            is_cut = any(image.raster is not None for image in images)
            places = len(plan_squares(aoi, self._contract.chip)) if is_cut else 1
        except ChipError as error:
            self._refuse_question(question, sentence_for(error))
            return
        complaint = self._complaint(len(images), places)
        if complaint:
            self._refuse_question(question, complaint)
            return
        order = RunOrder(
            aoi=aoi,
            view=view,
            task=QUESTION_TASK,
            images=images,
            question=question,
            without_image=without_image,
        )
        self._start(order, (), None)

    def _go_on(self, question: str, former: Exchange, follows: str | None) -> None:
        places = self._store.chip_sets(former.run)
        if former.run.chips and not places:
            words = tr("The images of that question are no longer there. Ask about the area anew.")
            self._refuse_question(question, words)
            return
        complaint = self._complaint(len(former.run.chips))
        if complaint:
            self._refuse_question(question, complaint)
            return
        order = RunOrder(
            aoi=former.aoi,
            view=self._canvas.mapSettings(),
            task=QUESTION_TASK,
            chip_sets=places,
            question=question,
            without_image=former.is_without_image,
        )
        self._start(order, turns_of(self._conversation.thread(follows)), follows)

    def _area(self, or_view: bool) -> Aoi:
        """The area of interest, or what the map shows where there is none."""
        try:
            return self._dock.aoi_panel.aoi()
        except ChipError:
            if not or_view:
                raise
            return Aoi.from_view(self._canvas.mapSettings())

    def _complaint(self, images: int, places: int = 1) -> str:
        """Why so many images are too many for a conversation; empty where they are not."""
        most = self._contract.talk.most_images
        if places > 1:
            words = tr(
                "The area needs {count} pictures, and a conversation is about one place. Choose a smaller "
                "area, or the image as the map shows it."
            )
            return words.format(count=places)
        if images <= most:
            return ""
        words = tr(
            "{model} looks at {most} image in a conversation, and these are {count}: it was trained on one "
            "alone. Choose one image."
        )
        if most > 1:
            words = tr("{model} looks at {most} images in a conversation at most, and these are {count}.")
        return words.format(model=self._contract.title, most=most, count=images)

    def _start(self, order: RunOrder, earlier: tuple[Turn, ...], follows: str | None) -> None:
        if not self._asking.is_free():
            self._panel.give_back(order.question)
            return
        tools = self._toolbox.definitions if self._panel.uses_tools else ()
        order = replace(order, turns=(*earlier, Turn(Role.USER, order.question)), tools=tools)
        self._order, self._follows = order, follows
        self._asking.settings = settings = Settings.load()
        self._view.begin(order.question)
        self._view.follow(order, self._contract, writes=True)
        self.dialogue.ask(order, settings)

    def _refuse_question(self, question: str, words: str) -> None:
        """Says why it is not asked, and gives it back."""
        self._panel.give_back(question)
        self._dock.tell(words)

    # what the model does

    def _on_permission_wanted(self, plan: Plan) -> None:
        words = plan_words(plan)
        self._dock.show_panel(self._panel)
        self._panel.permission_bar.ask(words)
        if not self._dock.isUserVisible():
            self._dock.told_unseen.emit(words)
        self._dock.run_panel.show_stage(tr("Waiting for your decision"), None)
        self._dock.give_room()

    def _allow(self) -> None:
        self._panel.permission_bar.hide()
        self.dialogue.allow()

    def _refuse(self) -> None:
        self._panel.permission_bar.hide()
        self.dialogue.refuse()

    def _on_working(self, _plan: Plan) -> None:
        self._dock.run_panel.show_stage(tr("Using a tool"), None)

    def _on_stepped(self, step: Step) -> None:
        if step.is_call:
            self._panel.add_step(step_words(step))

    # the end

    def _on_ended(self, end: DialogueEnd) -> None:
        order, self._order = self._order, None
        self._panel.permission_bar.hide()
        self._view.show_running(False)
        sentence = " ".join(part for part in (_end_words(end), self._view.notes) if part)
        exchange = None
        if order is not None and end.run is not None:
            exchange = self._keep(end, order, sentence)
        self._panel.finish(exchange, sentence)
        has_failed = end.outcome in (RunOutcome.FAILED, RunOutcome.CRASHED)
        self.ended.emit(sentence or tr("The answer is there."), has_failed)
        if has_failed:
            self.failed.emit()

    def _keep(self, end: DialogueEnd, order: RunOrder, sentence: str) -> Exchange:
        for place in end.places:
            for made in place.chips:
                self._store.keep(made.chip)
        chip_id = end.places[0].placed.chip_id if end.places else ""
        is_finished = end.outcome is RunOutcome.FINISHED and not end.cut_short
        answer = Answer(chip_id, order.task, order.question, end.said, trained=False, finished=is_finished)
        exchange = Exchange(
            run=end.run,
            title=order.question,
            aoi=order.aoi,
            answers=(answer,),
            outcome=end.outcome,
            summary=sentence,
            follows=self._follows,
            steps=end.steps,
            left_out=end.left_out,
        )
        self._undo.update({(exchange.exchange_id, place): undo for place, undo in end.undo.items()})
        self._panel.set_undoable(self._undo)
        self._conversation.add(exchange)
        return exchange

    def _show_layer(self, exchange_id: str, place: int) -> None:
        """Takes the map to the layer of a step."""
        exchange = self._conversation.exchange(exchange_id)
        layers = QgsProject.instance().mapLayersByName(layer_named_in(exchange.steps[place]))
        if not layers:
            self._dock.tell(tr("That layer is no longer in the project."))
            return
        try:
            shown = Aoi.from_layer_extent(layers[0]).on_map(self._canvas.mapSettings())
        except ChipError as error:
            self._dock.tell(sentence_for(error))
            return
        self._canvas.setExtent(shown.polygon.boundingBox())
        self._canvas.refresh()

    # taking back

    def _take_back(self, exchange_id: str, place: int) -> None:
        exchange = self._conversation.exchange(exchange_id)
        undo = self._undo.pop((exchange_id, place), None)
        self._panel.set_undoable(self._undo)
        if exchange is None or undo is None:
            return
        if undo():
            steps = list(exchange.steps)
            steps[place] = replace(steps[place], state=StepState.UNDONE)
            self._conversation.replace(replace(exchange, steps=tuple(steps)))
            self._dock.tell(tr("Taken back."))
        else:
            self._conversation.replace(exchange)
            self._dock.tell(tr("This can no longer be taken back: it was changed since, or is gone."))

    def _forget_undo_of_gone(self) -> None:
        kept = {exchange.exchange_id for exchange in self._conversation.exchanges}
        if any(key[0] not in kept for key in self._undo):
            self._undo = {key: undo for key, undo in self._undo.items() if key[0] in kept}
            self._panel.set_undoable(self._undo)


def _end_words(end: DialogueEnd) -> str:
    """What came of a question, where that is not plain to see."""
    sentences = [end_words(RunEnd(end.outcome, end.error, cut_short=end.cut_short))]
    if end.went_on:
        sentences.append(tr("The model went on calling tools without an answer, so it was stopped."))
    return " ".join(sentence for sentence in sentences if sentence)
