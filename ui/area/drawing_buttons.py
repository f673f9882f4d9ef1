# SPDX-License-Identifier: GPL-2.0-or-later
"""The buttons that draw the AOI on the map; the former map tool comes back when it is drawn."""

from __future__ import annotations

from qgis.gui import QgsMapCanvas, QgsMapTool
from qgis.PyQt import sip
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QHBoxLayout, QToolButton, QWidget

from ..icons import icon_path
from .drawing_tool import DrawingTool
from .polygon_tool import PolygonTool
from .rectangle_tool import RectangleTool


class DrawingButtons(QWidget):
    """A rectangle and a polygon; the one that is pressed is being drawn."""

    begun = pyqtSignal()
    drawn = pyqtSignal(object)
    """Map corners, a list of ``QgsPointXY``; the tool stays until ``stop``."""
    given_up = pyqtSignal()
    hinted = pyqtSignal(str)
    """How to go on drawing, a sentence; empty when nothing is drawn any more."""

    def __init__(self, canvas: QgsMapCanvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._former_tool: QgsMapTool | None = None
        self.rectangle_button = _button("aoi_rectangle", self.tr("Draw a rectangle"))
        self.polygon_button = _button("aoi_polygon", self.tr("Draw a polygon"))
        self._tools: dict[QToolButton, DrawingTool] = {
            self.rectangle_button: RectangleTool(canvas),
            self.polygon_button: PolygonTool(canvas),
        }
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for button, tool in self._tools.items():
            row.addWidget(button)
            button.setToolTip(f"<b>{button.text()}</b><br>{tool.hint()}")
            button.clicked.connect(self._on_clicked)
            tool.drawn.connect(self.drawn)
            tool.given_up.connect(self.given_up)
            tool.hinted.connect(self.hinted)
        canvas.mapToolSet.connect(self._on_tool_set)

    def draw_rectangle(self) -> None:
        """Begins a rectangle, as a click on its button does."""
        self._start(self._tools[self.rectangle_button])

    def stop(self) -> None:
        """Ends drawing and brings the former map tool back."""
        tool = self._tool_in_use()
        if tool is None:
            return
        self._canvas.unsetMapTool(tool)
        if self._former_tool is not None and not sip.isdeleted(self._former_tool):
            self._canvas.setMapTool(self._former_tool)
        self._former_tool = None

    def forget(self) -> None:
        """Drops what is half drawn; the tool stays in use."""
        for tool in self._tools.values():
            tool.forget()

    def take_key(self, key: int) -> bool:
        """Does what the key asks the tool in use for; False where it asks for nothing."""
        tool = self._tool_in_use()
        return tool is not None and tool.take_key(key)

    def shut_down(self) -> None:
        """Leaves nothing on the canvas."""
        self.stop()
        self._canvas.mapToolSet.disconnect(self._on_tool_set)
        for tool in self._tools.values():
            tool.remove()

    def _tool_in_use(self) -> DrawingTool | None:
        current = self._canvas.mapTool()
        return next((tool for tool in self._tools.values() if tool is current), None)

    def _start(self, tool: DrawingTool) -> None:
        if self._tool_in_use() is None:
            self._former_tool = self._canvas.mapTool()
        self._canvas.setMapTool(tool)
        self.begun.emit()

    def _on_clicked(self) -> None:
        button = self.sender()
        if button.isChecked():
            self._start(self._tools[button])
        else:
            self.stop()

    def _on_tool_set(self, tool: QgsMapTool | None) -> None:
        for button, own in self._tools.items():
            button.setChecked(tool is own)
        self.hinted.emit(tool.hint() if isinstance(tool, DrawingTool) else "")


def _button(icon: str, name: str) -> QToolButton:
    button = QToolButton()
    button.setIcon(QIcon(icon_path(icon)))
    button.setText(name)  # for screen readers
    button.setCheckable(True)
    button.setAutoRaise(True)
    return button
