"""The dock beside a real map canvas, with the scripted worker behind it, and the options in a dialog."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from dock_window import DockWindow, windows_with
from lspace.gis.runs.runner import Runner
from lspace.gis.runs.worker_process import WorkerProcess
from lspace.gis.settings import Settings
from options_dialog import OptionsDialog
from planted import ROOT, WORKER_PYTHON, crs_of, harbour_layer, square_at, target_layer, view_of
from qgis.core import QgsProject
from review_desk import Desk

TARGETS = ((-700, 300, 160), (450, 500, 120), (600, -250, 240))


class Window(DockWindow):
    """The planted harbour, with the scripted worker."""

    def __init__(self, rotation=0.0, token_s="0"):
        crs = crs_of("EPSG:3857")
        squares = [square_at(crs, *target) for target in TARGETS]
        layers = [target_layer(squares, crs), harbour_layer()]
        script = str(ROOT / "tests" / "workers" / "bright_targets.py")
        super().__init__(layers, crs, Runner(lambda program: WorkerProcess(program, [script, token_s])))
        self.squares, self.layers = squares, layers
        self.canvas.setRotation(rotation)
        self.open(view_of(layers, crs, 900, 800, 4.0).extent())


@pytest.fixture
def make_window(qtbot):
    def make(**options):
        windows.append(Window(**options))
        qtbot.waitExposed(windows[-1])
        return windows[-1]

    with windows_with(Settings(interpreter=WORKER_PYTHON, model="NuTonic/lspace")) as windows:
        yield make


@pytest.fixture
def make_desk(qtbot):
    """Makes review panels beside a map, with layers to review."""
    desks = []

    def make(*layers, **options):
        QgsProject.instance().addMapLayers(list(layers))
        desk = Desk(layers, **options)
        desks.append(desk)
        desk.show()
        qtbot.waitExposed(desk)
        desk.activateWindow()
        if layers:
            desk.canvas.setExtent(layers[0].extent().buffered(100))
        desk.table.setFocus()
        return desk

    yield make
    for desk in desks:
        desk.close()
        desk.deleteLater()


@pytest.fixture
def open_dialog(qtbot):
    """The options page in a dialog."""
    dialogs = []

    def open_it(told=lambda: None):
        dialog = OptionsDialog(told)
        dialogs.append(dialog)
        qtbot.addWidget(dialog)
        return dialog

    yield open_it
    for dialog in dialogs:
        dialog.page.shut_down()
    Settings().save()
