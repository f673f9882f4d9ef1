"""``qgis --code``, started in the repository: the dock step by step, a picture each in ``$TOUR_OUT``."""

import os
import sys
from dataclasses import replace
from pathlib import Path

from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.utils import iface

sys.path.insert(0, "tests/application")

from driver import choose, click, dock, drive, grab, plugin, wait_s
from lspace.gis.settings import Settings
from scene import ROOT, open_scene

OUT = Path(os.environ["TOUR_OUT"])
ends = []


def script():
    open_scene()
    yield lambda: dock() is not None and dock().isVisible() and not iface.mapCanvas().isDrawing()
    plugin()._controller._runner.ended.connect(ends.append)
    yield from settled()
    grab(OUT / "1_area_and_image.jpg")

    choose(dock().task_panel.task_combo, "caption")
    yield from ask()
    grab(OUT / "2_caption.jpg")

    click(dock().aoi_panel.drawing.polygon_button)
    for corner in ((0.2, 0.1), (0.8, 0.06), (0.9, 0.5), (0.3, 0.6)):
        click_on_map(corner, Qt.MouseButton.LeftButton)
    click_on_map((0.3, 0.6), Qt.MouseButton.RightButton)
    choose(dock().task_panel.task_combo, "ground")
    yield wait_s(0.2)
    for name in ("water", "built areas"):
        click(dock().task_panel.classes.boxes[name])
    yield from ask()
    grab(OUT / "3_land_cover.jpg")

    choose(dock().task_panel.task_combo, "vessels")
    yield from ask()
    dock().show_panel(dock().review_panel)
    yield from settled()
    review("N", "A", "A")
    yield from settled()
    grab(OUT / "4_review.jpg")

    reflectance = QgsRasterLayer(str(ROOT / "tests" / "data" / "honolulu_reflectance.tif"), "Reflectance")
    QgsProject.instance().addMapLayer(reflectance, False)
    evidence = plugin()._controller.reviewing.evidence_panel
    open_tool(evidence)
    evidence.after_bands.layer_combo.setLayer(reflectance)
    yield wait_s(0.3)
    click(evidence.measure_button)
    yield lambda: "measured" in evidence.result_label.text()
    agreement = plugin()._controller.reviewing.agreement_panel
    open_tool(agreement)
    yield wait_s(0.3)
    click(agreement.button)
    yield lambda: len(ends) == 4
    yield from settled()
    grab(OUT / "5_evidence.jpg")

    dock().show_panel(dock().report_panel)
    yield from settled()
    grab(OUT / "6_report.jpg")

    # only the form: no weights of lspace are at hand
    replace(Settings.load(), model="NuTonic/lspace").save()
    plugin()._controller.refresh_state()
    dock().show_panel(dock().conversation_panel)
    choose(dock().task_panel.task_combo, "flood")
    yield wait_s(0.3)
    before, after = dock().images_panel.slots[:2]
    click(before.capture_button)
    reflectance.setName("Reflectance 2023-02-11")
    QgsProject.instance().layerTreeRoot().insertLayer(1, reflectance)
    yield from settled()
    for slot, date in ((before, "2023-01-12"), (after, "2023-02-11")):
        slot.date_edit.setFocus()
        slot.date_edit.selectAll()
        QTest.keyClicks(slot.date_edit, date)
        QTest.keyClick(slot.date_edit, Qt.Key.Key_Return)
    dock().task_panel.prompts.setCollapsed(False)
    yield from settled()
    grab(OUT / "7_before_and_after.jpg")


def ask():
    before = len(ends)
    click(dock().run_panel.run_button)
    yield lambda: len(ends) > before
    assert ends[-1].error is None, ends[-1].error
    yield from settled()


def settled():
    yield wait_s(1.5)
    yield lambda: not iface.mapCanvas().isDrawing()


def review(*keys):
    table = dock().review_panel.table
    table.setFocus()
    for key in keys:
        QTest.keyClick(table, key)


def open_tool(panel):
    panel.parentWidget().setCollapsed(False)


def click_on_map(share, button):
    viewport = iface.mapCanvas().viewport()
    spot = viewport.rect().topLeft()
    spot.setX(int(share[0] * viewport.width()))
    spot.setY(int(share[1] * viewport.height()))
    QTest.mouseClick(viewport, button, Qt.KeyboardModifier.NoModifier, spot)


drive(script())
