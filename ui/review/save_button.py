# SPDX-License-Identifier: GPL-2.0-or-later
"""Saving proposals: which of them, and in which format."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QAction, QMenu, QSizePolicy, QToolButton, QWidget

from ...gis.layers import Status
from ...gis.saving.export_format import ExportFormat


class SaveButton(QToolButton):
    """Opens a menu: the accepted proposals in each format, all of them, and training rows."""

    chosen = pyqtSignal(object, object)
    """An ``ExportFormat``, and the ``Status`` to save, None for all."""
    rows_chosen = pyqtSignal()
    """What was reviewed is to be written as training rows."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(self.tr("Save accepted as ..."))
        self.setToolTip(self.tr("Save the accepted proposals, or all, as a shapefile or in another format"))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        menu = QMenu(self)
        self._fill(menu, Status.ACCEPTED, self.tr("Accepted as {format} ..."))
        menu.addSeparator()
        self._fill(menu, None, self.tr("All as {format} ..."))
        menu.addSeparator()
        menu.addAction(self.tr("Reviewed as training rows ..."))
        menu.triggered.connect(self._on_triggered)
        self.setMenu(menu)

    def _fill(self, menu: QMenu, status: Status | None, words: str) -> None:
        for export_format in ExportFormat:
            action = menu.addAction(words.format(format=export_format.title))
            action.setData((export_format, status))

    def _on_triggered(self, action: QAction) -> None:
        if action.data() is None:
            self.rows_chosen.emit()
        else:
            self.chosen.emit(*action.data())
