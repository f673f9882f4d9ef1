# SPDX-License-Identifier: GPL-2.0-or-later
"""An offer for an empty map: a scene to try the plugin on, and what to do with it."""

from __future__ import annotations

from qgis.core import QgsProject
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QPushButton, QSizePolicy, QWidget

from .parts import fill_column, quiet_label, row


class FirstSteps(QWidget):
    """Takes no room once the project has a layer, or, after the demo scene, once a question is asked."""

    demo_requested = pyqtSignal()
    """The demo scene is wanted on the map."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_ready = False
        self._is_demo = False
        """The scene was asked for, and nothing about it yet."""
        self.label = quiet_label()
        self.demo_button = QPushButton(self.tr("Show the demo scene"))
        self.demo_button.setToolTip(self.tr("Loads a small Sentinel-2 image of a harbour to try things on"))
        self.demo_button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.demo_button.clicked.connect(self._on_clicked)
        fill_column(self, row(self.label, self.demo_button))
        QgsProject.instance().layersAdded.connect(self._show_or_hide)
        QgsProject.instance().layersRemoved.connect(self._show_or_hide)
        self._show_or_hide()

    def set_ready(self, ready: bool) -> None:
        """Whether the model can be asked; where it cannot, the dock says what is to be done first."""
        self._is_ready = ready
        self._show_or_hide()

    def end(self) -> None:
        """A question is asked."""
        self._is_demo = False
        self._show_or_hide()

    def _on_clicked(self) -> None:
        self._is_demo = True
        self.demo_requested.emit()

    def _show_or_hide(self) -> None:
        is_empty = not QgsProject.instance().count()
        asks = self.tr("Now click Run: the model says what it sees.")
        self.label.setText(self.tr("The map is empty.") if is_empty else asks)
        self.demo_button.setVisible(is_empty)
        self.setVisible(is_empty or (self._is_demo and self._is_ready))
