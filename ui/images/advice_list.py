# SPDX-License-Identifier: GPL-2.0-or-later
"""Advice in lines, each with at most one button."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QLabel, QPushButton, QSizePolicy, QWidget

from ..parts import fill_column, quiet_label, row


@dataclass(frozen=True)
class AdviceLine:
    """A sentence and, where something can be done, the words of a button."""

    text: str
    button: str = ""
    tooltip: str = ""
    key: object = field(default=None, compare=False)
    """Given back when the button is clicked."""


class AdviceList(QWidget):
    """Lines one below the other; without any it takes no room."""

    followed = pyqtSignal(object)
    """The key of the line whose button was clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = fill_column(self)
        self._column.setSpacing(2)
        self._shown: tuple[AdviceLine, ...] = ()
        self.buttons: list[QPushButton] = []
        self.setVisible(False)

    def text(self) -> str:
        """All sentences, one a line."""
        return "\n".join(line.text for line in self._shown)

    def show_lines(self, lines: Sequence[AdviceLine]) -> None:
        """Shows these and no others; the same words stay as they are, with what they lead to now."""
        if self._shown == tuple(lines):
            self._shown = tuple(lines)
            return
        while self._column.count():
            widget = self._column.takeAt(0).widget()
            widget.hide()
            widget.deleteLater()
        self.buttons = []
        self._shown = tuple(lines)
        for number, line in enumerate(self._shown):
            self._column.addWidget(self._widget_of(number, line))
        self.setVisible(bool(self._shown))

    def _widget_of(self, number: int, line: AdviceLine) -> QWidget:
        label = quiet_label(line.text)
        mark = QLabel("!")
        mark.setAlignment(Qt.AlignmentFlag.AlignTop)
        font = mark.font()
        font.setBold(True)
        mark.setFont(font)
        if not line.button:
            return _marked(mark, label)
        button = QPushButton(line.button)
        button.setToolTip(line.tooltip)
        button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        button.clicked.connect(lambda: self.followed.emit(self._shown[number].key))
        self.buttons.append(button)
        return _marked(mark, row(label, button))


def _marked(mark: QLabel, rest: QWidget) -> QWidget:
    part = row(rest)
    part.layout().insertWidget(0, mark)
    return part
