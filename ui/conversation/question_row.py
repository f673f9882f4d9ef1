# SPDX-License-Identifier: GPL-2.0-or-later
"""The line for the next question, what goes with it, and what can be done with all that was asked."""

from __future__ import annotations

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QMenu, QToolButton, QWidget

from ..parts import fill_column, row
from .question_edit import QuestionEdit


class QuestionRow(QWidget):
    """Whether tools may be used, and below it the line with its buttons."""

    asked = pyqtSignal()
    """Enter, or the button."""
    copy_requested = pyqtSignal()
    clear_requested = pyqtSignal()
    fresh_start_requested = pyqtSignal(bool)
    """The next question begins a new conversation: with the area's image, or, for False, without one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tools_box = QCheckBox(self.tr("Tools over the map"))
        self.tools_box.setObjectName("LSpaceTools")
        self.tools_box.setChecked(True)
        self.edit = QuestionEdit()
        self.edit.setObjectName("LSpaceQuestion")
        self.edit.setAccessibleName(self.tr("Question about the image"))
        self.edit.setMinimumWidth(8 * self.fontMetrics().averageCharWidth())
        self.edit.returnPressed.connect(self.asked)
        self.ask_button = QToolButton()
        self.ask_button.setText(self.tr("Ask"))
        self.ask_button.setToolTip(self.tr("Ask about the image (Enter)"))
        self.ask_button.clicked.connect(lambda: self.asked.emit())
        self.more_button = QToolButton()
        self.more_button.setText(self.tr("More"))
        self.more_button.setToolTip(
            self.tr("Begin a new conversation; copy or clear all that was asked (Space)")
        )
        self.more_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more_button.setMenu(self._menu())
        line = row(self.edit, self.ask_button, self.more_button)
        fill_column(self, self.tools_box, line)
        self.offer_tools(False, "")

    def offer_tools(self, can_use: bool, reason: str) -> None:
        """Lets tools be switched off, or says why the model has none."""
        self.tools_box.setEnabled(can_use)
        words = self.tr(
            "Lets the model look things up in your layers and move the map. It asks before it changes "
            "anything."
        )
        self.tools_box.setToolTip(words if can_use else reason)

    def offer_conversations(self, can_talk: bool, without_image: bool) -> None:
        """Says whether the model goes on from what was said, and whether it talks without an image."""
        self.new_action.setEnabled(can_talk)
        self.new_without_action.setEnabled(can_talk and without_image)

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        self.new_action = menu.addAction(self.tr("New conversation about the area"))
        self.new_action.triggered.connect(lambda: self.fresh_start_requested.emit(True))
        self.new_without_action = menu.addAction(self.tr("New conversation without an image"))
        self.new_without_action.triggered.connect(lambda: self.fresh_start_requested.emit(False))
        menu.addSeparator()
        self.copy_action = menu.addAction(self.tr("Copy all as Markdown"))
        self.copy_action.triggered.connect(lambda: self.copy_requested.emit())
        self.clear_action = menu.addAction(self.tr("Clear the conversation ..."))
        self.clear_action.triggered.connect(lambda: self.clear_requested.emit())
        return menu
