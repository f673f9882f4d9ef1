# SPDX-License-Identifier: GPL-2.0-or-later
"""Review of proposals: table and map in step, decisions by key or button."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qgis.core import QgsMapSettings, QgsRectangle, QgsVectorLayer
from qgis.gui import QgsCollapsibleGroupBox, QgsMapCanvas
from qgis.PyQt import sip
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QHideEvent, QShowEvent
from qgis.PyQt.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from ...gis.errors import ValuesRejected
from ...gis.layers import Status
from ...gis.review.close_up import close_up, gentle_move
from ...gis.review.proposal_row import next_pending
from ...gis.review.review import Counts, Review
from ...gis.review.review_filter import ReviewFilter
from ...gis.saving.export_format import ExportFormat
from ..parts import fill_column, fold, quiet_label, row
from ..words import sentence_for
from .edge_bands import EdgeBands
from .key_area import KeyArea
from .proposal_layer_combo import ProposalLayerCombo
from .relabel_bar import RelabelBar
from .review_buttons import ReviewButtons
from .review_filter_bar import ReviewFilterBar
from .review_table import ReviewTable
from .save_button import SaveButton

LEAST_ROWS = 5
"""Of the table, in sight in the smallest panel."""


class ReviewPanel(QWidget):
    """Shows one proposal layer of the project and writes the reviewer's decisions into it."""

    proposals_changed = pyqtSignal()
    """Another layer, or another count of what is decided; ``counts`` says which."""
    label_selected = pyqtSignal(str)
    """The label of the proposal that the reviewer has come to."""
    reshape_requested = pyqtSignal(object, int)
    """The layer and the id of the proposal whose shape is to be changed with QGIS's tools; it is editable."""
    save_requested = pyqtSignal(object, object, object)
    """The layer, an ``ExportFormat``, and the ``Status`` to save, None for all."""
    told = pyqtSignal(str)
    """What could not be done, a sentence."""

    def __init__(self, canvas: QgsMapCanvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("LSpaceReviewPanel")
        self._canvas = canvas
        self._bands = EdgeBands(canvas)
        self._reviews: dict[str, Review] = {}
        self._layer: QgsVectorLayer | None = None
        self._names: tuple[str, ...] = ()
        self._build()
        self._watch_all()
        self._follow_layer()

    # what is shown

    def layer(self) -> QgsVectorLayer | None:
        """The layer under review."""
        return None if self._layer is None or sip.isdeleted(self._layer) else self._layer

    def set_layer(self, layer: QgsVectorLayer) -> None:
        """Chooses a proposal layer of the project."""
        self.layer_combo.choose(layer)

    def set_labels(self, names: Sequence[str]) -> None:
        """Offers these labels for relabelling, before those of the layer."""
        self._names = tuple(names)
        self._refresh()

    def counts(self) -> Counts:
        """How many proposals of the layer have which status."""
        review = self._review()
        return Counts() if review is None else review.counts()

    def show_label(self, label: str) -> None:
        """Selects the proposals of a label, in any case, and flashes them on the map."""
        review, layer = self._review(), self.layer()
        if review is None or layer is None:
            return
        wanted = label.strip().casefold()
        rows = [row for row in review.rows().values() if (row.label or "").casefold() == wanted]
        if not all(self.filter_bar.filter().accepts(row) for row in rows):
            self.filter_bar.show_filter(ReviewFilter())
            self._on_filter_changed()
        layer.selectByIds([row.fid for row in rows])
        self._canvas.flashFeatureIds(layer, [row.fid for row in rows])

    def add_tool(self, title: str, widget: QWidget) -> QgsCollapsibleGroupBox:
        """Puts a widget under the table, folded away at first."""
        group = QgsCollapsibleGroupBox(title, self)
        group.setObjectName(f"LSpaceReviewTool{self._tools.count()}")
        fold(group)
        column = QVBoxLayout(group)
        column.addWidget(widget)
        self._tools.addWidget(group)
        return group

    def shut_down(self) -> None:
        """Takes filter and bands off the map, and leaves the layers alone from now on."""
        self.layer_combo.blockSignals(True)
        for layer in self.layer_combo.layers():
            ReviewFilter().write_to(layer)
        self._show(None)
        for review in self._living_reviews().values():
            review.deleteLater()
        self._reviews = {}

    # one layer after the other

    def _review(self) -> Review | None:
        layer = self.layer()
        return None if layer is None else self._reviews.get(layer.id())

    def _follow_layer(self) -> None:
        self._show(self.layer_combo.layer())

    def _show(self, layer: QgsVectorLayer | None) -> None:
        former, self._layer = self.layer(), layer
        if former is not None:
            former.selectionChanged.disconnect(self._on_map_selection)
            self._reviews[former.id()].changed.disconnect(self._refresh)
        if layer is not None:
            layer.selectionChanged.connect(self._on_map_selection)
            self._reviews[layer.id()].changed.connect(self._refresh)
            self.filter_bar.show_filter(ReviewFilter.of(layer))
        self._refresh()

    def _watch_all(self) -> None:
        """A shape changed in a layer that is not shown gets its area anew, too."""
        self._reviews = self._living_reviews()
        for layer in self.layer_combo.layers():
            if layer.id() not in self._reviews:
                self._reviews[layer.id()] = Review(layer)

    def _living_reviews(self) -> dict[str, Review]:
        """A review ends with its layer."""
        return {layer_id: review for layer_id, review in self._reviews.items() if not sip.isdeleted(review)}

    def _refresh(self) -> None:
        review = self._review()
        rows = [] if review is None else list(review.rows().values())
        chosen = self.filter_bar.filter()
        self.table.show_rows([row for row in rows if chosen.accepts(row)])
        labels = [] if review is None else review.labels()
        self.filter_bar.offer(labels, any(row.score is not None for row in rows))
        self.relabel_bar.offer([*self._names, *labels])
        self._on_map_selection()
        self._say_counts(len(rows) - len(self.table.rows()))
        self._enable()
        self.proposals_changed.emit()

    def _say_counts(self, hidden: int) -> None:
        counts = self.counts()
        words = self.tr("{accepted} accepted, {rejected} rejected, {pending} to review")
        text = words.format(accepted=counts.accepted, rejected=counts.rejected, pending=counts.pending)
        if hidden:
            text += self.tr(" ({hidden} not shown)").format(hidden=hidden)
        self.counts_label.setText(text if counts.total else "")
        empty = self.tr("The filter hides all {total} proposals.").format(total=counts.total)
        if not counts.total:
            empty = self.tr("No proposals yet: ask the model for boxes, or open a file that LSpace saved.")
        self._empty_label.setText(empty)
        self._stack.setCurrentWidget(self.table if self.table.rows() else self._empty_label)

    def _enable(self) -> None:
        review, some = self._review(), bool(self.table.rows())
        self.buttons.enable(
            some, review is not None and review.can_undo, review is not None and review.can_redo
        )
        self.relabel_bar.setEnabled(some)
        self.save_button.setEnabled(self.counts().total > 0)

    # table, map and filter in step

    def _on_filter_changed(self) -> None:
        layer = self.layer()
        if layer is not None:
            self.filter_bar.filter().write_to(layer)
        self._refresh()

    def _on_table_selection(self, ids: list[int]) -> None:
        layer = self.layer()
        if layer is not None:
            layer.selectByIds(ids)

    def _on_map_selection(self) -> None:
        layer = self.layer()
        if layer is not None:
            self.table.show_selection(layer.selectedFeatureIds())
        self._show_bands()

    def _show_bands(self) -> bool:
        """Draws how uncertain edges are, while that is wanted and in sight; False where none is known."""
        layer = self.layer()
        if layer is None or not self.buttons.edges.isChecked() or not self.isVisible():
            self._bands.clear()
            return True
        shown = [row.fid for row in self.table.rows()]
        return self._bands.show(layer, self.table.selected_ids() or shown)

    def _on_bands_toggled(self) -> None:
        if not self._show_bands():
            self.told.emit(self.tr("Nothing is known of how uncertain these edges are."))

    def showEvent(self, event: QShowEvent) -> None:
        """The bands come back with the panel."""
        super().showEvent(event)
        self._show_bands()

    def hideEvent(self, event: QHideEvent) -> None:
        """The bands go with the panel, and with the dock."""
        super().hideEvent(event)
        self._show_bands()

    def _on_current_changed(self, fid: int | None) -> None:
        review = self._review()
        row = None if review is None or fid is None else review.rows().get(fid)
        if row is not None:
            self.label_selected.emit(row.label or "")

    def _zoom(self) -> None:
        self._move_map(close_up)

    def _move_map(
        self, extent_of: Callable[[QgsVectorLayer, int, QgsMapSettings], QgsRectangle | None]
    ) -> None:
        layer, fid = self.layer(), self.table.current_id()
        if layer is None or fid is None:
            return
        extent = extent_of(layer, fid, self._canvas.mapSettings())
        if extent is not None:
            self._canvas.setExtent(extent)
            self._canvas.refresh()

    # decisions

    def _chosen(self) -> list[int]:
        """What a decision is about: the selected proposals, or the one that the keyboard is at."""
        current = self.table.current_id()
        return self.table.selected_ids() or ([] if current is None else [current])

    def _decide(self, decide: Callable[..., None], *values: str) -> bool:
        try:
            decide(self._chosen(), *values)
        except ValuesRejected as error:
            self.told.emit(sentence_for(error))
            return False
        return True

    def _accept(self) -> None:
        self._decide_and_go_on(self._review().accept)

    def _reject(self) -> None:
        self._decide_and_go_on(self._review().reject)

    def _reset(self) -> None:
        self._decide(self._review().reset)

    def _decide_and_go_on(self, decide: Callable[..., None]) -> None:
        shown, chosen = self.table.rows(), self._chosen()
        if not chosen:
            self._go_on()
        elif self._decide(decide):
            rows = self._review().rows()
            self._go_to(next_pending([rows[row.fid] for row in shown if row.fid in rows], chosen[-1]))

    def _relabel(self, label: str) -> None:
        if self._review() is not None and self._decide(self._review().relabel, label):
            self.table.setFocus()

    def _go_on(self) -> None:
        self._go_to(next_pending(self.table.rows(), self.table.current_id()))

    def _go_back(self) -> None:
        self._go_to(next_pending(self.table.rows(), self.table.current_id(), -1))

    def _go_to(self, fid: int | None) -> None:
        if fid is None:
            self.told.emit(self.tr("Nothing left to review here."))
            return
        self.table.go_to(fid)
        self._move_map(gentle_move)

    def _reshape(self) -> None:
        layer, chosen = self.layer(), self._chosen()
        if layer is None or not chosen:
            return
        try:
            self._review().start_editing()
        except ValuesRejected as error:
            self.told.emit(sentence_for(error))
            return
        self.table.go_to(chosen[0])
        self._move_map(gentle_move)
        self._canvas.setCurrentLayer(layer)
        self.reshape_requested.emit(layer, chosen[0])

    def _undo(self) -> None:
        self._review().undo()

    def _redo(self) -> None:
        self._review().redo()

    # how it is built

    def _build(self) -> None:
        self.layer_combo = ProposalLayerCombo()
        self.layer_combo.setToolTip(self.tr("The proposals to review: each run has its own layer"))
        self.layer_combo.setAccessibleName(self.tr("Layer of proposals"))
        self.layer_combo.layers_changed.connect(self._watch_all)
        self.layer_combo.layer_changed.connect(self._follow_layer)
        self.filter_bar = ReviewFilterBar()
        self.filter_bar.filter_changed.connect(self._on_filter_changed)
        self._make_table()
        self.buttons = ReviewButtons()
        self._connect_buttons()
        self.relabel_bar = RelabelBar()
        self.relabel_bar.label_chosen.connect(self._relabel)
        self.relabel_bar.given_up.connect(self.table.setFocus)
        self.counts_label = quiet_label()
        self.save_button = SaveButton()
        self.save_button.chosen.connect(self._on_save)
        self._arrange()
        self.setWhatsThis(
            self.tr(
                "The boxes that the model proposed. Accept, reject, relabel or reshape them; each decision "
                "is kept in the layer with its time and your name, and can be undone. The keys on the "
                "buttons work while the focus is in this panel."
            )
        )

    def _make_table(self) -> None:
        self.table = ReviewTable()
        self.table.setAccessibleName(self.tr("Proposals"))
        self.table.setToolTip(self.tr("Select proposals here or on the map; a click on a title sorts"))
        self.table.setMinimumHeight(LEAST_ROWS * self.table.verticalHeader().defaultSectionSize())
        self.table.selection_changed.connect(self._on_table_selection)
        self.table.current_changed.connect(self._on_current_changed)
        self.table.doubleClicked.connect(self._zoom)
        self._empty_label = quiet_label()
        self._empty_label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.table)
        self._stack.addWidget(self._empty_label)

    def _connect_buttons(self) -> None:
        for button, slot in {
            self.buttons.accept: self._accept,
            self.buttons.reject: self._reject,
            self.buttons.previous: self._go_back,
            self.buttons.next: self._go_on,
            self.buttons.zoom: self._zoom,
            self.buttons.reshape: self._reshape,
            self.buttons.reset: self._reset,
            self.buttons.undo: self._undo,
            self.buttons.redo: self._redo,
        }.items():
            button.clicked.connect(slot)
        self.buttons.edges.toggled.connect(self._on_bands_toggled)
        for signal in (self._canvas.destinationCrsChanged, self._canvas.layersChanged):
            signal.connect(self._show_bands)

    def _arrange(self) -> None:
        area = KeyArea()
        self.buttons.add_keys_to(area)
        area.add_key(Qt.Key.Key_L, self.relabel_bar.begin)
        tools = row(self.save_button, *self.buttons.tools)
        parts = (
            *(self.layer_combo, self.filter_bar, self._stack, row(self.counts_label, self.buttons.edges)),
            *(self.buttons, self.relabel_bar, tools),
        )
        fill_column(area, *parts).setStretch(parts.index(self._stack), 1)
        self._tools = QVBoxLayout()
        whole = fill_column(self, area)
        whole.setStretch(0, 1)
        whole.addLayout(self._tools)

    def _on_save(self, export_format: ExportFormat, status: Status | None) -> None:
        self.save_requested.emit(self.layer(), export_format, status)
