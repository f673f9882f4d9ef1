"""The dock beside a real map canvas, with the scripted worker behind it."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.runs.runner import Runner
from lspace.gis.runs.worker_process import WorkerProcess
from lspace.gis.settings import DockState, Settings
from lspace.ui.controller import DockController
from lspace.ui.dock import LSpaceDock
from lspace.ui.host import Host
from planted import ROOT, crs_of, harbour_layer, square_at, target_layer, view_of
from qgis.core import QgsProject
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QMainWindow

TARGETS = ((-700, 300, 160), (450, 500, 120), (600, -250, 240))


class Window(QMainWindow):
    """A main window with a canvas on the planted harbour and the dock."""

    def __init__(self, rotation=0.0, token_s="0"):
        super().__init__()
        self.resize(1300, 900)
        self.canvas = QgsMapCanvas(self)
        self.canvas.setObjectName("theMapCanvas")  # another one takes its CRS from the project file
        self.setCentralWidget(self.canvas)
        self.crs = crs_of("EPSG:3857")
        self.squares = [square_at(self.crs, *target) for target in TARGETS]
        self.layers = [target_layer(self.squares, self.crs), harbour_layer()]
        QgsProject.instance().addMapLayers(self.layers)
        view = view_of(self.layers, self.crs, 900, 800, 4.0)
        self.canvas.setDestinationCrs(self.crs)
        self.canvas.setLayers(self.layers)
        self.canvas.setRotation(rotation)
        script = str(ROOT / "tests" / "workers" / "bright_targets.py")
        self.runner = Runner(lambda program: WorkerProcess(program, [script, token_s]), parent=self)
        self.ends = []
        self.runner.ended.connect(self.ends.append)
        self.options_opened = []
        self.reshaped = []
        self.dock = LSpaceDock(Settings.load().expected_contract, self.canvas, self)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        host = Host(
            self.canvas,
            lambda: self.options_opened.append(True),
            lambda layer, fid: self.reshaped.append((layer, fid)),
        )
        self.controller = DockController(self.dock, host, self.runner)
        self.show()
        self.canvas.setExtent(view.extent())


@pytest.fixture
def make_window(qtbot):
    windows = []
    worker_python = str(ROOT / ".venv" / "worker" / "bin" / "python")
    Settings(interpreter=worker_python, model="NuTonic/lspace").save()
    DockState().save()

    def make(**options):
        window = Window(**options)
        windows.append(window)
        qtbot.waitExposed(window)
        return window

    yield make
    for window in windows:
        window.controller.shut_down()
        window.close()
        window.deleteLater()
    QgsProject.instance().clear()
    Settings().save()
    DockState().save()
