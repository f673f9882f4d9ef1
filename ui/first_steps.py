# SPDX-License-Identifier: GPL-2.0-or-later
"""An offer for an empty map: a scene to try the plugin on."""

from __future__ import annotations

from qgis.core import QgsProject
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QPushButton, QSizePolicy, QWidget

from .parts import fill_column, quiet_label, row


class FirstSteps(QWidget):
    """Takes no room once the project has a layer."""

    demo_requested = pyqtSignal()
    """The demo scene is wanted on the map."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.demo_button = QPushButton(self.tr("Show the demo scene"))
        self.demo_button.setToolTip(self.tr("Loads a small Sentinel-2 image of a harbour to try things on"))
        self.demo_button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.demo_button.clicked.connect(lambda: self.demo_requested.emit())
        fill_column(self, row(quiet_label(self.tr("The map is empty.")), self.demo_button))
        QgsProject.instance().layersAdded.connect(self._show_or_hide)
        QgsProject.instance().layersRemoved.connect(self._show_or_hide)
        self._show_or_hide()

    def _show_or_hide(self) -> None:
        self.setVisible(not QgsProject.instance().count())
