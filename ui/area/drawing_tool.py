# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tools that draw the AOI share: an outline on the map, the keys, and a way to give up."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsMapTool, QgsRubberBand
from qgis.PyQt.QtCore import QEvent, QObject, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor

AOI_COLOUR = QColor(255, 220, 0)


class DrawingTool(QgsMapTool):
    """A tool that draws one shape; without snapping, and Esc gives up."""

    drawn = pyqtSignal(object)
    """The map corners, a list of ``QgsPointXY``."""
    hinted = pyqtSignal(str)
    """How to go on drawing, or why the shape cannot be finished yet: a sentence."""
    given_up = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._band = aoi_band(canvas)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def hint(self) -> str:
        """How to draw, in a sentence."""
        raise NotImplementedError

    def forget(self) -> None:
        """Leaves nothing half drawn on the map."""
        self._band.reset(QgsWkbTypes.GeometryType.PolygonGeometry)

    def give_up(self) -> None:
        """Ends drawing without a shape."""
        self.forget()
        self.given_up.emit()

    def take_key(self, key: int) -> bool:
        """Does what the key asks for; False where it asks for nothing."""
        action = self.keys().get(key)
        if action is not None:
            action()
        return action is not None

    def keys(self) -> dict[int, Callable[[], None]]:
        """What each key does while the tool is in use."""
        return {Qt.Key.Key_Escape: self.give_up}

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Takes the keys before the map does: with a button down it tells its tool of none."""
        if event.type() == QEvent.Type.ShortcutOverride and event.key() in self.keys():
            event.accept()  # no shortcut of the window is to have it
            return True
        if event.type() == QEvent.Type.KeyPress and self.take_key(event.key()):
            return True
        return super().eventFilter(watched, event)

    def activate(self) -> None:
        """Listens for keys."""
        super().activate()
        self.canvas().installEventFilter(self)

    def deactivate(self) -> None:
        """Stops listening."""
        self.canvas().removeEventFilter(self)
        self.forget()
        super().deactivate()

    def remove(self) -> None:
        """Takes the outline off the canvas for good."""
        self.canvas().scene().removeItem(self._band)
        self.deleteLater()


def aoi_band(canvas: QgsMapCanvas) -> QgsRubberBand:
    """An empty outline in the colour of the AOI."""
    band = QgsRubberBand(canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
    band.setStrokeColor(AOI_COLOUR)
    band.setFillColor(QColor(0, 0, 0, 0))  # the imagery below is what matters
    band.setSecondaryStrokeColor(QColor(0, 0, 0, 160))
    band.setWidth(2)
    return band
