# SPDX-License-Identifier: GPL-2.0-or-later
"""Proposals as rows of a table: their order, and what stands in each."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from html import escape
from typing import Any

from qgis.PyQt.QtCore import QAbstractTableModel, QModelIndex, Qt
from qgis.PyQt.QtGui import QFont
from qgis.PyQt.QtWidgets import QWidget

from ...gis.layers import Status
from ...gis.review.proposal_row import ProposalRow
from ..words import tr

_GLYPHS = {Status.PENDING: "?", Status.ACCEPTED: "\u2713", Status.REJECTED: "\u2717"}
_RIGHT = 0x82
"""``AlignRight | AlignVCenter`` as the number that Qt 5 and Qt 6 both take."""
_MOST_INSERTED = 50
"""Rows that are inserted one by one; with more, the table is built anew."""


class Column(IntEnum):
    """What stands in a row, from the left."""

    STATUS = 0
    LABEL = 1
    SCORE = 2
    AREA = 3
    SUPPORT = 4
    AGREEMENT = 5
    EDGES = 6


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
        if role == Qt.ItemDataRole.FontRole and row.status is Status.REJECTED:
            return _struck_out()
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Titles of the columns."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return column_titles()[Column(section)]
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


def edge_words(spread_m: float) -> str:
    """How far an edge may be off, one standard deviation."""
    digits = 0 if spread_m >= 10 else 1
    return tr("\u00b1 {metres} m").format(metres=f"{spread_m:.{digits}f}")


def _struck_out() -> QFont:
    """Told apart without a paler colour, which some themes would make unreadable."""
    font = QFont()
    font.setStrikeOut(True)
    return font


def _value(row: ProposalRow, column: int) -> Any:
    if column == Column.STATUS:
        return list(Status).index(row.status)
    if column == Column.LABEL:
        return None if row.label is None else row.label.casefold()
    if column == Column.EDGES:
        return None if row.spread_m is None else max(row.spread_m)
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
    if column is Column.EDGES:
        return edge_words(value)
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
    if row.spread_m is not None:
        line = tr("Edges: left {left}, top {top}, right {right}, bottom {bottom} (one standard deviation)")
        lines.append(
            line.format(**dict(zip(("left", "top", "right", "bottom"), map(edge_words, row.spread_m))))
        )
    if row.reviewed:
        lines.append(tr("{reviewer}, {time}").format(reviewer=row.reviewer or "", time=row.reviewed))
    if row.prompt:
        lines.append(tr("Asked: {prompt}").format(prompt=row.prompt))
    # Escaped: labels are words of a model.
    return "<qt>" + "<br>".join(escape(line) for line in lines) + "</qt>"


def column_titles() -> dict[Column, str]:
    """What stands above the columns."""
    return {
        Column.STATUS: "",
        Column.LABEL: tr("Label"),
        Column.SCORE: tr("Score"),
        Column.AREA: tr("Area"),
        Column.SUPPORT: tr("Support"),
        Column.AGREEMENT: tr("Agrees"),
        Column.EDGES: tr("Edges"),
    }


def _meanings() -> dict[Column, str]:
    return {
        Column.STATUS: tr("? to review, \u2713 accepted, \u2717 rejected"),
        Column.LABEL: tr("What the model, or you, call it"),
        Column.SCORE: tr("The model's own token probability, where it gave one"),
        Column.AREA: tr("Area of the box on the ellipsoid: the thing in it is smaller"),
        Column.SUPPORT: tr("Share of its pixels whose spectral index speaks for it"),
        Column.AGREEMENT: tr("Share of turned and shifted views in which the model found it again"),
        Column.EDGES: tr("Standard deviation of the least certain edge of the model's box"),
    }
