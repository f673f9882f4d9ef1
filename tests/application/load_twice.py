"""``qgis --code``: switches the plugin on and off twice, with a run in between, and reports what is left."""

import json
import os
import sys
import tempfile
from pathlib import Path

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QProcess
from qgis.PyQt.QtWidgets import QAction, QDockWidget
from qgis.utils import iface, loadPlugin, plugins, startPlugin, unloadPlugin

sys.path.insert(0, "tests/application")

from driver import choose, click, dock, drive, wait_s
from scene import open_scene


def census():
    """What a plugin could leave behind."""
    window = iface.mainWindow()
    temporary = {entry.name for entry in Path(tempfile.gettempdir()).iterdir()}
    return {
        "actions": sorted(
            action.objectName() for action in window.findChildren(QAction) if "LSpace" in action.objectName()
        ),
        "docks": sorted(
            widget.objectName()
            for widget in window.findChildren(QDockWidget)
            if "LSpace" in widget.objectName()
        ),
        "toolbar": sum(action.text() == "LSpace" for action in iface.pluginToolBar().actions()),
        "menu": sum(action.text() == "LSpace" for action in iface.rasterMenu().actions()),
        "scene items": len(iface.mapCanvas().scene().items()),
        "canvas signals": iface.mapCanvas().receivers(iface.mapCanvas().extentsChanged),
        "processes": len(QgsApplication.instance().findChildren(QProcess)),
        "temporary files": sorted(temporary),
        "plugins": sorted(name for name in plugins if name == "lspace"),
    }


def script():
    assert unloadPlugin("lspace")
    yield wait_s(0.5)
    reports = [census()]
    for _ in range(2):
        assert loadPlugin("lspace")
        assert startPlugin("lspace")
        open_scene()
        yield lambda: dock() is not None and dock().isVisible() and not iface.mapCanvas().isDrawing()
        yield wait_s(0.5)
        ends = []
        plugins["lspace"]._controller._runner.ended.connect(ends.append)
        choose(dock().task_panel.task_combo, "caption")
        click(dock().run_panel.run_button)
        yield lambda ends=ends: bool(ends)
        assert ends[0].outcome.value == "finished", (ends[0].outcome, ends[0].error)
        pid = plugins["lspace"]._controller._runner.worker_process_id
        assert unloadPlugin("lspace")
        yield lambda pid=pid: not Path(f"/proc/{pid}").exists()
        yield wait_s(0.5)
        reports.append(census())
    Path(os.environ["REPORT"]).write_text(json.dumps(reports))


drive(script())
