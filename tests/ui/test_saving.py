"""Save as, by clicks: what is told, and that nothing is left behind when the window goes."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.layers import Status
from lspace.gis.review.review import Review
from lspace.gis.saving.export_format import ExportFormat
from lspace.gis.saving.save_target import SaveTarget
from lspace.ui.review.save_dialog import SaveDialog
from osgeo import ogr
from proposals import files_limited_to, proposals
from qgis.core import QgsApplication, QgsProject
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QCoreApplication, QEvent
from qgis.PyQt.QtWidgets import QFileDialog, QMessageBox, QWidget


class Place(QWidget):
    """Where a layer is saved from, and what it was told."""

    def __init__(self):
        super().__init__()
        self.sentences = []
        self.saving = None

    def start(self, layer, export_format, status=None):
        self.saving = SaveDialog(layer, export_format, self, status)
        self.saving.told.connect(self.sentences.append)
        self.saving.open()

    @property
    def said(self):
        return self.sentences[-1] if self.sentences else ""


@pytest.fixture
def place(qtbot):
    place = Place()
    place.show()
    yield place
    if not sip.isdeleted(place):
        place.close()
        place.deleteLater()


@pytest.fixture
def layer():
    """In the project: three boxes, the first of them accepted."""
    layer = proposals(3)
    QgsProject.instance().addMapLayer(layer)
    Review(layer).accept([next(layer.getFeatures()).id()])
    yield layer
    QgsProject.instance().clear()


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


def choose_file(qtbot, place, path):
    dialog = place.findChild(QFileDialog, "LSpaceSaveDialog")
    qtbot.waitUntil(dialog.isVisible, timeout=20_000)
    dialog.fileSelected.emit(str(path))
    dialog.close()
    qtbot.waitUntil(lambda: place.findChild(QFileDialog, "LSpaceSaveDialog") is None, timeout=20_000)


def save(qtbot, place, layer, export_format, path, status=None):
    place.start(layer, export_format, status)
    choose_file(qtbot, place, path)


def count(path):
    source = ogr.Open(str(path))
    return source.GetLayer(0).GetFeatureCount()


@pytest.mark.parametrize("file_format", ExportFormat)
@pytest.mark.parametrize(("status", "boxes"), [(None, 3), (Status.ACCEPTED, 1)])
def test_the_file_is_saved_and_named(qtbot, place, layer, tmp_path, file_format, status, boxes):
    path = (tmp_path / "ships").with_suffix(file_format.extension)
    save(qtbot, place, layer, file_format, path, status)
    qtbot.waitUntil(lambda: place.said.startswith("Saved "), timeout=20_000)
    assert str(path) in place.said
    assert ("3 boxes" if boxes == 3 else "one box") in place.said
    assert count(path) == boxes
    assert layer.isModified()


def test_the_dialog_says_which_boxes_it_saves(qtbot, place, layer):
    titles = []
    for status in (None, Status.ACCEPTED):
        place.start(layer, ExportFormat.SHAPEFILE, status)
        dialog = place.findChild(QFileDialog, "LSpaceSaveDialog")
        titles.append(dialog.windowTitle())
        dialog.close()
        qtbot.waitUntil(lambda: place.findChild(QFileDialog, "LSpaceSaveDialog") is None, timeout=20_000)
    assert titles == ["Save all boxes as Shapefile", "Save accepted boxes as Shapefile"]


def test_where_nothing_is_accepted_yet_no_file_is_asked_for(qtbot, place, layer):
    assert layer.rollBack()
    place.start(layer, ExportFormat.SHAPEFILE, Status.ACCEPTED)
    assert place.said == "Not saved. No proposal is accepted yet. Accept some first, or save all."
    qtbot.waitUntil(lambda: place.findChild(QFileDialog, "LSpaceSaveDialog") is None, timeout=20_000)
    assert not place.saving.is_saving


def test_a_decision_taken_back_while_the_dialog_is_open_leaves_no_file(qtbot, place, layer, tmp_path):
    place.start(layer, ExportFormat.SHAPEFILE, Status.ACCEPTED)
    assert layer.rollBack()
    choose_file(qtbot, place, tmp_path / "ships.shp")
    assert "No proposal is accepted yet" in place.said
    assert list(tmp_path.iterdir()) == []


def test_while_it_is_saved_it_says_so_and_the_file_is_written_elsewhere(qtbot, place, layer, tmp_path, held):
    path = tmp_path / "ships.shp"
    save(qtbot, place, layer, ExportFormat.SHAPEFILE, path)
    assert place.said == f"Saving {path} ..."
    assert place.saving.is_saving
    qtbot.waitUntil(held.arrived.is_set, timeout=20_000)
    assert held.thread != threading.get_ident()
    held.goes_on.set()
    qtbot.waitUntil(lambda: "Saved 3 boxes" in place.said, timeout=20_000)
    assert not place.saving.is_saving


def test_saving_over_a_file_asks_first_and_no_leaves_it(qtbot, place, layer, tmp_path):
    path = tmp_path / "ships.shp"
    save(qtbot, place, layer, ExportFormat.SHAPEFILE, path, Status.ACCEPTED)
    qtbot.waitUntil(lambda: "Saved one box" in place.said, timeout=20_000)
    before = path.read_bytes()
    for answer in (QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes):
        path.write_bytes(before + b"marked")
        save(qtbot, place, layer, ExportFormat.SHAPEFILE, path, Status.ACCEPTED)
        (question,) = [box for box in place.findChildren(QMessageBox) if box.isVisible()]
        question.button(answer).click()
        no_task_left(qtbot)
        replaced = answer == QMessageBox.StandardButton.Yes
        assert (path.read_bytes() == before) is replaced


def test_a_file_that_appears_while_saving_is_asked_about_too(qtbot, place, layer, tmp_path, held):
    path = tmp_path / "ships.geojson"
    save(qtbot, place, layer, ExportFormat.GEOJSON, path)
    path.write_text("theirs")
    held.goes_on.set()
    qtbot.waitUntil(lambda: place.findChild(QMessageBox) is not None, timeout=20_000)
    assert path.read_text() == "theirs"
    place.findChild(QMessageBox).button(QMessageBox.StandardButton.Yes).click()
    qtbot.waitUntil(lambda: "Saved 3 boxes" in place.said, timeout=20_000)
    assert count(path) == 3


def test_a_full_disk_is_a_sentence(qtbot, place, layer, tmp_path):
    with files_limited_to(3_000):
        save(qtbot, place, layer, ExportFormat.GEOPACKAGE, tmp_path / "ships.gpkg")
        qtbot.waitUntil(lambda: "Not saved." in place.said, timeout=20_000)
    assert "no room left" in place.said
    assert list(tmp_path.iterdir()) == []


def test_cancelled_in_the_task_list_of_qgis(qtbot, place, layer, tmp_path):
    save(qtbot, place, layer, ExportFormat.GEOPACKAGE, tmp_path / "ships.gpkg")
    QgsApplication.taskManager().cancelAll()
    qtbot.waitUntil(lambda: not place.said.startswith("Saving"), timeout=20_000)
    saved = "Saved" in place.said  # it may have been too late
    assert saved or "cancelled" in place.said
    assert [path.name for path in tmp_path.iterdir()] == ["ships.gpkg"] * saved


def test_a_layer_that_is_deleted_while_it_is_saved_is_saved(qtbot, place, layer, tmp_path, held):
    save(qtbot, place, layer, ExportFormat.SHAPEFILE, tmp_path / "ships.shp")
    QgsProject.instance().removeMapLayer(layer)
    held.goes_on.set()
    qtbot.waitUntil(lambda: "Saved 3 boxes" in place.said, timeout=20_000)
    assert count(tmp_path / "ships.shp") == 3


@pytest.mark.parametrize("status", [None, Status.ACCEPTED])
def test_a_layer_that_is_gone_cannot_be_saved(qtbot, place, layer, tmp_path, status):
    place.start(layer, ExportFormat.SHAPEFILE, status)
    QgsProject.instance().removeMapLayer(layer)
    choose_file(qtbot, place, tmp_path / "ships.shp")
    assert "no longer in the project" in place.said
    assert list(tmp_path.iterdir()) == []


def test_a_window_that_goes_while_saving_leaves_the_file_and_nothing_else(
    qtbot, place, layer, tmp_path, held
):
    save(qtbot, place, layer, ExportFormat.GEOJSON, tmp_path / "ships.geojson")
    qtbot.waitUntil(held.arrived.is_set, timeout=20_000)
    place.deleteLater()
    QCoreApplication.sendPostedEvents(place, QEvent.Type.DeferredDelete)
    held.goes_on.set()
    no_task_left(qtbot)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".geojson", ".qmd", ".qml"]
    assert count(tmp_path / "ships.geojson") == 3
