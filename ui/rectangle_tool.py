# SPDX-License-Identifier: GPL-2.0-or-later
"""Drawing the AOI: a rectangle that is upright on the screen, also on a turned map."""

from __future__ import annotations

from qgis.core import QgsGeometry, QgsPointXY, QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsMapTool, QgsRubberBand
from qgis.PyQt.QtCore import QEvent, QObject, QPoint, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor

SMALLEST_DRAG_PX = 4
"""A shorter drag is taken for a click that went astray."""
AOI_COLOUR = QColor(255, 220, 0)


class RectangleTool(QgsMapTool):
    """Press, drag, release; Esc gives up."""

    drawn = pyqtSignal(object)
    """Four map corners, a list of ``QgsPointXY``, clockwise on the screen from the top left."""
    given_up = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._start: QPoint | None = None
        self._band = aoi_band(canvas)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:
        """Begins a rectangle."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._start = event.pos()

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        """Shows the rectangle so far."""
        if self._start is not None:
            corners = self._corners(self._start, event.pos())
            self._band.setToGeometry(QgsGeometry.fromPolygonXY([corners]), None)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        """Ends the rectangle, if it is one."""
        start, self._start = self._start, None
        self._clear_band()
        if start is None or event.button() != Qt.MouseButton.LeftButton:
            return
        drag = event.pos() - start
        if min(abs(drag.x()), abs(drag.y())) >= SMALLEST_DRAG_PX:
            self.drawn.emit(self._corners(start, event.pos()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Esc gives up, also with the button down: then the canvas tells its tool of no key."""
        is_key = event.type() == QEvent.Type.KeyPress
        if not is_key or event.key() != Qt.Key.Key_Escape:
            return super().eventFilter(watched, event)
        self._start = None
        self._clear_band()
        self.given_up.emit()
        return True

    def activate(self) -> None:
        """Listens for Esc."""
        super().activate()
        self.canvas().installEventFilter(self)

    def deactivate(self) -> None:
        """Leaves nothing half drawn on the map."""
        self.canvas().removeEventFilter(self)
        self._start = None
        self._clear_band()
        super().deactivate()

    def remove(self) -> None:
        """Takes the rubber band off the canvas for good."""
        self.canvas().scene().removeItem(self._band)

    def _corners(self, start: QPoint, end: QPoint) -> list[QgsPointXY]:
        left, right = sorted((start.x(), end.x()))
        top, bottom = sorted((start.y(), end.y()))
        screen = [(left, top), (right, top), (right, bottom), (left, bottom)]
        return [self.toMapCoordinates(QPoint(x, y)) for x, y in screen]

    def _clear_band(self) -> None:
        self._band.reset(QgsWkbTypes.GeometryType.PolygonGeometry)


def aoi_band(canvas: QgsMapCanvas) -> QgsRubberBand:
    """An empty outline in the colour of the AOI."""
    band = QgsRubberBand(canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
    band.setStrokeColor(AOI_COLOUR)
    band.setFillColor(QColor(0, 0, 0, 0))  # the imagery below is what matters
    band.setSecondaryStrokeColor(QColor(0, 0, 0, 160))
    band.setWidth(2)
    return band
