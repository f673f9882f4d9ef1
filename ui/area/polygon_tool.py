# SPDX-License-Identifier: GPL-2.0-or-later
"""Drawing the AOI: a polygon, corner by corner."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsGeometry, QgsPointXY
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent
from qgis.PyQt.QtCore import Qt

from .drawing_tool import DrawingTool

FEWEST_CORNERS = 3


class PolygonTool(DrawingTool):
    """Clicks make corners, Backspace takes the last one back; right click, double click or Enter ends."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._corners: list[QgsPointXY] = []
        """On the map, which may be moved between two clicks."""
        self._cursor: QgsPointXY | None = None
        self._ends_on_release = False

    def hint(self) -> str:
        """How to draw, in a sentence."""
        return self.tr(
            "Click the corners. Right click or Enter finishes, Backspace takes one back, Esc gives up."
        )

    def forget(self) -> None:
        """Leaves nothing half drawn on the map."""
        self._corners, self._cursor, self._ends_on_release = [], None, False
        super().forget()

    def keys(self) -> dict[int, Callable[[], None]]:
        """What each key does while the tool is in use."""
        finish = {Qt.Key.Key_Return: self.finish, Qt.Key.Key_Enter: self.finish}
        return {**super().keys(), **finish, Qt.Key.Key_Backspace: self.take_back}

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        """Shows the next edge."""
        self._cursor = event.originalMapPoint()
        self._show()

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        """Makes a corner, or ends the polygon."""
        if event.button() == Qt.MouseButton.RightButton or self._ends_on_release:
            self.finish()
        elif event.button() == Qt.MouseButton.LeftButton:
            self._cursor = event.originalMapPoint()
            if self._cursor not in self._corners[-1:]:
                self._corners.append(self._cursor)
            self._go_on()

    def canvasDoubleClickEvent(self, event: QgsMapMouseEvent) -> None:
        """Ends the polygon when the button comes up, which the tool that follows is not to see."""
        self._ends_on_release = event.button() == Qt.MouseButton.LeftButton

    def take_back(self) -> None:
        """Removes the last corner."""
        self._corners = self._corners[:-1]
        self._go_on()

    def finish(self) -> None:
        """Tells the polygon, if it is one."""
        self._ends_on_release = False
        corners = self._corners
        if len(corners) < FEWEST_CORNERS:
            self.hinted.emit(self.tr("An area has three corners or more. Click some more on the map."))
        elif not QgsGeometry.fromPolygonXY([corners]).isGeosValid():
            self.hinted.emit(
                self.tr(
                    "The outline crosses itself or encloses nothing. Backspace takes the last corner back."
                )
            )
        else:
            self.forget()
            self.drawn.emit(corners)

    def _go_on(self) -> None:
        self._show()
        self.hinted.emit(self.hint())

    def _show(self) -> None:
        super().forget()
        if self._corners:
            outline = [*self._corners, *([] if self._cursor is None else [self._cursor])]
            self._band.setToGeometry(QgsGeometry.fromPolygonXY([outline]), None)
