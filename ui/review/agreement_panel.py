# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks the model about its own boxes again, in images that are mirrored and moved."""

from __future__ import annotations

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QPushButton, QWidget

from ..parts import fill_column, quiet_label


class AgreementPanel(QWidget):
    """One button, and what it is good for."""

    requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = QPushButton(self.tr("Ask five times more"))
        self.button.setToolTip(self.tr("Takes about five times as long as the question itself"))
        self.button.clicked.connect(lambda: self.requested.emit())
        words = quiet_label(
            self.tr(
                "Shows the model the same image mirrored and moved, and counts how often each box comes "
                "again. It tells how steady the model is, not whether it is right; its score stays as it is."
            )
        )
        self.result_label = quiet_label()
        fill_column(self, words, self.button, self.result_label)
        self.setWhatsThis(words.text())

    def show_result(self, text: str) -> None:
        """Says what came of it."""
        self.result_label.setText(text)
