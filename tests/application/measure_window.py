"""``qgis --code``, started in the repository: what the plugin costs QGIS, printed as a Markdown table."""

import statistics
import sys
import time

from qgis.PyQt.QtCore import QTimer
from qgis.utils import iface, loadPlugin, startPlugin, unloadPlugin

sys.path.insert(0, "tests/application")

from driver import choose, click, dock, drag_on_map, drive, plugin, wait_s
from scene import open_scene

PULSE_MS = 1
SWITCH_REPEATS = 5
RUN_REPEATS = 5


class Pulse:
    """A timer that should fire every millisecond; its largest gap is the event loop's longest stall."""

    def __init__(self):
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._last = 0.0
        self.longest_ms = 0.0

    def start(self):
        self._last, self.longest_ms = time.perf_counter(), 0.0
        self._timer.start(PULSE_MS)

    def stop(self):
        self._timer.stop()
        return self.longest_ms

    def _beat(self):
        now = time.perf_counter()
        self.longest_ms = max(self.longest_ms, 1000 * (now - self._last))
        self._last = now


def switch_on_ms():
    """Import and initGui, as at the start of QGIS, with nothing of the plugin in memory."""
    assert unloadPlugin("lspace")
    for name in [name for name in sys.modules if name == "lspace" or name.startswith("lspace.")]:
        del sys.modules[name]
    began = time.perf_counter()
    assert loadPlugin("lspace")
    assert startPlugin("lspace")
    return 1000 * (time.perf_counter() - began)


def script():
    yield wait_s(1.0)
    costs = []
    for _ in range(SWITCH_REPEATS):
        costs.append(switch_on_ms())
        yield wait_s(0.1)
    heavy = sorted(name for name in sys.modules if name.split(".")[0] in ("torch", "transformers", "shapely"))
    began = time.perf_counter()
    open_scene()
    dock_ms = 1000 * (time.perf_counter() - began)
    yield lambda: dock() is not None and dock().isVisible() and not iface.mapCanvas().isDrawing()
    yield wait_s(1.0)
    pulse = Pulse()
    pulse.start()
    yield wait_s(3.0)
    idle = pulse.stop()
    stalls, ends = [], []
    plugin()._controller._runner.ended.connect(ends.append)
    choose(dock().task_panel.task_combo, "ground")
    yield wait_s(0.2)
    click(dock().task_panel.classes.boxes["built areas"])
    click(dock().task_panel.classes.boxes["water"])
    click(dock().aoi_panel.drawing.rectangle_button)
    drag_on_map((0.30, 0.25), (0.75, 0.75))
    for index in range(RUN_REPEATS):
        yield wait_s(0.5)
        pulse.start()
        click(dock().run_panel.run_button)
        yield lambda index=index: len(ends) == index + 1 and not iface.mapCanvas().isDrawing()
        stalls.append(pulse.stop())
    boxes = [end.boxes for end in ends]
    report(costs, dock_ms, idle, stalls, boxes, heavy)


def report(costs, dock_ms, idle, stalls, boxes, heavy):
    rows = [
        ("switching the plugin on, as at QGIS's start", f"{statistics.median(costs):.0f} ms"),
        ("opening the demo scene and the dock for the first time", f"{dock_ms:.0f} ms"),
        ("longest stall of the event loop, 3 s idle", f"{idle:.0f} ms"),
        ("the same in a first run, worker's start included", f"{stalls[0]:.0f} ms"),
        (f"the same in later runs, median of {len(stalls) - 1}", f"{statistics.median(stalls[1:]):.0f} ms"),
        ("boxes on the map in these runs", ", ".join(map(str, boxes))),
        ("heavy modules in QGIS's Python", ", ".join(heavy) or "none"),
    ]
    print("| in QGIS | |\n| --- | --- |")
    for name, value in rows:
        print(f"| {name} | {value} |")
    sys.stdout.flush()


drive(script())
