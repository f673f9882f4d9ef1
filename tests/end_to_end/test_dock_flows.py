"""What an analyst does with the dock, click by click, with the real worker and lspace-mini."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

pytest.importorskip("qgis.core")

from clicks import (
    RIGHT,
    choose_file,
    choose_task,
    click,
    click_on_map,
    drag,
    ends_after,
    run_to_the_end,
    tasks_of,
)
from demo_window import DemoWindow
from dock_window import DockWindow
from log_reading import click_words, text_of
from lspace.gis.imaging.image_catalogue import ChoiceKind
from lspace.gis.layers import Status
from lspace.gis.runs.run_progress import RunOutcome
from lspace.gis.runs.runner import Runner
from lspace.gis.saved_aoi import AoiSource
from lspace.gis.saving.export_format import ExportFormat
from lspace.gis.settings import Settings
from osgeo import gdal, ogr
from pdf_text import words_in
from planted import ROOT, WORKER_PYTHON
from qgis.core import (
    NULL,
    QgsApplication,
    QgsLayerTreeModel,
    QgsMapThemeCollection,
    QgsProject,
    QgsRasterLayer,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QPushButton
from reviewed import read_by_worker

VESSEL = "vessel candidate"
TRAINED_M = 1280 / 224
"""Metres a pixel of its chips."""


@pytest.fixture(scope="module")
def worker_window(qgis_app):
    """One window for all: the model is loaded once."""
    window = DemoWindow()
    yield window
    window.leave()


@pytest.fixture
def window(qtbot, worker_window):
    worker_window.open_scene()
    worker_window.activateWindow()  # keys go to the active one; the last test may have opened a dialog
    qtbot.waitUntil(worker_window.isActiveWindow)
    # the map follows the layer tree when the event loop turns
    qtbot.waitUntil(lambda: worker_window.canvas.layers() == [worker_window.scene])
    yield worker_window
    qtbot.waitUntil(lambda: QgsApplication.taskManager().countActiveTasks() == 0, timeout=20_000)


@pytest.fixture
def reviewed(qtbot, window):
    """The window with vessel candidates under review."""
    choose_task(window, "vessels")
    window.end = run_to_the_end(qtbot, window)
    assert window.end.boxes >= 3
    window.dock.show_panel(window.dock.review_panel)
    table = window.dock.review_panel.table
    qtbot.waitUntil(lambda: table.model().rowCount() == window.end.boxes)
    return window


def log_of(window):
    return text_of(window.dock.conversation_panel)


def preview_of(window):
    return window.dock.images_panel.preview


def press(window, *keys):
    table = window.dock.review_panel.table
    table.setFocus()
    for key in keys:
        QTest.keyClick(table, key)


def values(window, name):
    return [feature[name] for feature in window.end.proposals.getFeatures()]


def accepted_of(window):
    return [each for each in window.end.proposals.getFeatures() if each["status"] == "accepted"]


def look_for(qtbot, window, *names):
    choose_task(window, "ground")
    for name in names:
        click(window.dock.task_panel.classes.boxes[name])
    return run_to_the_end(qtbot, window)


def choose_image(slot, kind):
    """As a hand does: the list is filled when it opens."""
    slot.combo.showPopup()
    kinds = [getattr(slot.combo.itemData(row), "kind", None) for row in range(slot.combo.count())]
    slot.combo.setCurrentIndex(kinds.index(kind))
    slot.combo.hidePopup()


def add_reflectance():
    layer = QgsRasterLayer(str(ROOT / "tests" / "data" / "honolulu_reflectance.tif"), "Reflectance")
    QgsProject.instance().addMapLayer(layer, False)
    return layer


def unfold(panel):
    panel.parentWidget().setCollapsed(False)


def measure(qtbot, window):
    """Has the support of the proposals measured in the reflectance image; returns what is said of it."""
    window.dock.show_panel(window.dock.review_panel)
    evidence = window.controller.reviewing.evidence_panel
    unfold(evidence)
    bands = evidence.after_bands
    QTest.keyClick(bands.layer_combo, Qt.Key.Key_End)
    assert bands.layer().name() == "Reflectance"
    assert bands.roles_label.text().endswith("good for NDWI, MNDWI, NDVI")
    click(evidence.measure_button)
    qtbot.waitUntil(lambda: "measured" in evidence.result_label.text(), timeout=20_000)
    return evidence.result_label.text()


def test_the_map_view_is_described_and_the_answer_kept_with_its_place(qtbot, window):
    end = run_to_the_end(qtbot, window)
    assert end.outcome is RunOutcome.FINISHED, end.error
    assert end.caption.startswith("This satellite imagery is dominated by water (~")
    assert end.caption in log_of(window)
    (exchange,) = window.controller.conversation.exchanges
    assert exchange.answers[0].text == end.caption
    (footprint,) = end.footprints.getFeatures()
    assert footprint["caption"] == end.caption
    assert footprint.geometry().buffer(1, 8).contains(exchange.aoi.polygon)
    assert window.dock.state_label.text().startswith("lspace-mini, ")
    assert "not for analysis" in window.dock.state_label.text()


def test_land_cover_of_two_classes_stays_inside_the_drawn_polygon(qtbot, window):
    click(window.dock.aoi_panel.drawing.polygon_button)
    for corner in ((200, 100), (700, 60), (800, 700), (300, 800)):
        click_on_map(window.canvas, corner)
    click_on_map(window.canvas, (300, 800), RIGHT)
    assert window.dock.aoi_panel.source() is AoiSource.DRAWN
    choose_task(window, "ground")
    click(window.dock.task_panel.clip_box)
    end = look_for(qtbot, window, "water", "built areas")
    assert [answer.target for answer in end.answers] == ["water", "built areas"]
    area = window.dock.aoi_panel.aoi().polygon
    features = list(end.proposals.getFeatures())
    assert {feature["label"] for feature in features} == {"water", "built areas"}
    assert all(area.buffer(1, 8).contains(feature.geometry()) for feature in features)
    assert f"{end.boxes} boxes on the map" in log_of(window)


def test_vessels_are_reviewed_with_keys_and_the_accepted_saved_as_a_shapefile(qtbot, reviewed, tmp_path):
    panel = reviewed.dock.review_panel
    press(reviewed, Qt.Key.Key_A, Qt.Key.Key_R, Qt.Key.Key_A)
    QTest.keyClick(panel.table, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert sorted(values(reviewed, "status"))[:3] == ["accepted", "pending", "rejected"]
    first = next(
        feature for feature in reviewed.end.proposals.getFeatures() if feature["status"] == "accepted"
    )
    panel.table.go_to(first.id())
    press(reviewed, Qt.Key.Key_L)
    QTest.keyClicks(panel.relabel_bar.combo, "fishing boat")
    QTest.keyClick(panel.relabel_bar.combo, Qt.Key.Key_Return)
    save = {action.data(): action for action in panel.save_button.menu().actions()}
    save[(ExportFormat.SHAPEFILE, Status.ACCEPTED)].trigger()
    choose_file(qtbot, reviewed, "LSpaceSaveDialog", tmp_path / "ships")
    qtbot.waitUntil(lambda: "Saved one box" in reviewed.dock.told_label.text(), timeout=20_000)
    source = ogr.Open(str(tmp_path / "ships.shp"))
    (saved,) = source.GetLayer(0)
    assert (saved["label"], saved["orig_label"], saved["status"]) == ("fishing boat", VESSEL, "accepted")
    assert saved["score"] == pytest.approx(first["score"], abs=1e-6)
    left, right, bottom, top = saved.GetGeometryRef().GetEnvelope()
    box = first.geometry().boundingBox()
    corners = (box.xMinimum(), box.xMaximum(), box.yMinimum(), box.yMaximum())
    assert (left, right, bottom, top) == pytest.approx(corners, abs=0.01)


def share_of_water(box):
    """Of the pixels of the reflectance image whose middle is in the box."""
    dataset = gdal.Open(str(ROOT / "tests" / "data" / "honolulu_reflectance.tif"))
    left, width, _, top, _, height = dataset.GetGeoTransform()
    rows, columns = np.mgrid[: dataset.RasterYSize, : dataset.RasterXSize] + 0.5
    x, y = left + columns * width, top + rows * height
    inside = (box.xMinimum() < x) & (x < box.xMaximum()) & (box.yMinimum() < y) & (y < box.yMaximum())
    green, swir = (dataset.GetRasterBand(band).ReadAsArray()[inside].astype(float) for band in (2, 5))
    return ((green - swir) / (green + swir) > 0.15).mean()


def test_the_users_own_bands_tell_how_much_of_a_box_is_water_and_the_score_stays(qtbot, window):
    add_reflectance()
    window.end = look_for(qtbot, window, "water", "built areas")
    scores = values(window, "score")
    said = measure(qtbot, window)
    for feature in window.end.proposals.getFeatures():
        if feature["label"] == "water":
            assert feature["support"] == pytest.approx(
                share_of_water(feature.geometry().boundingBox()), abs=1e-4
            )
            assert (feature["sup_index"], feature["sup_source"]) == ("MNDWI > 0.15", "Reflectance")
        else:
            assert feature["support"] == NULL
    assert "There is no rule for built areas" in said
    assert values(window, "score") == scores


def test_water_is_found_around_an_accepted_vessel(qtbot, reviewed):
    add_reflectance()
    press(reviewed, Qt.Key.Key_A)
    measure(qtbot, reviewed)
    (accepted,) = accepted_of(reviewed)
    assert 0.5 < accepted["support"] <= 1
    assert accepted["sup_index"] == "MNDWI > 0.15 around"


def test_the_model_is_asked_whether_it_agrees_with_itself_and_that_can_be_undone(qtbot, reviewed):
    scores = values(reviewed, "score")
    agreement = reviewed.controller.reviewing.agreement_panel
    unfold(agreement)
    end = ends_after(qtbot, reviewed, lambda: click(agreement.button))
    assert end.outcome is RunOutcome.FINISHED, end.error
    assert all(0 <= share <= 1 for share in values(reviewed, "agreement"))
    assert values(reviewed, "agree_n") == [5] * len(scores)
    assert values(reviewed, "score") == scores
    click(reviewed.dock.review_panel.buttons.undo)
    assert values(reviewed, "agreement") == [NULL] * len(scores)


def test_reviewed_proposals_become_rows_that_the_worker_reads(qtbot, reviewed, tmp_path):
    press(reviewed, Qt.Key.Key_R, *[Qt.Key.Key_A] * (reviewed.end.boxes - 1))
    reviewed.dock.review_panel.save_button.menu().actions()[-1].trigger()
    click(reviewed.dock.findChild(QPushButton, "LSpaceRowsChoose"))
    choose_file(qtbot, reviewed, "LSpaceRowsFolder", tmp_path)
    qtbot.waitUntil(lambda: "rows written" in reviewed.dock.told_label.text(), timeout=20_000)
    (row,) = read_by_worker(tmp_path, "lspace-mini")
    assert row["prompt"] == reviewed.end.answers[0].prompt
    assert row["truth"] == reviewed.end.boxes - 1
    assert list(tmp_path.rglob(row["images"][0]))


def test_the_report_has_the_numbers_of_the_layer_as_html_and_as_pdf(qtbot, reviewed, tmp_path):
    press(reviewed, Qt.Key.Key_A, Qt.Key.Key_A, *[Qt.Key.Key_R] * (reviewed.end.boxes - 2))
    panel = reviewed.dock.report_panel
    reviewed.dock.show_panel(panel)
    qtbot.waitUntil(lambda: "Accepted: 2" in panel.preview.toPlainText(), timeout=20_000)
    panel.open_box.setChecked(False)
    told = reviewed.dock.told_label
    for button, name in ((panel.html_button, "report.html"), (panel.pdf_button, "report.pdf")):
        path = tmp_path / name
        click(button)
        choose_file(qtbot, reviewed, "LSpaceReportDialog", path)
        qtbot.waitUntil(lambda path=path: f"saved: {path}" in told.text(), timeout=20_000)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2
    words = words_in(tmp_path / "report.pdf")
    accepted = accepted_of(reviewed)
    facts = [f"{each['area_m2']:.0f} m²" for each in accepted]
    facts += [f"{each['score']:.2f}" for each in accepted]
    facts += [f"{sum(each['area_m2'] for each in accepted) / 1e4:.2f} ha"]
    facts += [reviewed.end.run.revision, "they require corroboration"]
    assert 'lang="C"' not in page
    for fact in facts:
        assert fact in page
        assert fact.replace(" ", "") in words


def drawn_area(window):
    click(window.dock.aoi_panel.drawing.rectangle_button)
    drag(window.canvas, (200, 100), (700, 600))
    return window.dock.aoi_panel.aoi().polygon


def test_conversation_area_and_images_come_back_with_the_project(qtbot, window, tmp_path):
    drawn = drawn_area(window)
    caption = run_to_the_end(qtbot, window).caption
    path = str(tmp_path / "harbour.qgz")
    assert QgsProject.instance().write(path)
    QgsProject.instance().clear()
    assert log_of(window) == ""
    assert window.dock.aoi_panel.source() is AoiSource.VIEW
    assert QgsProject.instance().read(path)
    assert caption in log_of(window)
    assert window.dock.aoi_panel.aoi().polygon.equals(drawn)
    end = ends_after(qtbot, window, lambda: click_words(window.dock.conversation_panel, "again"))
    assert end.caption == caption


def test_after_a_restart_the_dock_says_what_it_said_and_shows_what_the_project_has(qtbot, window):
    drawn = drawn_area(window)
    caption = run_to_the_end(qtbot, window).caption
    session = DockWindow([], window.crs, Runner())
    choose_task(session, "vessels")
    session.leave()
    later = DockWindow([], window.crs, Runner())
    assert later.dock.task_panel.asked().task == "vessels"
    assert later.dock.aoi_panel.aoi().polygon.equals(drawn)
    assert caption in log_of(later)
    later.leave()


def test_training_grade_squares_are_chosen_and_asked_about_one_by_one(qtbot, window):
    slot = window.dock.images_panel.slots[0]
    choose_image(slot, ChoiceKind.RASTER)
    assert slot.combo.currentText() == "Honolulu, Sentinel-2 (training grade)"
    qtbot.waitUntil(lambda: "as in training" in preview_of(window).facts_label.text(), timeout=10_000)
    end = run_to_the_end(qtbot, window)
    assert end.outcome is RunOutcome.FINISHED, end.error
    footprints = list(end.footprints.getFeatures())
    assert len(footprints) == len(end.places) == len(end.answers) > 1
    assert {each["kind"] for each in footprints} == {"training grade"}
    assert [each["gsd_m"] for each in footprints] == pytest.approx([TRAINED_M] * len(footprints), rel=0.01)
    for answer in end.answers:
        assert answer.text in log_of(window)


def test_a_map_zoomed_far_out_is_advised_against_and_one_click_brings_the_trained_scale(qtbot, window):
    preview = preview_of(window)
    window.canvas.zoomByFactor(3)
    qtbot.waitUntil(lambda: "Small things get lost" in preview.advice_list.text(), timeout=10_000)
    (button,) = preview.advice_list.buttons
    click(button)
    qtbot.waitUntil(lambda: "as in training" in preview.facts_label.text(), timeout=10_000)
    assert "Small things get lost" not in preview.advice_list.text()
    assert window.dock.images_panel.sources()[0].raster is not None


def keep_theme(name):
    """Of the layers as they are now."""
    project = QgsProject.instance()
    root = project.layerTreeRoot()
    theme = QgsMapThemeCollection.createThemeFromCurrentState(root, QgsLayerTreeModel(root))
    project.mapThemeCollection().insert(name, theme)


def test_a_capture_a_theme_and_another_layer_are_images_of_a_pair(qtbot, window):
    Settings(interpreter=WORKER_PYTHON, model="NuTonic/lspace").save()
    window.controller.refresh_state()
    choose_task(window, "flood")
    panel = window.dock.images_panel
    before, after = panel.slots[:2]
    assert (before.isVisible(), after.isVisible(), panel.slots[2].isVisible()) == (True, True, False)
    click(window.dock.run_panel.run_button)
    assert "The images to compare are the same" in window.dock.told_label.text()
    click(before.capture_button)
    assert before.combo.currentText().startswith("Captured ")
    later = QgsRasterLayer(window.scene.source(), "After the rain 2024-05-01")
    QgsProject.instance().addMapLayer(later)
    keep_theme("wet season")
    choose_image(after, ChoiceKind.THEME)
    assert [source.title for source in panel.sources()] == [before.combo.currentText(), "wet season"]
    choose_image(after, ChoiceKind.LAYER)
    assert panel.sources()[1].title == "After the rain 2024-05-01"
    assert after.date_edit.text() == "2024-05-01"
    qtbot.waitUntil(lambda: "valid" in preview_of(window).facts_label.text(), timeout=10_000)
    assert preview_of(window).advice_list.text() == ""


def test_what_lspace_mini_cannot_do_is_not_offered_or_switched_off_with_its_reason(window):
    assert tasks_of(window.dock) == ["caption", "ground", "vessels"]
    panel = window.dock.conversation_panel
    assert not panel.question_edit.isEnabled()
    assert not panel.ask_button.isEnabled()
    reason = "lspace-mini answers no free questions; choose a task above."
    assert panel.question_edit.placeholderText() == reason
    assert panel.question_edit.toolTip() == reason
    assert window.dock.images_panel.count_row.isHidden()
    assert all(edit.isReadOnly() for edit in window.dock.task_panel.prompts.edits.values())


def many_places(window):
    """A question about every square of the scene."""
    window.canvas.setExtent(window.scene.extent())
    choose_image(window.dock.images_panel.slots[0], ChoiceKind.RASTER)
    choose_task(window, "vessels")


def at_the_first_box(window, act):
    """Does something once, in the middle of a run."""

    def once(_layer):
        window.runner.box_arrived.disconnect(once)
        act()

    window.runner.box_arrived.connect(once)


def test_cancel_in_the_middle_keeps_what_had_arrived(qtbot, window):
    many_places(window)
    at_the_first_box(window, lambda: click(window.dock.run_panel.cancel_button))
    end = run_to_the_end(qtbot, window)
    assert end.outcome is RunOutcome.CANCELLED
    assert end.boxes == end.proposals.featureCount() >= 1
    assert f"Cancelled. What had arrived is kept: {end.boxes} boxes on the map." in log_of(window)
    assert window.dock.run_panel.run_button.isEnabled()
    window.dock.show_panel(window.dock.review_panel)
    assert window.dock.review_panel.table.model().rowCount() == end.boxes


def test_a_worker_killed_in_the_middle_is_a_sentence_and_the_next_question_is_answered(qtbot, window):
    many_places(window)
    at_the_first_box(window, lambda: os.kill(window.runner.worker_process_id, signal.SIGKILL))
    end = run_to_the_end(qtbot, window)
    assert end.outcome is RunOutcome.CRASHED
    assert "The worker stopped by itself; QGIS is not affected." in log_of(window)
    assert "It was killed from outside" in log_of(window)
    choose_image(window.dock.images_panel.slots[0], ChoiceKind.MAP)
    choose_task(window, "caption")
    assert run_to_the_end(qtbot, window).caption in log_of(window)
