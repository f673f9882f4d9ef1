"""A scan from the dock, click by click, with the real worker and lspace-mini."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from clicks import choose_task, click, run_to_the_end
from demo_window import DemoWindow
from lspace.gis.aoi import Aoi
from lspace.gis.imaging.image_catalogue import ChoiceKind
from lspace.gis.runs.run_progress import RunOutcome
from lspace.ui.scan.scan_panel import ScanState
from lspace.ui.words import sentence_for
from osgeo import gdal
from planted import ROOT
from qgis.core import QgsApplication, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import Qt
from scan_clicks import LONG_MS, open_scan, rows_of, start_paused, states_in, wait_for_end, wait_until_known

PICTURES = 12
"""Of the whole scene, at the size that lspace-mini was trained on."""
SITTING = [sys.executable, str(ROOT / "tests" / "workers" / "scan_sitting.py")]


@pytest.fixture(scope="module")
def scan_window(qgis_app):
    window = DemoWindow()
    yield window
    window.leave()


@pytest.fixture
def window(qtbot, scan_window):
    """The demo scene as the area, ships to be looked for."""
    scan_window.open_scene()
    scan_window.activateWindow()
    qtbot.waitUntil(lambda: scan_window.canvas.layers() == [scan_window.scene])
    scan_window.dock.aoi_panel.set_aoi(Aoi.from_layer_extent(scan_window.scene))
    choose_task(scan_window, "vessels")
    yield scan_window
    scanning = scan_window.controller.scanning
    if scanning.is_scanning:
        click(scan_window.dock.scan_panel.stop_button)
    qtbot.waitUntil(lambda: not scanning.is_scanning, timeout=LONG_MS)
    qtbot.waitUntil(lambda: QgsApplication.taskManager().countActiveTasks() == 0, timeout=LONG_MS)
    preview = scan_window.dock.images_panel.preview  # nothing is drawn any more when the layers go
    qtbot.waitUntil(lambda: not (scan_window.canvas.isDrawing() or preview.is_busy), timeout=LONG_MS)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scan.gpkg"


def choose_training_grade(window):
    slot = window.dock.images_panel.slots[0]
    slot.combo.showPopup()
    kinds = [getattr(slot.combo.itemData(row), "kind", None) for row in range(slot.combo.count())]
    slot.combo.setCurrentIndex(kinds.index(ChoiceKind.RASTER))
    slot.combo.hidePopup()


def told(window):
    return window.dock.told_label.text()


def layers_named(part):
    return [layer for layer in QgsProject.instance().mapLayers().values() if part in layer.name()]


def workers():
    """Process ids of this process's workers: of one that a question left, until it has ended, too."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == os.getpid() and b"model_backend" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def damaged_scene(folder):
    """The scene as a tiled file one block of which cannot be read, and how to mend it."""
    path = folder / "damaged.tif"
    options = ["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64", "COMPRESS=DEFLATE"]
    source = str(ROOT / "resources" / "demo" / "honolulu.tif")
    gdal.Translate(str(path), source, creationOptions=options)
    whole = path.read_bytes()
    dataset = gdal.Open(str(path))
    offset = int(dataset.GetRasterBand(1).GetMetadataItem("BLOCK_OFFSET_0_0", "TIFF"))
    size = int(dataset.GetRasterBand(1).GetMetadataItem("BLOCK_SIZE_0_0", "TIFF"))
    del dataset
    path.write_bytes(whole[:offset] + b"\xff" * size + whole[offset + size :])
    return path, lambda: path.write_bytes(whole)


def test_a_scan_of_the_map_as_shown_is_planned_started_and_reviewed(qtbot, window, path):
    panel = open_scan(qtbot, window, path)
    assert panel.plan_label.text().startswith(f"{PICTURES} pictures of 1.28 km.")
    click(panel.start_button)
    wait_for_end(qtbot, window)
    assert panel.state is ScanState.COMPLETE, told(window)
    assert states_in(path) == ["done"] * PICTURES
    assert {row["kind"] for row in rows_of(path, "footprints")} == {"as shown"}
    proposals = rows_of(path, "proposals")
    assert len(proposals) >= 3
    assert {row["label"] for row in proposals} == {"vessel candidate"}
    assert told(window).startswith(f"The scan is complete: {len(proposals)} proposals.")
    (layer,) = layers_named("scan: proposals")
    assert window.dock.review_panel.layer() is layer
    window.dock.show_panel(window.dock.review_panel)
    table = window.dock.review_panel.table
    qtbot.waitUntil(lambda: table.model().rowCount() == len(proposals))
    table.selectRow(0)
    click(window.dock.review_panel.buttons.accept)
    assert layer.commitChanges(), layer.commitErrors()
    assert [row["status"] for row in rows_of(path, "proposals")].count("accepted") == 1


