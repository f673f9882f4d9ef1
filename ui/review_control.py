# SPDX-License-Identifier: GPL-2.0-or-later
"""Around the review: in step with map and conversation; evidence, agreement, files, training rows, report."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QObject, QTimer

from ..gis.errors import PluginError
from ..gis.layers import Status
from ..gis.provenance import Run, read_run
from ..gis.reporting.report import compose
from ..gis.runs.agreement import checks_of, write_agreement
from ..gis.runs.chip_store import ChipStore
from ..gis.runs.conversation import Conversation
from ..gis.runs.run_progress import RunEnd
from ..gis.saving.export_format import ExportFormat
from .ask_control import AskControl
from .dock import LSpaceDock
from .review.agreement_panel import AgreementPanel
from .review.evidence_panel import EvidencePanel
from .review.rows_dialog import RowsDialog
from .review.save_dialog import SaveDialog
from .words import sentence_for, tr

REPORT_DELAY_MS = 300
"""Changes that come together make one report."""


class ReviewControl(QObject):
    """What can be done with proposals once they are on the map."""

    def __init__(
        self,
        dock: LSpaceDock,
        asking: AskControl,
        conversation: Conversation,
        store: ChipStore,
        reshape: Callable[[QgsVectorLayer, int], None],
    ) -> None:
        super().__init__(dock)
        self._dock = dock
        self._panel = dock.review_panel
        self._asking = asking
        self._conversation = conversation
        self._store = store
        self._reshape = reshape
        self._save_dialog: SaveDialog | None = None
        self._rows_dialog: RowsDialog | None = None
        self.evidence_panel = EvidencePanel()
        self.agreement_panel = AgreementPanel()
        self._panel.add_tool(tr("Independent evidence"), self.evidence_panel)
        self._panel.add_tool(tr("Self-agreement"), self.agreement_panel)
        self._report_timer = QTimer(self)
        self._report_timer.setSingleShot(True)
        self._report_timer.setInterval(REPORT_DELAY_MS)
        self._report_timer.timeout.connect(self.show_report)
        self._connect()
        self._on_proposals_changed()

    def show_layer(self, layer: QgsVectorLayer) -> None:
        """Puts a proposal layer under review."""
        if self._panel.layer() is not layer:
            self._panel.set_layer(layer)

    def show_report(self) -> None:
        """Composes the report anew, if anybody looks at it."""
        dock, exchanges = self._dock, self._conversation.exchanges
        if dock.shown_panel() is not dock.report_panel:
            return
        records = {chip.chip_id: chip for exchange in exchanges for chip in exchange.run.chips}
        chips = {chip_id: self._store.chip(record) for chip_id, record in records.items()}
        pictures = {chip_id: chip.png for chip_id, chip in chips.items() if chip is not None}
        dock.report_panel.show_report(compose(self._layers(), exchanges), pictures)

    def shut_down(self) -> None:
        """Gives up what is being measured."""
        self._report_timer.stop()
        self.evidence_panel.cancel()

    def _connect(self) -> None:
        dock, panel = self._dock, self._panel
        panel.proposals_changed.connect(self._on_proposals_changed)
        panel.label_selected.connect(self._on_label_selected)
        panel.reshape_requested.connect(self._reshape)
        panel.save_requested.connect(self._save)
        panel.save_button.rows_chosen.connect(self._save_rows)
        dock.conversation_panel.label_clicked.connect(self._on_label_clicked)
        self.evidence_panel.measured.connect(self._report_timer.start)
        self.agreement_panel.requested.connect(self._ask_for_agreement)
        self._asking.checked.connect(self._on_checked)
        dock.told_part.give_up_requested.connect(self._give_up_writing)
        dock.report_panel.refresh_requested.connect(self.show_report)
        dock.tabs.currentChanged.connect(self._report_timer.start)
        self._conversation.changed.connect(self._report_timer.start)
        for part in (panel, self.evidence_panel, dock.report_panel):
            part.told.connect(dock.tell)

    def _layers(self) -> list[QgsVectorLayer]:
        return self._panel.layer_combo.layers()

    def _on_proposals_changed(self) -> None:
        layer = self._panel.layer()
        self._dock.show_proposal_count(self._panel.counts().total)
        self.evidence_panel.set_layer(layer)
        self.agreement_panel.button.setEnabled(layer is not None)
        self._report_timer.start()

    def _on_label_selected(self, words: str) -> None:
        contract = self._dock.task_panel.contract
        label = words if contract.target(words) else contract.label_for_words(words)
        self._dock.conversation_panel.highlight_label(label)

    def _on_label_clicked(self, exchange_id: str, label: str) -> None:
        exchange = self._conversation.exchange(exchange_id)
        layer = QgsProject.instance().mapLayer(exchange.proposals_id or "") if exchange else None
        if layer is not None:
            self.show_layer(layer)
        if self._panel.layer() is None:
            self._dock.tell(tr("There are no boxes of it yet. Ask for them under Task."))
        self._panel.show_label(self._dock.task_panel.contract.words_for_label(label))

    # files

    def _save(self, layer: QgsVectorLayer, export_format: ExportFormat, status: Status | None) -> None:
        if self._save_dialog is not None:
            if self._save_dialog.is_saving:
                self._dock.tell(tr("The last file is still being saved. Try again when it is done."))
                return
            self._save_dialog.deleteLater()
        self._save_dialog = SaveDialog(layer, export_format, self._dock, status)
        self._save_dialog.told.connect(self._dock.tell)
        self._save_dialog.saving_changed.connect(self._on_writing_changed)
        self._save_dialog.open()

    def _save_rows(self) -> None:
        if self._rows_dialog is not None:
            if self._rows_dialog.is_writing:
                self._dock.tell(tr("The last training rows are still being written."))
                return
            self._rows_dialog.deleteLater()
        contract = self._dock.task_panel.contract
        self._rows_dialog = RowsDialog(self._layers(), contract, self._store.chip, self._dock)
        self._rows_dialog.told.connect(self._dock.tell)
        self._rows_dialog.writing_changed.connect(self._on_writing_changed)
        self._rows_dialog.open()

    def _on_writing_changed(self) -> None:
        is_saving = self._save_dialog is not None and self._save_dialog.is_saving
        is_writing = self._rows_dialog is not None and self._rows_dialog.is_writing
        self._dock.told_part.show_writing(is_saving or is_writing)

    def _give_up_writing(self) -> None:
        for dialog in (self._save_dialog, self._rows_dialog):
            if dialog is not None:
                dialog.give_up()

    # agreement

    def _ask_for_agreement(self) -> None:
        layer = self._panel.layer()
        try:
            run = None if layer is None else read_run(layer)
            if run is not None:
                self._check(layer, run)
        except PluginError as error:
            self._dock.tell(sentence_for(error))

    def _check(self, layer: QgsVectorLayer, run: Run) -> None:
        checks = checks_of(layer, run)
        places = tuple(place for place in self._store.chip_sets(run) if place.placed.chip_id in checks)
        if places:
            self._asking.check(layer, run, places, checks)
        else:
            self.agreement_panel.show_result(tr("The images of these proposals are no longer there."))

    def _on_checked(self, end: RunEnd, layer: QgsVectorLayer) -> None:
        try:
            write_agreement(layer, end.agreement, end.views)
        except PluginError as error:
            self.agreement_panel.show_result(sentence_for(error))
            return
        words = tr("{count} proposals asked about in {views} views.")
        words = words.format(count=len(end.agreement), views=end.views)
        self.agreement_panel.show_result(words)
        self._dock.tell(words)
