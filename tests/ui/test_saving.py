"""Save as, by clicks: what the dock says, and that nothing is left behind when it goes."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.export import ExportFormat
from lspace.gis.run_progress import RunEnd, RunOutcome
from lspace.gis.save_target import SaveTarget
from osgeo import ogr
from proposals import files_limited_to, proposals
from qgis.core import QgsApplication, QgsProject
from qgis.PyQt.QtCore import QCoreApplication, QEvent
from qgis.PyQt.QtWidgets import QFileDialog, QMessageBox


@pytest.fixture
def window(make_window):
    """A window after a run that found three boxes."""
    window = make_window()
    layer = proposals(3)
    QgsProject.instance().addMapLayer(layer)
    window.runner.ended.emit(RunEnd(RunOutcome.FINISHED, boxes=3, proposals=layer))
    window.proposals = layer
    return window


@pytest.fixture
def held(qtbot, monkeypatch):
    """Files are written but wait for ``held.goes_on`` before they move into place."""

    class Held:
        arrived, goes_on = threading.Event(), threading.Event()
        thread = None

    move = SaveTarget.put_in_place

    def wait_and_move(target, folder):
        Held.thread = threading.get_ident()
        Held.arrived.set()
        assert Held.goes_on.wait(30)
        return move(target, folder)

    monkeypatch.setattr(SaveTarget, "put_in_place", wait_and_move)
    yield Held
    Held.goes_on.set()
    no_task_left(qtbot)


def no_task_left(qtbot):
    qtbot.waitUntil(lambda: QgsApplication.taskManager().countActiveTasks() == 0, timeout=20_000)


def choose_file(qtbot, dock, export_format, path):
    dock.save_requested.emit(export_format)
    dialog = dock.findChild(QFileDialog, "LSpaceSaveDialog")
    qtbot.waitUntil(dialog.isVisible, timeout=3000)
    dialog.fileSelected.emit(str(path))
    dialog.close()
    qtbot.waitUntil(lambda: dock.findChild(QFileDialog, "LSpaceSaveDialog") is None, timeout=3000)


def said(window):
    return window.dock.result_label.text()


def count(path):
    source = ogr.Open(str(path))
    return source.GetLayer(0).GetFeatureCount()


@pytest.mark.parametrize("file_format", ExportFormat)
def test_the_file_is_saved_and_named(qtbot, window, tmp_path, file_format):
    path = (tmp_path / "ships").with_suffix(file_format.extension)
    choose_file(qtbot, window.dock, file_format, path)
    qtbot.waitUntil(lambda: "Saved 3 boxes" in said(window), timeout=20_000)
    assert str(path) in said(window)
    assert count(path) == 3


def test_while_it_is_saved_the_dock_says_so_and_refuses_another(qtbot, window, tmp_path, held):
    path = tmp_path / "ships.shp"
    choose_file(qtbot, window.dock, ExportFormat.SHAPEFILE, path)
    assert said(window) == f"Saving {path} ..."
    qtbot.waitUntil(held.arrived.is_set, timeout=20_000)
    assert held.thread != threading.get_ident()
    window.dock.save_requested.emit(ExportFormat.GEOPACKAGE)
    assert "still being saved" in said(window)
    assert window.dock.findChild(QFileDialog, "LSpaceSaveDialog") is None
    held.goes_on.set()
    qtbot.waitUntil(lambda: "Saved 3 boxes" in said(window), timeout=20_000)
    choose_file(qtbot, window.dock, ExportFormat.GEOPACKAGE, tmp_path / "ships.gpkg")
    qtbot.waitUntil(lambda: "ships.gpkg" in said(window), timeout=20_000)


def test_saving_over_a_file_asks_first_and_no_leaves_it(qtbot, window, tmp_path):
    path = tmp_path / "ships.shp"
    choose_file(qtbot, window.dock, ExportFormat.SHAPEFILE, path)
    qtbot.waitUntil(lambda: "Saved 3 boxes" in said(window), timeout=20_000)
    before = path.read_bytes()
    for answer in (QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes):
        path.write_bytes(before + b"marked")
        choose_file(qtbot, window.dock, ExportFormat.SHAPEFILE, path)
        (question,) = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
        question.button(answer).click()
        no_task_left(qtbot)
        replaced = answer == QMessageBox.StandardButton.Yes
        assert (path.read_bytes() == before) is replaced


def test_a_file_that_appears_while_saving_is_asked_about_too(qtbot, window, tmp_path, held):
    path = tmp_path / "ships.geojson"
    choose_file(qtbot, window.dock, ExportFormat.GEOJSON, path)
    path.write_text("theirs")
    held.goes_on.set()
    qtbot.waitUntil(lambda: window.findChild(QMessageBox) is not None, timeout=20_000)
    assert path.read_text() == "theirs"
    window.findChild(QMessageBox).button(QMessageBox.StandardButton.Yes).click()
    qtbot.waitUntil(lambda: "Saved 3 boxes" in said(window), timeout=20_000)
    assert count(path) == 3


def test_a_full_disk_is_a_sentence_in_the_dock(qtbot, window, tmp_path):
    with files_limited_to(3_000):
        choose_file(qtbot, window.dock, ExportFormat.GEOPACKAGE, tmp_path / "ships.gpkg")
        qtbot.waitUntil(lambda: "Not saved." in said(window), timeout=20_000)
    assert "no room left" in said(window)
    assert list(tmp_path.iterdir()) == []


def test_cancelled_in_the_task_list_of_qgis(qtbot, window, tmp_path):
    choose_file(qtbot, window.dock, ExportFormat.GEOPACKAGE, tmp_path / "ships.gpkg")
    QgsApplication.taskManager().cancelAll()
    qtbot.waitUntil(lambda: not said(window).startswith("Saving"), timeout=20_000)
    saved = "Saved" in said(window)  # it may have been too late
    assert saved or "cancelled" in said(window)
    assert [path.name for path in tmp_path.iterdir()] == ["ships.gpkg"] * saved


def test_a_layer_that_is_deleted_while_it_is_saved_is_saved(qtbot, window, tmp_path, held):
    choose_file(qtbot, window.dock, ExportFormat.SHAPEFILE, tmp_path / "ships.shp")
    QgsProject.instance().removeMapLayer(window.proposals)
    held.goes_on.set()
    qtbot.waitUntil(lambda: "Saved 3 boxes" in said(window), timeout=20_000)
    assert count(tmp_path / "ships.shp") == 3


def test_a_layer_that_is_gone_cannot_be_saved(qtbot, window, tmp_path):
    QgsProject.instance().removeMapLayer(window.proposals)
    choose_file(qtbot, window.dock, ExportFormat.SHAPEFILE, tmp_path / "ships.shp")
    assert "no longer in the project" in said(window)
    assert list(tmp_path.iterdir()) == []


def test_a_dock_that_goes_while_saving_leaves_the_file_and_nothing_else(qtbot, window, tmp_path, held):
    choose_file(qtbot, window.dock, ExportFormat.GEOJSON, tmp_path / "ships.geojson")
    qtbot.waitUntil(held.arrived.is_set, timeout=20_000)
    window.controller.shut_down()
    window.controller.shut_down = lambda: None
    window.dock.deleteLater()
    QCoreApplication.sendPostedEvents(window.dock, QEvent.Type.DeferredDelete)
    held.goes_on.set()
    no_task_left(qtbot)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".geojson", ".qmd", ".qml"]
    assert count(tmp_path / "ships.geojson") == 3
