"""A window with a map of the planted harbour and room for a panel beside it; clicks and drags on the map."""

from __future__ import annotations

from clicks import LEFT, NO_KEY, click_on_map, drag
from planted import crs_of, harbour_layer, view_of
from qgis.core import QgsProject
from qgis.gui import QgsMapCanvas, QgsRubberBand
from qgis.PyQt.QtCore import QPoint
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QHBoxLayout, QWidget


class MapWindow(QWidget):
    """A canvas of the harbour, some six metres a pixel."""

    def __init__(self, crs_name="EPSG:3857", rotation=0.0):
        super().__init__()
        self.resize(1000, 600)
        self.canvas = QgsMapCanvas(self)
        self.canvas.setObjectName("theMapCanvas")  # another one takes its CRS from the project file
        self.harbour = harbour_layer()
        QgsProject.instance().addMapLayer(self.harbour)
        self.crs = crs_of(crs_name)
        self.canvas.setDestinationCrs(self.crs)
        self.canvas.setLayers([self.harbour])
        self.canvas.setRotation(rotation)
        self.row = QHBoxLayout(self)
        self.row.addWidget(self.canvas, 1)

    def open(self):
        self.show()
        self.canvas.setExtent(view_of([self.harbour], self.crs, 600, 600, 6.0).extent())

    def add(self, panel):
        self.row.addWidget(panel)
        return panel

    def click(self, x, y, button=LEFT):
        click_on_map(self.canvas, (x, y), button)

    def double_click(self, x, y):
        """As a hand does it: two clicks, the second one told as double."""
        viewport, spot = self.canvas.viewport(), QPoint(x, y)
        QTest.mouseClick(viewport, LEFT, NO_KEY, spot)
        QTest.mouseDClick(viewport, LEFT, NO_KEY, spot)
        QTest.mouseRelease(viewport, LEFT, NO_KEY, spot)

    def move(self, x, y):
        QTest.mouseMove(self.canvas.viewport(), QPoint(x, y))

    def drag(self, start, end):
        drag(self.canvas, start, end)

    def key(self, key):
        QTest.keyClick(self.canvas, key)

    def pixels(self, geometry):
        """Where the corners of a geometry in the map's CRS are seen."""
        screen = self.canvas.getCoordinateTransform()
        points = [screen.transform(vertex.x(), vertex.y()) for vertex in geometry.vertices()]
        return [(point.x(), point.y()) for point in points]

    def outlines(self):
        """What can be seen drawn over the map."""
        items = self.canvas.scene().items()
        return [item for item in items if isinstance(item, QgsRubberBand) and item.numberOfVertices()]


def windows_of(make_one, qtbot, wait):
    """The body of a fixture: yields a function that makes windows with a panel, and clears them away.

    ``wait`` is given each window, and returns when it is ready.
    """
    windows = []

    def make(**options):
        window = make_one(**options)
        windows.append(window)
        qtbot.waitExposed(window)
        wait(window)
        return window

    yield make
    for window in windows:
        window.panel.shut_down()
        window.close()
        window.deleteLater()
    QgsProject.instance().clear()
