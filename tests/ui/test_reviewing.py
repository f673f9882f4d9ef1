"""Proposals in step with map and conversation, and what can be done with them, through the dock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from clicks import choose_task, click, ends_after, run_to_the_end
from log_reading import click_words, text_of
from lspace.gis.layers import Status
from lspace.gis.saving.export_format import ExportFormat
from osgeo import ogr
from qgis.core import QgsProject
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QFileDialog, QPushButton


@pytest.fixture
def reviewed(qtbot, make_window):
    """A window with three proposals under review."""
    window = make_window()
    choose_task(window, "vessels")
    window.end = run_to_the_end(qtbot, window)
    window.dock.show_panel(window.dock.review_panel)
    window.panel = window.dock.review_panel
    qtbot.waitUntil(lambda: window.panel.table.model().rowCount() == 3, timeout=20_000)
    return window


def press(window, key):
    window.panel.table.setFocus()
    QTest.keyClick(window.panel.table, key)


def values(window, name):
    return [feature[name] for feature in window.end.proposals.getFeatures()]


def choose_file(qtbot, window, path):
    dialog = window.dock.findChild(QFileDialog, "LSpaceSaveDialog")
    qtbot.waitUntil(dialog.isVisible, timeout=20_000)
    dialog.fileSelected.emit(str(path))
    dialog.close()


def test_accepted_proposals_alone_are_saved(qtbot, reviewed, tmp_path):
    press(reviewed, Qt.Key.Key_A)
    press(reviewed, Qt.Key.Key_R)
    assert sorted(values(reviewed, "status")) == ["accepted", "pending", "rejected"]
    reviewed.panel.save_requested.emit(reviewed.end.proposals, ExportFormat.SHAPEFILE, Status.ACCEPTED)
    choose_file(qtbot, reviewed, tmp_path / "ships.shp")
    qtbot.waitUntil(lambda: "Saved one box" in reviewed.dock.told_label.text(), timeout=20_000)
    source = ogr.Open(str(tmp_path / "ships.shp"))
    features = list(source.GetLayer(0))
    assert [feature["status"] for feature in features] == ["accepted"]


def test_a_label_clicked_in_the_report_selects_its_boxes_and_back(qtbot, reviewed):
    layer = reviewed.end.proposals
    layer.removeSelection()
    reviewed.dock.show_panel(reviewed.dock.conversation_panel)
    click_words(reviewed.dock.conversation_panel, "vessel candidate")
    assert layer.selectedFeatureCount() == 3
    reviewed.dock.conversation_panel.highlight_label("")
    reviewed.panel.label_selected.emit("vessel candidate")
    marks = reviewed.dock.conversation_panel.log.extraSelections()
    assert "vessel candidate" in {mark.cursor.selectedText() for mark in marks}


def test_reshape_hands_the_proposal_to_the_tools_of_qgis(reviewed):
    press(reviewed, Qt.Key.Key_E)
    ((layer, fid),) = reviewed.reshaped
    assert layer is reviewed.end.proposals
    assert fid in {feature.id() for feature in layer.getFeatures()}
    assert layer.isEditable()


def test_a_steady_model_agrees_with_itself_and_keeps_its_scores(qtbot, reviewed):
    scores = values(reviewed, "score")
    panel = reviewed.controller.reviewing.agreement_panel
    panel.parentWidget().setCollapsed(False)
    end = ends_after(qtbot, reviewed, lambda: click(panel.button))
    assert end.views == 5
    assert values(reviewed, "agreement") == [1.0, 1.0, 1.0]
    assert values(reviewed, "agree_n") == [5, 5, 5]
    assert values(reviewed, "score") == scores
    assert panel.result_label.text() == "3 proposals asked about in 5 views."
    reviewed.end.proposals.undoStack().undo()
    assert not any(isinstance(value, float) for value in values(reviewed, "agreement"))


def test_agreement_says_so_where_the_images_are_gone(qtbot, reviewed):
    reviewed.controller.conversation.clear()
    panel = reviewed.controller.reviewing.agreement_panel
    panel.parentWidget().setCollapsed(False)
    click(panel.button)
    assert "no longer there" in panel.result_label.text()


def test_what_was_reviewed_becomes_training_rows(qtbot, reviewed, tmp_path):
    for key in (Qt.Key.Key_A, Qt.Key.Key_A, Qt.Key.Key_R):
        press(reviewed, key)
    reviewed.panel.save_button.menu().actions()[-1].trigger()
    click(reviewed.dock.findChild(QPushButton, "LSpaceRowsChoose"))
    qtbot.waitUntil(lambda: bool(folder_dialogs(reviewed)), timeout=20_000)
    (dialog,) = folder_dialogs(reviewed)
    dialog.fileSelected.emit(str(tmp_path))
    dialog.close()
    qtbot.waitUntil((tmp_path / "rows.jsonl").exists, timeout=20_000)
    (row,) = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    *_, question, answer = row["messages"]
    assert question["content"][-1]["text"].startswith("Locate potential vessel candidates")
    boxes = json.loads(answer["content"][-1]["text"])
    assert [box["label"] for box in boxes] == ["vessel_candidate", "vessel_candidate"]
    assert (Path(tmp_path) / question["content"][0]["image"]).exists()


def folder_dialogs(window):
    return [dialog for dialog in window.dock.findChildren(QFileDialog) if dialog.isVisible()]


def test_the_report_follows_the_review(qtbot, reviewed):
    press(reviewed, Qt.Key.Key_A)
    reviewed.dock.show_panel(reviewed.dock.report_panel)
    preview = reviewed.dock.report_panel.preview
    qtbot.waitUntil(lambda: "vessel candidate" in preview.toPlainText(), timeout=20_000)
    text = preview.toPlainText()
    assert "not ground truth" in text
    assert "Detected 3 potential vessel candidate region(s)" in text
    assert reviewed.end.run.revision in text


def test_a_second_run_puts_its_own_layer_under_review(qtbot, reviewed):
    second = run_to_the_end(qtbot, reviewed)
    assert second.proposals is not reviewed.end.proposals
    assert reviewed.panel.layer() is second.proposals
    QgsProject.instance().removeMapLayer(second.proposals.id())
    assert reviewed.panel.layer() is reviewed.end.proposals
    assert "3 boxes on the map" in text_of(reviewed.dock.conversation_panel)


def test_a_second_file_waits_for_the_first(qtbot, reviewed, tmp_path):
    press(reviewed, Qt.Key.Key_A)
    layer = reviewed.end.proposals
    reviewed.panel.save_requested.emit(layer, ExportFormat.GEOPACKAGE, None)
    choose_file(qtbot, reviewed, tmp_path / "one.gpkg")
    reviewed.panel.save_requested.emit(layer, ExportFormat.GEOJSON, None)
    assert "still being saved" in reviewed.dock.told_label.text()
    qtbot.waitUntil(lambda: "Saved 3 boxes" in reviewed.dock.told_label.text(), timeout=20_000)