def test_a_scan_rests_when_it_is_paused_and_goes_on_when_it_is_resumed(qtbot, window, path):
    panel = open_scan(qtbot, window, path)
    start_paused(qtbot, window)
    assert panel.state is ScanState.PAUSED
    assert panel.stage_label.text().startswith("Paused")
    assert panel.counts_label.text().startswith(f"0 done, 0 without data, 0 failed, {PICTURES} to go.")
    (grid,) = layers_named("scan: grid")
    assert grid.featureCount() == PICTURES
    assert all(layer.readOnly() for layer in layers_named("scan: "))
    click(panel.pause_button)
    wait_for_end(qtbot, window)
    assert states_in(path) == ["done"] * PICTURES
    assert not any(layer.readOnly() for layer in layers_named("scan: "))


def test_while_a_scan_is_under_way_a_question_is_refused_with_a_sentence(qtbot, window, path):
    open_scan(qtbot, window, path)
    start_paused(qtbot, window)
    click(window.dock.run_panel.run_button)
    assert "scan" in told(window)
    assert not window.ends
    click(window.dock.scan_panel.stop_button)
    wait_for_end(qtbot, window)
    assert run_to_the_end(qtbot, window).outcome in (RunOutcome.FINISHED, RunOutcome.NOTHING_FOUND)


def test_a_scan_that_was_stopped_goes_on_with_its_own_area_and_question(qtbot, window, path):
    panel = open_scan(qtbot, window, path)
    start_paused(qtbot, window)
    click(panel.stop_button)
    wait_for_end(qtbot, window)
    assert panel.state is ScanState.BROKEN_OFF
    assert panel.start_button.text() == "Go on"
    choose_task(window, "caption")
    wait_until_known(qtbot, panel)
    click(panel.start_button)
    wait_for_end(qtbot, window)
    assert states_in(path) == ["done"] * PICTURES
    assert {row["task"] for row in rows_of(path, "proposals")} == {"vessels"}
    assert {row["tries"] for row in rows_of(path, "lspace_cells")} == {1}


def test_a_scan_that_is_stopped_at_once_leaves_the_dock_as_it_was(qtbot, window, path):
    panel = open_scan(qtbot, window, path)
    click(panel.start_button)
    click(panel.stop_button)
    wait_for_end(qtbot, window)
    assert told(window).startswith("Stopped")
    assert panel.state in (ScanState.NEW, ScanState.BROKEN_OFF)
    assert not window.runner.is_busy


def test_a_worker_that_is_killed_is_started_again_and_no_picture_is_lost(qtbot, window, path):
    panel = open_scan(qtbot, window, path)
    start_paused(qtbot, window)
    qtbot.waitUntil(lambda: len(workers()) == 1, timeout=LONG_MS)
    os.kill(workers()[0], signal.SIGKILL)
    click(panel.pause_button)
    wait_for_end(qtbot, window)
    assert states_in(path) == ["done"] * PICTURES
    assert len({row["chip_id"] for row in rows_of(path, "footprints")}) == PICTURES


def test_a_scan_whose_process_was_killed_goes_on_in_another_one(qtbot, window, path):
    with subprocess.Popen([*SITTING, str(path)], stdout=subprocess.PIPE, text=True) as process:
        while process.stdout.readline().strip() not in ("some", ""):
            pass
        process.kill()
    choose_training_grade(window)
    panel = open_scan(qtbot, window, path)
    done = states_in(path).count("done")
    assert 0 < done < PICTURES
    assert panel.state is ScanState.BROKEN_OFF
    assert panel.counts_label.text().startswith(f"{done} done")
    click(panel.start_button)
    wait_for_end(qtbot, window)
    assert states_in(path) == ["done"] * PICTURES
    assert {row["tries"] for row in rows_of(path, "lspace_cells")} == {1}
    assert len(rows_of(path, "footprints")) == PICTURES


