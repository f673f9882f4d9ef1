"""``qgis --code``: from ``$PLUGIN_ZIP`` to a first caption and away again, noted in ``$REPORT``."""

import json
import os
import sys
from pathlib import Path

from qgis.core import QgsSettings
from qgis.utils import iface

sys.path.insert(0, "tests/application")

from driver import dock, drive, plugin, wait_s
from newcomer import (
    Complaints,
    first_caption,
    foreign_modules,
    install,
    installed_folder,
    modules,
    open_dock,
    open_options,
    uninstall,
    use_python,
)

ZIP = os.environ["PLUGIN_ZIP"]
seen = {}


def script():
    assert "lspace" not in sys.modules
    complaints = Complaints()
    yield wait_s(0.5)
    install(ZIP)
    seen["folder"] = str(installed_folder())
    seen["known to the plugin manager"] = manager_says("installed")
    seen["switched on at the next start"] = QgsSettings().value("PythonPlugins/lspace", False, type=bool)
    yield from open_dock()
    yield from open_options()
    yield from use_python(os.environ["INTERPRETER"])
    ends = []
    yield from first_caption(ends)
    seen["caption"] = ends[-1].caption
    seen["foreign modules"] = foreign_modules()
    worker = Path(f"/proc/{plugin()._controller._runner.worker_process_id}")
    seen["worker's folder"] = os.readlink(worker / "cwd")

    install(ZIP)  # as an update comes
    yield lambda: not worker.exists()
    yield from open_dock()
    yield lambda: ": ready" in dock().state_label.text()  # opened by a click: loaded ahead
    seen["state after an update"] = dock().state_label.text()
    seen["foreign modules after an update"] = foreign_modules()
    uninstall()
    yield wait_s(0.5)
    seen["left"] = left()
    seen["complaints"] = complaints.lines
    Path(os.environ["REPORT"]).write_text(json.dumps(seen, indent=1))


def manager_says(key):
    return iface.pluginManagerInterface().pluginMetadata("lspace").get(key)


def left():
    """What should be gone with the plugin; QGIS forgets modules, not the packages that hold them."""
    return {
        "folder": installed_folder().exists(),
        "modules": [module.__name__ for module in modules() if not hasattr(module, "__path__")],
        "dock": dock() is not None,
        "action": iface.mainWindow().findChild(object, "LSpaceAction") is not None,
    }


drive(script())
