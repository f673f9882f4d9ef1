# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks before the whole conversation is taken out of the project."""

from __future__ import annotations

from collections.abc import Callable

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QMessageBox, QWidget

from ..words import tr


def ask_to_clear(parent: QWidget, on_yes: Callable[[], None]) -> None:
    """Opens the question; nobody has to answer it first."""
    question = QMessageBox(parent)
    question.setObjectName("LSpaceClearQuestion")
    question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    question.setText(tr("Take all exchanges out of the project?"))
    question.setInformativeText(tr("Their pictures go too. Boxes stay on the map."))
    question.setStandardButtons(QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No)
    question.setDefaultButton(QMessageBox.StandardButton.No)
    question.button(QMessageBox.StandardButton.Yes).clicked.connect(on_yes)
    question.open()
