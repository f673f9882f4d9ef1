"""Proposals come back with their project, by clicks and keys through the dock."""

from __future__ import annotations

import stat

import pytest

pytest.importorskip("qgis.core")

from clicks import choose_file, choose_task, run_to_the_end
from log_reading import click_words
from lspace.gis.layers import Status
from lspace.gis.saving.export_format import ExportFormat
from osgeo import ogr
from qgis.core import QgsProject
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest


@pytest.fixture
def reviewed(qtbot, make_window):
    """A window with three proposals under review."""
    window = make_window()
    choose_task(window, "vessels")
    window.end = run_to_the_end(qtbot, window)
    begin_review(qtbot, window)
    return window


def begin_review(qtbot, window):
    window.dock.show_panel(window.dock.review_panel)
    table = window.dock.review_panel.table
    qtbot.waitUntil(lambda: table.model().rowCount() == 3, timeout=20_000)


def press(window, key):
    table = window.dock.review_panel.table
    table.setFocus()
    QTest.keyClick(table, key)


def relabel(window, label):
    press(window, Qt.Key.Key_L)
    combo = window.dock.review_panel.relabel_bar.combo
    QTest.keyClicks(combo, label)
    QTest.keyClick(combo, Qt.Key.Key_Return)


def told(window):
    return window.dock.told_label.text()


def facts(layer):
    """What the review decides, by feature id."""
    names = ("status", "label", "orig_label", "score", "reviewer", "reviewed")
    return {each.id(): [each[name] for name in names] for each in layer.getFeatures()}


def reopen(qtbot, window, path):
    """Saves, begins a new project, opens the saved one again; returns the layer of the proposals."""
    layer_id = window.dock.review_panel.layer().id()
    assert QgsProject.instance().write(str(path))
    QgsProject.instance().clear()
    assert window.dock.review_panel.layer() is None
    assert QgsProject.instance().read(str(path))
    begin_review(qtbot, window)
    return QgsProject.instance().mapLayer(layer_id)


def test_a_review_goes_on_where_it_was_when_the_project_was_saved(qtbot, reviewed, tmp_path):
    panel = reviewed.dock.review_panel
    press(reviewed, Qt.Key.Key_A)
    relabel(reviewed, "fishing boat")
    before = facts(panel.layer())
    assert panel.layer().isModified()
    layer = reopen(qtbot, reviewed, tmp_path / "harbour.qgz")
    assert facts(layer) == before
    assert panel.layer() is layer
    assert (panel.counts().accepted, panel.counts().pending) == (1, 2)

    reviewed.dock.show_panel(reviewed.dock.conversation_panel)
    layer.removeSelection()
    click_words(reviewed.dock.conversation_panel, "vessel candidate")
    labels = [layer.getFeature(fid)["label"] for fid in layer.selectedFeatureIds()]
    assert labels == [each[1] for each in before.values() if each[1] == "vessel candidate"]
    assert labels

    begin_review(qtbot, reviewed)
    pending = next(fid for fid, (status, *_) in facts(layer).items() if status == "pending")
    panel.table.go_to(pending)
    press(reviewed, Qt.Key.Key_R)
    assert panel.counts().rejected == 1
    QTest.keyClick(panel.table, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert panel.counts().rejected == 0
    press(reviewed, Qt.Key.Key_A)
    assert panel.counts().accepted == 2


def test_what_came_back_is_saved_as_a_shapefile_and_reported(qtbot, reviewed, tmp_path):
    press(reviewed, Qt.Key.Key_A)
    layer = reopen(qtbot, reviewed, tmp_path / "harbour.qgs")
    panel = reviewed.dock.review_panel
    (accepted,) = [each for each in layer.getFeatures() if each["status"] == "accepted"]
    save = {action.data(): action for action in panel.save_button.menu().actions()}
    save[(ExportFormat.SHAPEFILE, Status.ACCEPTED)].trigger()
    choose_file(qtbot, reviewed, "LSpaceSaveDialog", tmp_path / "ships")
    qtbot.waitUntil(lambda: "Saved one box" in told(reviewed), timeout=20_000)
    source = ogr.Open(str(tmp_path / "ships.shp"))
    (saved,) = source.GetLayer(0)
    assert (saved["label"], saved["status"]) == (accepted["label"], "accepted")

    reviewed.dock.show_panel(reviewed.dock.report_panel)
    report = reviewed.dock.report_panel.preview
    qtbot.waitUntil(lambda: "Accepted: 1" in report.toPlainText(), timeout=20_000)
    assert f"{accepted['area_m2'] / 1e4:.2f} ha" in report.toPlainText()


def test_the_dock_says_where_the_proposals_are_kept(reviewed, tmp_path):
    assert QgsProject.instance().write(str(tmp_path / "harbour.qgz"))
    assert told(reviewed) == "The proposals are saved with the project, in harbour_lspace.gpkg beside it."


def test_decisions_that_wait_in_an_edit_buffer_of_a_file_are_mentioned(qtbot, reviewed, tmp_path):
    layer = reopen(qtbot, reviewed, tmp_path / "harbour.qgz")
    press(reviewed, Qt.Key.Key_A)
    assert QgsProject.instance().write()
    assert (
        told(reviewed) == f"Decisions in {layer.name()} are not in its file yet: save the edits of the layer."
    )


def test_a_geopackage_that_cannot_be_written_is_told_and_the_review_stays(reviewed, tmp_path):
    press(reviewed, Qt.Key.Key_A)
    (tmp_path / "harbour_lspace.gpkg").write_bytes(b"")
    (tmp_path / "harbour_lspace.gpkg").chmod(stat.S_IREAD)
    assert QgsProject.instance().write(str(tmp_path / "harbour.qgz"))
    assert "its proposals are not" in told(reviewed)
    assert "does not allow writing" in told(reviewed)
    assert reviewed.dock.review_panel.counts().accepted == 1


def test_a_project_in_a_database_leaves_its_proposals_in_memory_and_says_so(reviewed, tmp_path):
    ogr.GetDriverByName("GPKG").CreateDataSource(str(tmp_path / "all.gpkg")).CreateLayer("any")
    assert QgsProject.instance().write(f"geopackage:{tmp_path / 'all.gpkg'}?projectName=harbour")
    assert "its proposals are not" in told(reviewed)


def test_saving_a_project_without_proposals_says_nothing(make_window, tmp_path):
    window = make_window()
    assert QgsProject.instance().write(str(tmp_path / "harbour.qgz"))
    assert told(window) == ""
