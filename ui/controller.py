# SPDX-License-Identifier: GPL-2.0-or-later
"""Joins the dock's panels with each other, with the map and with the settings."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProject
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject

from ..gis.aoi import Aoi
from ..gis.errors import ChipError
from ..gis.runs.chip_store import ChipStore
from ..gis.runs.conversation import Conversation
from ..gis.runs.runner import Runner
from ..gis.saved_aoi import AoiSource
from ..gis.saving.kept_layers import KeptLayers, KeptWithProject
from ..gis.settings import DockState, LastLoad, Settings
from .ability_words import no_tools_words
from .ask_control import AskControl
from .dock import LSpaceDock
from .host import Host
from .model_control import ModelControl
from .remote_words import remote_words
from .review.kept_words import kept_words
from .review_control import ReviewControl
from .run_view import RunView
from .scan.scan_control import ScanControl
from .talk_control import TalkControl
from .task.task_panel import Asked
from .words import device_words, model_words, sentence_for, setup_advice, tr


class DockController(QObject):
    """Everything the dock does; ``shut_down`` leaves nothing behind."""

    def __init__(self, dock: LSpaceDock, host: Host, runner: Runner) -> None:
        super().__init__(dock)
        self._dock = dock
        self._canvas: QgsMapCanvas = host.canvas
        self._tell_host = host.tell
        self._runner = runner
        self.conversation = Conversation(self)
        self.store = ChipStore(self.conversation, self)
        # before the question is asked: the folder may hold another model by now
        dock.run_panel.run_requested.connect(self._follow_contract)
        view = RunView(dock, runner)
        shown = (dock, host.canvas, runner, view, self.conversation, self.store)
        self.asking = AskControl(*shown)
        self.talking = TalkControl(*shown, self.asking)
        self._kept_layers = KeptLayers(self)
        self.reviewing = ReviewControl(dock, self.asking, self.conversation, self.store, host.reshape)
        self._models = ModelControl(dock.task_panel.model_combo, self)
        self.scanning = ScanControl(dock, host.canvas, runner)
        self._connect(host)
        self._recall()
        self.refresh_state()
        self._on_task_changed()
        self._on_aoi_changed()

    def refresh_state(self) -> None:
        """Shows what the chosen model can be asked and whether a run is possible, after either changed."""
        self._dock.show_state(*setup_advice(Settings.load()))
        self._models.refresh()
        self._follow_contract()

    def prepare(self) -> None:
        """Somebody is about to ask: has the model loaded meanwhile."""
        self.asking.prepare()

    def shut_down(self) -> None:
        """Ends a run, lets the worker go, and takes everything off the map."""
        self._remember()
        dock = self._dock
        self.talking.shut_down()
        self.scanning.shut_down()
        self.reviewing.shut_down()
        self._kept_layers.shut_down()
        for part in (dock.aoi_panel, dock.images_panel, dock.review_panel, dock.report_panel):
            part.shut_down()
        self._runner.shut_down()

    def _connect(self, host: Host) -> None:
        dock = self._dock
        self._kept_layers.project_saved.connect(self._on_project_saved)
        dock.options_requested.connect(host.open_options)
        dock.first_steps.demo_requested.connect(host.show_demo)
        dock.told_unseen.connect(self._on_told_unseen)
        for deed in (
            dock.aoi_panel.drawing.begun,
            dock.aoi_panel.source_combo.activated,
            dock.task_panel.task_combo.activated,
        ):
            deed.connect(self.prepare)
        dock.aoi_panel.changed.connect(self._on_aoi_changed)
        dock.task_panel.changed.connect(self._on_task_changed)
        dock.images_panel.told.connect(dock.tell)
        dock.images_panel.preview_changed.connect(dock.give_room)
        dock.images_panel.aoi_advised.connect(self._on_aoi_advised)
        dock.conversation_panel.set_conversation(self.conversation, self.store)
        dock.conversation_panel.told.connect(dock.tell)
        dock.conversation_panel.zoom_requested.connect(self._zoom_to)
        self.asking.model_ready.connect(self._on_model_ready)
        self.asking.failed.connect(self.refresh_state)
        self.talking.failed.connect(self.refresh_state)
        self._runner.model_released.connect(self.refresh_state)
        self._models.changed.connect(self._on_model_chosen)
        self.asking.ended.connect(self._on_run_ended)
        self.talking.ended.connect(self._on_run_ended)
        self.asking.layer_filled.connect(self.reviewing.show_layer)
        self.scanning.ended.connect(self._on_run_ended)
        self.scanning.ended.connect(self.refresh_state)
        self.scanning.layer_filled.connect(self.reviewing.show_layer)

    def _follow_contract(self) -> None:
        """Offers what the chosen model can be asked."""
        dock, contract = self._dock, Settings.load().expected_contract
        if contract is not dock.task_panel.contract:
            dock.task_panel.show_contract(contract)
        named = [target.name for target in contract.targets]
        changes = [task for task in contract.tasks.values() if task.words and task.label]
        dock.images_panel.set_contract(contract)
        dock.review_panel.set_labels([*named, *(task.words for task in changes)])
        dock.conversation_panel.set_labels([*named, *(task.label for task in changes)])
        takes_questions = any(task.takes_question for task in contract.offered)
        reason = tr("{model} answers no free questions; choose a task above.").format(model=contract.title)
        dock.conversation_panel.set_question_allowed(takes_questions, "" if takes_questions else reason)
        dock.conversation_panel.offer_conversations(contract, no_tools_words(contract))

    def _on_model_chosen(self) -> None:
        self.refresh_state()
        self.prepare()

    def _on_aoi_changed(self) -> None:
        try:
            aoi = self._dock.aoi_panel.aoi().for_chips(self._canvas.mapSettings())
            self._dock.images_panel.set_aoi(aoi)
        except ChipError:
            self._dock.images_panel.set_aoi(None)  # the panel of the area says why there is none

    def _on_aoi_advised(self, aoi: Aoi, zoom: float) -> None:
        """Takes the area that the model was trained for."""
        if self._dock.aoi_panel.source() is AoiSource.VIEW:
            self._canvas.zoomByFactor(zoom)
        else:
            self._dock.aoi_panel.set_aoi(aoi)
            self._dock.aoi_panel.zoom_to_area()

    def _on_task_changed(self) -> None:
        task = self._dock.task_panel.task()
        self._dock.images_panel.set_image_count(task.images, task.most_images)
        self._dock.give_room()

    def _on_model_ready(self, info: dict[str, Any]) -> None:
        LastLoad(device=info["device"], precision=info["precision"], reason=info["reason"]).save()
        used = self.asking.settings
        if used == Settings.load():  # else the dock speaks of another model by now
            words = model_words(info, is_embedded=used.is_embedded_model)
            if used.remote:
                words = f"{words} {remote_words(used)}"
            self._dock.show_state(words, details=device_words(info))

    def _on_project_saved(self, kept: KeptWithProject) -> None:
        words = kept_words(kept)
        if words:
            self._dock.tell(words)

    def _on_told_unseen(self, sentence: str) -> None:
        self._tell_host(sentence, False)

    def _on_run_ended(self, sentence: str, has_failed: bool) -> None:
        """What may be missed is told in the message bar, too."""
        if sentence and (has_failed or not self._dock.isUserVisible()):
            self._tell_host(sentence, has_failed)

    def _zoom_to(self, exchange_id: str) -> None:
        exchange = self.conversation.exchange(exchange_id)
        if exchange is None:
            return
        aoi = exchange.aoi
        try:
            shown = aoi.on_map(self._canvas.mapSettings())
        except ChipError as error:
            self._dock.tell(sentence_for(error))
            return
        extent = shown.polygon.boundingBox()
        extent.scale(1.1)
        self._canvas.setExtent(extent)
        self._canvas.flashGeometries([aoi.polygon], aoi.crs)
        self._canvas.refresh()
        layer = QgsProject.instance().mapLayer(exchange.proposals_id or "")
        if layer is not None:
            self.reviewing.show_layer(layer)

    def _recall(self) -> None:
        """What the dock said before the restart."""
        state = DockState.load()
        if state.task:
            targets = tuple(name for name in state.targets.split(",") if name)
            self._dock.task_panel.show_asked(Asked(state.task, targets, clip=state.clip))
        self._dock.tabs.setCurrentIndex(state.tab)
        self._dock.question_percent = state.question_percent

    def _remember(self) -> None:
        asked = self._dock.task_panel.asked()
        DockState(
            task=asked.task,
            targets=",".join(asked.targets),
            clip=asked.clip,
            tab=self._dock.tabs.currentIndex(),
            question_percent=self._dock.question_percent,
            width_px=self._dock.width(),
        ).save()
