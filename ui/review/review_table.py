# SPDX-License-Identifier: GPL-2.0-or-later
"""Proposals as a table: one row each, ten thousand of them without a delay."""

from __future__ import annotations

from collections.abc import Collection

from qgis.PyQt.QtCore import QItemSelection, QItemSelectionModel, Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent, QResizeEvent
from qgis.PyQt.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from ...gis.review.proposal_row import ProposalRow
from ..words import tr
from .review_model import Column, ReviewModel, column_titles, edge_words

_LEAST_LABEL = 12
"""Characters of a label that are to be seen."""


class ReviewTable(QTableView):
    """Speaks of features, not of rows."""

    selection_changed = pyqtSignal(list)
    """Ids of the features that the user selected."""
    current_changed = pyqtSignal(object)
    """Id of the feature that the keyboard is at, or None."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = ReviewModel(self)
        self.setModel(self._model)
        self._current: int | None = None
        self._selected: Collection[int] = ()
        self._is_told = False
        self._knows_edges = False
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setAlternatingRowColors(True)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self._set_up_headers()
        self.selectionModel().selectionChanged.connect(self._on_selection_changed)
        self.selectionModel().currentRowChanged.connect(self._on_current_changed)
        self._model.modelReset.connect(self._on_reset)

    def rows(self) -> list[ProposalRow]:
        """What is shown, from the top."""
        return self._model.rows()

    def show_rows(self, rows: Collection[ProposalRow]) -> None:
        """Takes the place of the former rows; measured columns appear when there is a measurement."""
        self._model.show(rows)
        self.setColumnHidden(Column.SUPPORT, all(row.support is None for row in rows))
        self.setColumnHidden(Column.AGREEMENT, all(row.agreement is None for row in rows))
        self._knows_edges = any(row.spread_m is not None for row in rows)
        self._make_room()

    def selected_ids(self) -> list[int]:
        """Features of the selected rows, from the top."""
        places = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [self.rows()[place].fid for place in places]

    def current_id(self) -> int | None:
        """The feature that the keyboard is at."""
        place = self.currentIndex().row()
        return self.rows()[place].fid if place >= 0 else None

    def show_selection(self, ids: Collection[int]) -> None:
        """Selects the rows of these features without telling, and goes to the first where none is current."""
        self._selected = ids
        places = sorted(place for place in map(self._model.place_of, ids) if place >= 0)
        self._is_told = True
        flags = QItemSelectionModel.SelectionFlag
        self.selectionModel().select(self._ranges(places), flags.ClearAndSelect | flags.Rows)
        if places and self.currentIndex().row() not in places:
            index = self._model.index(places[0], Column.LABEL)
            self.selectionModel().setCurrentIndex(index, flags.NoUpdate)
            self.scrollTo(index)
        self._is_told = False

    def go_to(self, fid: int) -> None:
        """Selects one feature as if the user had done so."""
        place = self._model.place_of(fid)
        if place >= 0:
            self.setCurrentIndex(self._model.index(place, Column.LABEL))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Labels come first: a narrow table does without the edges, then without the areas."""
        super().resizeEvent(event)
        self._make_room()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Letters are for the buttons around the table, not for a search in it."""
        if event.text().isalpha():
            event.ignore()
        else:
            super().keyPressEvent(event)

    def _set_up_headers(self) -> None:
        self.setSortingEnabled(True)
        header = self.horizontalHeader()
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setMinimumSectionSize(self.fontMetrics().height())
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for column, sample in _samples().items():
            texts = (sample, column_titles()[column])
            width = max(self.fontMetrics().horizontalAdvance(text) for text in texts)
            self.setColumnWidth(column, width + self.fontMetrics().averageCharWidth())
        self._optional = {column: self.columnWidth(column) for column in (Column.AREA, Column.EDGES)}
        header.setSectionResizeMode(Column.LABEL, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(round(1.6 * self.fontMetrics().height()))

    def _make_room(self) -> None:
        others = (Column.STATUS, Column.SCORE, Column.SUPPORT, Column.AGREEMENT)
        least = _LEAST_LABEL * self.fontMetrics().averageCharWidth()
        room = self.viewport().width() - least - sum(map(self.columnWidth, others))
        for column, width in self._optional.items():
            fits = width <= room and (column is not Column.EDGES or self._knows_edges)
            self.setColumnHidden(column, not fits)
            room -= width if fits else 0

    def _ranges(self, places: list[int]) -> QItemSelection:
        """Neighbours are joined: selecting all of ten thousand rows is one range."""
        selection, start = QItemSelection(), 0
        for end in range(1, len(places) + 1):
            if end == len(places) or places[end] != places[end - 1] + 1:
                first, last = self._model.index(places[start], 0), self._model.index(places[end - 1], 0)
                selection.select(first, last)
                start = end
        return selection

    def _on_selection_changed(self) -> None:
        if not self._is_told:
            self._selected = self.selected_ids()
            self.selection_changed.emit(self._selected)

    def _on_current_changed(self) -> None:
        fid = self.current_id()
        if fid != self._current:
            self._current = fid
            self.current_changed.emit(fid)

    def _on_reset(self) -> None:
        # Qt forgets where the keyboard was, and what was selected.
        place = -1 if self._current is None else self._model.place_of(self._current)
        flag = QItemSelectionModel.SelectionFlag.NoUpdate
        self.selectionModel().setCurrentIndex(self._model.index(place, Column.LABEL), flag)
        self.show_selection(self._selected)
        self._on_current_changed()


def _samples() -> dict[Column, str]:
    """Texts as wide as a column has to be."""
    return {
        Column.STATUS: "\u2713",
        Column.SCORE: "0.00",
        Column.AREA: tr("{area:.0f} m\u00b2").format(area=9999),
        Column.SUPPORT: "100 %",
        Column.AGREEMENT: "100 %",
        Column.EDGES: edge_words(888),
    }
