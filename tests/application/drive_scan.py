"""``qgis --code``, started in the repository: a scan of the whole harbour, half way, in ``$TOUR_OUT``."""

import os
import sys
import tempfile
from pathlib import Path

from qgis.core import QgsApplication
from qgis.utils import iface

sys.path.insert(0, "tests/application")

from driver import choose, click, dock, drive, grab, plugin, wait_s, within_s
from scene import open_scene


def script():
    open_scene()
    yield lambda: dock() is not None and dock().isVisible() and not iface.mapCanvas().isDrawing()
    iface.mapCanvas().zoomToFullExtent()
    choose(dock().task_panel.task_combo, "ground")
    click(dock().task_panel.classes.boxes["water"])
    panel = dock().scan_panel
    dock().show_panel(panel)
    panel.path_edit.setText(str(Path(tempfile.mkdtemp()) / "harbour.gpkg"))
    yield panel.start_button.isEnabled
    click(panel.start_button)
    yield within_s(120, lambda: panel.progress_bar.value() >= 40)
    click(panel.pause_button)
    yield wait_s(2.0)
    yield lambda: not iface.mapCanvas().isDrawing()
    grab(Path(os.environ["TOUR_OUT"]) / "13_scan.jpg")
    click(panel.stop_button)
    # QGIS asks before it closes on a task, that of the last look at the file too
    yield lambda: not plugin()._controller.scanning.is_scanning and not active_tasks()


def active_tasks():
    return QgsApplication.taskManager().countActiveTasks()


drive(script())
