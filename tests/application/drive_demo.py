"""``qgis --code``, started in the repository: the main job, done by clicks, its results in ``$DEMO_OUT``."""

import os
import sys
import time
from pathlib import Path

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QDialogButtonBox, QFileDialog, QLineEdit
from qgis.utils import iface

sys.path.insert(0, "tests/application")

from driver import choose, click, dock, drag_on_map, drive, grab, plugin, wait_s
from scene import open_scene

OUT = Path(os.environ["DEMO_OUT"])
seconds = {}


class Ends:
    """Counts the runs that have ended, and keeps the last."""

    def __init__(self):
        self.all = []

    @property
    def last(self):
        return self.all[-1]


def script():
    started = time.monotonic()
    open_scene()
    yield lambda: dock() is not None and dock().isVisible() and not iface.mapCanvas().isDrawing()
    yield wait_s(1.0)
    seconds["scene and dock"] = time.monotonic() - started
    ends = Ends()
    runner = plugin()._controller._runner
    runner.ended.connect(ends.all.append)

    choose(dock().task_panel.task_combo, "caption")
    click(dock().run_panel.run_button)
    yield lambda: len(ends.all) == 1
    note_seconds("caption", ends.last)
    (OUT / "caption.txt").write_text(ends.last.caption + "\n", encoding="utf-8")

    choose(dock().task_panel.task_combo, "vessels")
    click(dock().aoi_panel.drawing.rectangle_button)
    yield wait_s(0.2)
    drag_on_map((0.12, 0.04), (0.88, 0.96))
    click(dock().run_panel.run_button)
    yield lambda: len(ends.all) == 2
    note_seconds("vessels", ends.last)

    dock().show_panel(dock().review_panel)
    yield wait_s(0.5)
    table = dock().review_panel.table
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_N)
    for _ in range(ends.last.boxes):
        QTest.keyClick(table, Qt.Key.Key_A)
    yield lambda: not iface.mapCanvas().isDrawing()
    iface.mapCanvas().setExtent(ends.last.footprints.extent())
    yield wait_s(1.0)
    yield lambda: not iface.mapCanvas().isDrawing()
    grab(OUT / "screenshot.png")

    if ends.last.boxes:
        for entry, name in (("Shapefile", "proposals.shp"), ("GeoPackage", "proposals.gpkg")):
            began = time.monotonic()
            yield from save_as(entry, OUT / name)
            seconds[f"save {name}"] = time.monotonic() - began
    report(ends)


def note_seconds(task, end):
    for stage, value in end.seconds.items():
        seconds[f"{task}: {stage}"] = value


def save_as(entry, path):
    """The menu, the file dialog, its name field and its Save button."""
    button = dock().review_panel.save_button
    wanted = f"Accepted as {entry} ..."
    (action,) = [action for action in button.menu().actions() if action.text() == wanted]
    button.menu().popup(button.mapToGlobal(button.rect().bottomLeft()))
    yield wait_s(0.2)
    QTest.mouseClick(
        button.menu(),
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        button.menu().actionGeometry(action).center(),
    )
    yield lambda: open_file_dialog() is not None
    dialog = open_file_dialog()
    name_field = dialog.findChild(QLineEdit, "fileNameEdit")
    name_field.selectAll()
    QTest.keyClicks(name_field, str(path))
    box = dialog.findChild(QDialogButtonBox, "buttonBox")
    while open_file_dialog() is not None:
        # on a busy machine Qt 5.15 was seen to let a click pass without a word
        click(box.button(QDialogButtonBox.StandardButton.Save))
        yield wait_s(0.2)
    yield lambda: path.exists() and dock().told_label.text().startswith("Saved")


def open_file_dialog():
    dialogs = [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QFileDialog)]
    return next((dialog for dialog in dialogs if dialog.isVisible()), None)


def report(ends):
    lines = ["Proposals of lspace-mini, a small model for demonstration and tests, not ground truth.", ""]
    lines += [f"{path}" for path in sorted(OUT.iterdir()) if path.is_file()]
    lines += ["", f"{ends.last.boxes} boxes on the map; {dock().told_label.text()}", ""]
    lines += [f"{value:7.2f} s  {stage}" for stage, value in seconds.items()]
    (OUT / "report.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


drive(script())
