# SPDX-License-Identifier: GPL-2.0-or-later
"""Proposals as a table: one row each, ten thousand of them without a delay."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import IntEnum
from html import escape
from typing import Any

from qgis.PyQt.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    Qt,
    pyqtSignal,
)
from qgis.PyQt.QtGui import QGuiApplication, QKeyEvent, QPalette, QResizeEvent
from qgis.PyQt.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from ...gis.layers import Status
from ...gis.review.proposal_row import ProposalRow
from ..words import tr

_GLYPHS = {Status.PENDING: "?", Status.ACCEPTED: "\u2713", Status.REJECTED: "\u2717"}
_RIGHT = 0x82
"""``AlignRight | AlignVCenter`` as the number that Qt 5 and Qt 6 both take."""
_MOST_INSERTED = 50
"""Rows that are inserted one by one; with more, the table is built anew."""
_LEAST_LABEL = 12
"""Characters of a label that are to be seen."""


class Column(IntEnum):
    """What stands in a row, from the left."""

    STATUS = 0
    LABEL = 1
    SCORE = 2
    AREA = 3
    SUPPORT = 4
    AGREEMENT = 5


class ReviewModel(QAbstractTableModel):
    """The rows that are shown, in the order in which they are shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[ProposalRow] = []
        self._places: dict[int, int] = {}
        self._sorted_by = -1
        self._descends = False

    def rows(self) -> list[ProposalRow]:
        """All rows, from the top."""
        return self._rows

    def place_of(self, fid: int) -> int:
        """The row of a feature, -1 if it is not shown."""
        return self._places.get(fid, -1)

    def show(self, rows: Iterable[ProposalRow]) -> None:
        """Takes the place of the former rows; where rows are only added, views keep what is selected."""
        rows = self._in_order(rows)
        former, ids = [row.fid for row in self._rows], [row.fid for row in rows]
        added = [place for place, fid in enumerate(ids) if fid not in self._places]
        if [fid for fid in ids if fid in self._places] != former or len(added) > _MOST_INSERTED:
            self.beginResetModel()
            self._take(rows)
            self.endResetModel()
            return
        for place in added:
            self.beginInsertRows(QModelIndex(), place, place)
            self._take([*self._rows[:place], rows[place], *self._rows[place:]])
            self.endInsertRows()
        self._take(rows)
        if rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(Column) - 1))

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """By a column; NULL values come last. With -1 in the layer's order."""
        self._sorted_by, self._descends = column, order == Qt.SortOrder.DescendingOrder
        self.beginResetModel()
        self._take(self._in_order(self._rows))
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """One a proposal."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """One for each ``Column``."""
        return 0 if parent is not None and parent.isValid() else len(Column)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Words, for the eye, the mouse and the screen reader."""
        row, column = self._rows[index.row()], Column(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return _story(row)
        if role == Qt.ItemDataRole.AccessibleTextRole and column is Column.STATUS:
            return status_words(row.status)
        if role == Qt.ItemDataRole.TextAlignmentRole and column > Column.LABEL:
            return _RIGHT
        if role == Qt.ItemDataRole.ForegroundRole and row.status is Status.REJECTED:
            return QGuiApplication.palette().brush(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Titles of the columns."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _titles()[Column(section)]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole:
            return _meanings()[Column(section)]
        return None

    def _take(self, rows: list[ProposalRow]) -> None:
        self._rows = rows
        self._places = {row.fid: place for place, row in enumerate(rows)}

    def _in_order(self, rows: Iterable[ProposalRow]) -> list[ProposalRow]:
        by_layer = sorted(rows, key=lambda row: row.fid)
        if self._sorted_by < 0:
            return by_layer
        known = [row for row in by_layer if _value(row, self._sorted_by) is not None]
        unknown = [row for row in by_layer if _value(row, self._sorted_by) is None]
        known.sort(key=lambda row: _value(row, self._sorted_by), reverse=self._descends)
        return known + unknown


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
        """Labels come first: a narrow table does without the areas."""
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
            texts = (sample, _titles()[column])
            width = max(self.fontMetrics().horizontalAdvance(text) for text in texts)
            self.setColumnWidth(column, width + self.fontMetrics().averageCharWidth())
        self._area_width = self.columnWidth(Column.AREA)
        header.setSectionResizeMode(Column.LABEL, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(round(1.6 * self.fontMetrics().height()))

    def _make_room(self) -> None:
        others = (Column.STATUS, Column.SCORE, Column.SUPPORT, Column.AGREEMENT)
        taken = self._area_width + sum(map(self.columnWidth, others))
        least = _LEAST_LABEL * self.fontMetrics().averageCharWidth()
        self.setColumnHidden(Column.AREA, self.viewport().width() - taken < least)

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


def status_words(status: Status) -> str:
    """What a status is called."""
    return {
        Status.PENDING: tr("To review"),
        Status.ACCEPTED: tr("Accepted"),
        Status.REJECTED: tr("Rejected"),
    }[status]


def area_words(area_m2: float) -> str:
    """An area in the unit that suits its size."""
    if area_m2 < 10_000:
        return tr("{area:.0f} m\u00b2").format(area=area_m2)
    if area_m2 < 1_000_000:
        return tr("{area:.1f} ha").format(area=area_m2 / 10_000)
    return tr("{area:.1f} km\u00b2").format(area=area_m2 / 1_000_000)


def _value(row: ProposalRow, column: int) -> Any:
    if column == Column.STATUS:
        return list(Status).index(row.status)
    if column == Column.LABEL:
        return None if row.label is None else row.label.casefold()
    return (row.score, row.area_m2, row.support, row.agreement)[column - Column.SCORE]


def _text(row: ProposalRow, column: Column) -> str:
    if column is Column.STATUS:
        return _GLYPHS[row.status]
    if column is Column.LABEL:
        return row.label or ""
    if column is Column.AREA:
        return "" if row.area_m2 is None else area_words(row.area_m2)
    value = _value(row, column)
    if value is None:
        return ""
    return f"{value:.2f}" if column is Column.SCORE else f"{100 * value:.0f} %"


def _story(row: ProposalRow) -> str:
    """All that is known of a proposal, a line each."""
    lines = [f"{row.label or ''}: {status_words(row.status)}"]
    if row.orig_label and row.orig_label != row.label:
        lines.append(tr("The model said: {label}").format(label=row.orig_label))
    if row.support is not None:
        line = tr("{share:.0f} % of its pixels have {index} ({source})")
        lines.append(
            line.format(share=100 * row.support, index=row.sup_index or "", source=row.sup_source or "")
        )
    if row.agreement is not None:
        line = tr("Found again in {share:.0f} % of {count} views")
        lines.append(line.format(share=100 * row.agreement, count=row.agree_n))
    if row.reviewed:
        lines.append(tr("{reviewer}, {time}").format(reviewer=row.reviewer or "", time=row.reviewed))
    if row.prompt:
        lines.append(tr("Asked: {prompt}").format(prompt=row.prompt))
    # Escaped: labels are words of a model.
    return "<qt>" + "<br>".join(escape(line) for line in lines) + "</qt>"


def _titles() -> dict[Column, str]:
    return {
        Column.STATUS: "",
        Column.LABEL: tr("Label"),
        Column.SCORE: tr("Score"),
        Column.AREA: tr("Area"),
        Column.SUPPORT: tr("Support"),
        Column.AGREEMENT: tr("Agrees"),
    }


def _meanings() -> dict[Column, str]:
    return {
        Column.STATUS: tr("? to review, \u2713 accepted, \u2717 rejected"),
        Column.LABEL: tr("What the model, or you, call it"),
        Column.SCORE: tr("The model's own token probability, where it gave one"),
        Column.AREA: tr("Area of the box on the ellipsoid: the thing in it is smaller"),
        Column.SUPPORT: tr("Share of its pixels whose spectral index speaks for it"),
        Column.AGREEMENT: tr("Share of turned and shifted views in which the model found it again"),
    }


def _samples() -> dict[Column, str]:
    """Texts as wide as a column has to be."""
    return {
        Column.STATUS: "\u2713",
        Column.SCORE: "0.00",
        Column.AREA: tr("{area:.0f} m\u00b2").format(area=9999),
        Column.SUPPORT: "100 %",
        Column.AGREEMENT: "100 %",
    }
