"""A window with a map and the dock beside it, as QGIS shows them."""

from __future__ import annotations

from contextlib import contextmanager

from lspace.gis.settings import DockState, Settings
from lspace.ui.controller import DockController
from lspace.ui.dock import LSpaceDock
from lspace.ui.host import Host
from qgis.core import QgsProject
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QMainWindow


class DockWindow(QMainWindow):
    """Shows layers of the project; ``ends`` grows by what came of each run."""

    def __init__(self, layers, crs, runner):
        super().__init__()
        self.resize(1300, 900)
        self.canvas = QgsMapCanvas(self)
        self.canvas.setObjectName("theMapCanvas")  # another one takes its CRS from the project file
        self.setCentralWidget(self.canvas)
        QgsProject.instance().addMapLayers(layers)
        self.crs = crs
        self.canvas.setDestinationCrs(crs)
        self.canvas.setLayers(layers)
        runner.setParent(self)
        self.runner = runner
        self.ends = []
        runner.ended.connect(self.ends.append)
        self.options_opened = []
        self.reshaped = []
        self.messages = []
        self.demos_shown = []
        self.dock = LSpaceDock(Settings.load().expected_contract, self.canvas, self)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        host = Host(
            self.canvas,
            lambda: self.options_opened.append(True),
            lambda layer, fid: self.reshaped.append((layer, fid)),
            lambda text, is_warning: self.messages.append((text, is_warning)),
            lambda: self.demos_shown.append(True),
        )
        self.controller = DockController(self.dock, host, runner)

    def open(self, extent):
        self.show()
        self.canvas.setExtent(extent)

    def leave(self):
        self.controller.shut_down()
        self.close()
        self.deleteLater()


@contextmanager
def windows_with(settings):
    """A list for windows of that model; they are left in the end, and nothing of them stays."""
    windows = []
    settings.save()
    DockState().save()
    yield windows
    for window in windows:
        window.leave()
    QgsProject.instance().clear()
    Settings().save()
    DockState().save()