def test_pictures_of_a_damaged_file_are_listed_shown_and_asked_about_again(qtbot, window, path, tmp_path):
    scene, mend = damaged_scene(tmp_path)
    QgsProject.instance().removeMapLayer(window.scene)
    layer = QgsRasterLayer(str(scene), "damaged")
    QgsProject.instance().addMapLayer(layer)
    qtbot.waitUntil(lambda: window.canvas.layers() == [layer])
    window.dock.aoi_panel.set_aoi(Aoi.from_layer_extent(layer))
    choose_training_grade(window)
    panel = open_scan(qtbot, window, path)
    click(panel.start_button)
    wait_for_end(qtbot, window)
    failed = states_in(path).count("failed")
    assert 0 < failed < PICTURES
    assert panel.failed_list.count() == failed
    assert panel.failed_list.item(0).text().startswith("Picture 1: ")
    panel.failed_list.setCurrentRow(0)
    window.canvas.zoomToFullExtent()
    whole = window.canvas.extent().width()
    click(panel.zoom_button)
    assert window.canvas.extent().width() < whole
    mend()
    click(panel.retry_button)
    wait_for_end(qtbot, window)
    assert states_in(path) == ["done"] * PICTURES
    assert not panel.failed_list.isVisible()
    assert [row["tries"] for row in rows_of(path, "lspace_cells")].count(2) == failed


def test_an_area_too_large_for_one_run_is_offered_a_scan(qtbot, window, tmp_path):
    big = tmp_path / "big.tif"
    source = str(ROOT / "resources" / "demo" / "honolulu.tif")
    corner = [-17_600_000, 2_460_000, -17_560_000, 2_420_000]
    gdal.Translate(str(big), source, outputBounds=corner, outputSRS="EPSG:3857")
    QgsProject.instance().removeMapLayer(window.scene)
    layer = QgsRasterLayer(str(big), "big")
    QgsProject.instance().addMapLayer(layer)
    qtbot.waitUntil(lambda: window.canvas.layers() == [layer])
    window.dock.aoi_panel.set_aoi(Aoi.from_layer_extent(layer))
    choose_training_grade(window)
    end = run_to_the_end(qtbot, window)
    assert end.outcome is RunOutcome.FAILED
    assert "start a scan" in sentence_for(end.error)
    assert window.dock.shown_panel() is window.dock.scan_panel
    panel = window.dock.scan_panel
    panel.path_edit.setText(str(tmp_path / "large.gpkg"))
    wait_until_known(qtbot, panel)
    assert int(panel.plan_label.text().split()[0].replace(",", "")) > 100


def test_the_next_scan_is_said_to_take_as_long_as_the_last_one(qtbot, window, path, tmp_path):
    panel = open_scan(qtbot, window, path)
    click(panel.start_button)
    wait_for_end(qtbot, window)
    click(panel.start_button)  # another one
    wait_until_known(qtbot, panel)
    assert panel.path() == tmp_path / "scan_2.gpkg"
    assert panel.state is ScanState.NEW
    assert "as fast as the last scan" in panel.plan_label.text()


def test_a_file_that_holds_no_scan_is_told_and_left_alone(qtbot, window, path):
    path.write_text("words")
    panel = window.dock.scan_panel
    window.dock.show_panel(panel)
    panel.path_edit.setText(str(path))
    qtbot.waitUntil(lambda: "holds no scan" in panel.plan_label.text(), timeout=LONG_MS)
    assert not panel.start_button.isEnabled()
    assert path.read_text() == "words"


def test_the_keyboard_comes_to_the_failed_pictures_and_enter_zooms(qtbot, window, path, tmp_path):
    scene, _ = damaged_scene(tmp_path)
    layer = QgsRasterLayer(str(scene), "damaged")
    QgsProject.instance().removeMapLayer(window.scene)
    QgsProject.instance().addMapLayer(layer)
    qtbot.waitUntil(lambda: window.canvas.layers() == [layer])
    choose_training_grade(window)
    window.dock.aoi_panel.set_aoi(Aoi.from_layer_extent(layer))
    panel = open_scan(qtbot, window, path)
    click(panel.start_button)
    wait_for_end(qtbot, window)
    before = window.canvas.extent()
    panel.failed_list.setFocus()
    qtbot.keyClick(panel.failed_list, Qt.Key.Key_Down)
    qtbot.keyClick(panel.failed_list, Qt.Key.Key_Return)
    assert window.canvas.extent() != before
