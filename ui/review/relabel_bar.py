# SPDX-License-Identifier: GPL-2.0-or-later
"""Another label for proposals: chosen from a list or typed, without a dialog."""

from __future__ import annotations

from collections.abc import Iterable

from qgis.PyQt.QtCore import QSignalBlocker, Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QWidget

from ..parts import make_narrow


class RelabelBar(QWidget):
    """A field with a list; Enter there or the button gives the label to proposals, Esc gives up."""

    label_chosen = pyqtSignal(str)
    given_up = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.combo = QComboBox()
        make_narrow(self.combo)
        self.combo.setEditable(True)
        self.combo.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.combo.lineEdit().setPlaceholderText(self.tr("New label"))
        self.combo.setToolTip(self.tr("The label to give: choose one or type it, then press Enter"))
        self.combo.setAccessibleName(self.tr("New label"))
        self.button = QToolButton()
        self.button.setText(self.tr("Relabel L"))
        self.button.setToolTip(self.tr("Give the selected proposals another label (L)"))
        self.button.clicked.connect(self._give)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.combo, 1)
        row.addWidget(self.button)

    def offer(self, labels: Iterable[str]) -> None:
        """Lists these labels, each once; what is being typed stays."""
        labels = list(dict.fromkeys(labels))
        if labels == [self.combo.itemText(row) for row in range(self.combo.count())]:
            return
        text = self.combo.currentText()
        with QSignalBlocker(self.combo):
            self.combo.clear()
            self.combo.addItems(labels)
            self.combo.setEditText(text)

    def begin(self) -> None:
        """Leads the keyboard to the field."""
        self.combo.setFocus()
        self.combo.lineEdit().selectAll()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Gets Enter and Esc from the field, for which it has no use of its own."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._give()
        elif event.key() == Qt.Key.Key_Escape:
            self.combo.clearEditText()
            self.given_up.emit()
        else:
            super().keyPressEvent(event)

    def _give(self) -> None:
        label = self.combo.currentText().strip()
        if label:
            self.label_chosen.emit(label)
        else:
            self.begin()
