# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks whether something may be changed, without a dialog and without taking the keyboard."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from ..parts import fill_column, quiet_label


class PermissionBar(QFrame):
    """A sentence and two buttons; hidden while nothing is asked."""

    allowed = pyqtSignal()
    refused = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("LSpacePermission")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAccessibleName(self.tr("The model wants to change something"))
        self.label = quiet_label()
        self.label.setTextFormat(Qt.TextFormat.PlainText)  # it names layers and files
        self.allow_button = QPushButton(self.tr("Allow &this"))
        self.allow_button.setObjectName("LSpaceAllow")
        self.allow_button.setToolTip(self.tr("Has it done once (Alt+T); it can be taken back in the log"))
        self.allow_button.clicked.connect(lambda: self.allowed.emit())
        self.refuse_button = QPushButton(self.tr("Ref&use"))
        self.refuse_button.setObjectName("LSpaceRefuse")
        self.refuse_button.setToolTip(self.tr("Leaves everything as it is, and tells the model so (Alt+U)"))
        self.refuse_button.clicked.connect(lambda: self.refused.emit())
        buttons = QWidget()
        layout = QHBoxLayout(buttons)
        layout.setContentsMargins(0, 0, 0, 0)
        for button in (self.allow_button, self.refuse_button):
            button.setAutoDefault(False)  # Enter in the line for questions is no answer
            layout.addWidget(button)
        layout.addStretch(1)
        gap = self.fontMetrics().lineSpacing() // 3
        fill_column(self, self.label, buttons).setContentsMargins(gap, gap, gap, gap)
        self.setWhatsThis(
            self.tr(
                "The model called a tool that changes a layer, a file or the project. Nothing happens until "
                "you allow it; refused, everything stays as it is and the conversation goes on."
            )
        )
        self.hide()

    def ask(self, sentence: str) -> None:
        """Says what will happen, and waits for a click; the keyboard stays where it is."""
        self.label.setText(sentence)
        self.allow_button.setAccessibleDescription(sentence)
        self.show()
