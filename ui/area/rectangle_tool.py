# SPDX-License-Identifier: GPL-2.0-or-later
"""Drawing the AOI: a rectangle that is upright on the screen, also on a turned map."""

from __future__ import annotations

from qgis.core import QgsGeometry, QgsPointXY
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent
from qgis.PyQt.QtCore import QPoint, Qt

from .drawing_tool import DrawingTool

SMALLEST_DRAG_PX = 4
"""A shorter drag is taken for a click that went astray."""


class RectangleTool(DrawingTool):
    """Press, drag, release; the corners are told clockwise on the screen from the top left."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._start: QgsPointXY | None = None
        """On the map, which may be zoomed while the rectangle is dragged."""

    def hint(self) -> str:
        """How to draw, in a sentence."""
        return self.tr("Press, drag and release on the map; Esc gives up.")

    def forget(self) -> None:
        """Leaves nothing half drawn on the map."""
        self._start = None
        super().forget()

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:
        """Begins a rectangle."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._start = event.originalMapPoint()

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        """Shows the rectangle so far."""
        if self._start is not None:
            corners = self._corners(self._start, event.pos())
            self._band.setToGeometry(QgsGeometry.fromPolygonXY([corners]), None)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        """Ends the rectangle, if it is one."""
        if self._start is None or event.button() != Qt.MouseButton.LeftButton:
            return
        start, drawn_to = self._start, event.pos()
        self.forget()
        pixel = self.canvas().getCoordinateTransform().transform(start)
        if min(abs(drawn_to.x() - pixel.x()), abs(drawn_to.y() - pixel.y())) >= SMALLEST_DRAG_PX:
            self.drawn.emit(self._corners(start, drawn_to))

    def _corners(self, start: QgsPointXY, end: QPoint) -> list[QgsPointXY]:
        screen = self.canvas().getCoordinateTransform()
        pixel = screen.transform(start)
        left, right = sorted((pixel.x(), float(end.x())))
        top, bottom = sorted((pixel.y(), float(end.y())))
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        return [screen.toMapCoordinatesF(x, y) for x, y in corners]
