# SPDX-License-Identifier: GPL-2.0-or-later
"""What came of something that was clicked; while files are written, a bar and a way to give up."""

from __future__ import annotations

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QProgressBar, QPushButton, QSizePolicy, QWidget

from .parts import fill_column, quiet_label, row


class ToldPart(QWidget):
    """A sentence; takes no room while there is nothing to say and nothing to wait for."""

    give_up_requested = pyqtSignal()
    """What is being written is no longer wanted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = quiet_label()
        self.give_up_button = QPushButton(self.tr("Cancel"))
        self.give_up_button.setToolTip(self.tr("Give up writing; older files stay as they are"))
        self.give_up_button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.give_up_button.clicked.connect(lambda: self.give_up_requested.emit())
        self.progress_bar = QProgressBar()
        self.progress_bar.setRange(0, 0)
        self.progress_bar.setTextVisible(False)
        self.progress_bar.setMaximumHeight(self.fontMetrics().height() // 2)
        fill_column(self, row(self.label, self.give_up_button), self.progress_bar)
        self.show_writing(False)

    def tell(self, text: str) -> None:
        """Says this in place of what was said before."""
        self.label.setText(text)
        self._make_room()

    def show_writing(self, writing: bool) -> None:
        """Whether something is being written that can be given up."""
        self.give_up_button.setVisible(writing)
        self.progress_bar.setVisible(writing)
        self._make_room()

    def _make_room(self) -> None:
        self.setVisible(bool(self.label.text()) or self.give_up_button.isVisibleTo(self))
