"""What an analyst may do at the wrong moment: the dock goes on, and says what became of it."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from clicks import choose_file, choose_task, click, ends_after, run_to_the_end
from exchanges import answer, exchange
from log_reading import click_words, text_of
from lspace.gis.layers import is_result_layer
from lspace.gis.runs.run_progress import RunOutcome
from lspace.gis.saved_aoi import AoiSource
from planted import crs_of, harbour_layer, target_layer, transformed, view_of
from qgis.core import QgsProject
from qgis.PyQt import sip
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

SLOW_S = "0.03"
"""A token, so that there is a middle of a run."""


def project():
    return QgsProject.instance()


def begin(qtbot, window):
    """A run that has put a box on the map and goes on; returns the layer with the box."""
    boxes = []
    window.runner.box_arrived.connect(boxes.append)
    choose_task(window, "vessels")
    click(window.dock.run_panel.run_button)
    qtbot.waitUntil(lambda: bool(boxes), timeout=20_000)
    return boxes[0]


def end_of(qtbot, window):
    qtbot.waitUntil(lambda: bool(window.ends), timeout=20_000)
    return window.ends[-1]


def proposed(qtbot, window):
    """The layer of a run that is over, under review."""
    choose_task(window, "vessels")
    end = run_to_the_end(qtbot, window)
    window.dock.show_panel(window.dock.review_panel)
    qtbot.waitUntil(lambda: window.dock.review_panel.table.model().rowCount() == end.boxes)
    return end.proposals


def log_of(window):
    return text_of(window.dock.conversation_panel)


def note_of(window):
    return window.dock.conversation_panel.note_label.text()


def result_layers():
    return [layer.name() for layer in project().mapLayers().values() if is_result_layer(layer)]


def counts_of(window):
    return window.dock.review_panel.counts_label.text()


def press(window, *keys):
    table = window.dock.review_panel.table
    table.setFocus()
    for key in keys:
        QTest.keyClick(table, key)


@pytest.mark.parametrize("reads", [False, True], ids=["new", "opened"])
def test_another_project_gets_nothing_of_the_run_that_it_interrupts(qtbot, make_window, tmp_path, reads):
    window = make_window(token_s=SLOW_S)
    path = str(tmp_path / "other.qgz")
    assert project().write(path)
    begin(qtbot, window)
    if reads:
        assert project().read(path)
    else:
        project().clear()
    assert end_of(qtbot, window).outcome is RunOutcome.CANCELLED
    assert note_of(window) == "Cancelled. The project was closed before the answer was complete."
    assert window.controller.conversation.exchanges == ()
    assert result_layers() == []
    qtbot.wait(200)  # what the worker still writes is of no use
    assert len(window.ends) == 1
    assert window.dock.run_panel.run_button.isEnabled()


def test_a_run_whose_boxes_are_removed_is_given_up_and_the_next_one_works(qtbot, make_window):
    window = make_window(token_s=SLOW_S)
    project().removeMapLayer(begin(qtbot, window).id())
    end = end_of(qtbot, window)
    assert (end.outcome, end.proposals, end.boxes) == (RunOutcome.FAILED, None, 0)
    assert "A layer of this question was removed while it was being filled" in log_of(window)
    assert "Detected 3 potential vessel candidate region(s)" in log_of(window)
    assert run_to_the_end(qtbot, window).boxes == 3


def test_proposals_removed_while_they_are_asked_about_again_are_missed_in_a_sentence(qtbot, make_window):
    window = make_window(token_s=SLOW_S)
    layer = proposed(qtbot, window)
    agreement = window.controller.reviewing.agreement_panel
    agreement.parentWidget().setCollapsed(False)
    click(agreement.button)
    project().removeMapLayer(layer.id())
    qtbot.waitUntil(lambda: len(window.ends) == 2, timeout=30_000)
    assert "no longer in the project" in window.dock.told_label.text()


def test_without_its_layer_the_review_is_empty_and_no_key_does_harm(qtbot, make_window):
    window = make_window()
    layer = proposed(qtbot, window)
    press(window, Qt.Key.Key_A)
    project().removeMapLayer(layer.id())
    keys = Qt.Key
    press(window, keys.Key_A, keys.Key_R, keys.Key_N, keys.Key_E, keys.Key_U, keys.Key_Z, keys.Key_L)
    panel = window.dock.review_panel
    QTest.keyClick(panel, keys.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert (panel.layer(), panel.table.model().rowCount()) == (None, 0)
    assert window.dock.tabs.tabText(1) == "Proposals"
    window.dock.show_panel(window.dock.conversation_panel)
    click_words(window.dock.conversation_panel, "vessel candidate")
    assert "no boxes" in window.dock.told_label.text()


def test_review_goes_on_after_the_layers_edits_were_saved_or_thrown_away(qtbot, make_window):
    window = make_window()
    layer = proposed(qtbot, window)
    press(window, Qt.Key.Key_A)
    assert layer.commitChanges()
    press(window, Qt.Key.Key_R)
    assert layer.commitChanges(False)
    press(window, Qt.Key.Key_A)
    assert sorted(feature["status"] for feature in layer.getFeatures()) == [
        "accepted",
        "accepted",
        "rejected",
    ]
    assert layer.rollBack()
    qtbot.waitUntil(lambda: counts_of(window) == "1 accepted, 1 rejected, 1 to review")
    press(window, Qt.Key.Key_A)
    assert counts_of(window) == "2 accepted, 1 rejected, 0 to review"


def test_a_proposal_deleted_on_the_map_leaves_the_table_and_comes_back_with_an_undo(qtbot, make_window):
    window = make_window()
    layer = proposed(qtbot, window)
    press(window, Qt.Key.Key_A)
    layer.selectByIds(layer.allFeatureIds()[:1])
    assert layer.deleteSelectedFeatures()[0]
    rows = window.dock.review_panel.table.model().rowCount
    qtbot.waitUntil(lambda: rows() == 2)
    assert window.dock.tabs.tabText(1) == "Proposals (2)"
    click(window.dock.review_panel.buttons.undo)
    qtbot.waitUntil(lambda: rows() == 3)
    assert counts_of(window) == "1 accepted, 0 rejected, 2 to review"


def test_imagery_removed_before_and_while_a_preview_is_drawn_is_missed_in_a_sentence(qtbot, make_window):
    window = make_window()
    panel = window.dock.images_panel
    for wait_ms in (0, 405, 415, 430):  # it is drawn after the map has rested for 400
        layer = harbour_layer()
        project().addMapLayer(layer)
        window.canvas.setLayers([layer])
        panel.set_aoi(window.dock.aoi_panel.aoi())
        qtbot.wait(wait_ms)
        project().removeMapLayer(layer.id())
    facts = panel.preview.facts_label
    qtbot.waitUntil(lambda: facts.text().startswith("No layer shows anything here."), timeout=10_000)


def test_boxes_lie_on_their_targets_whatever_the_map_is_turned_to_between_questions(qtbot, make_window):
    window = make_window()
    choose_task(window, "vessels")
    for name, rotation in (("EPSG:32604", 30), ("EPSG:4326", 0), ("EPSG:3413", 117)):
        crs = crs_of(name)
        window.canvas.setDestinationCrs(crs)
        window.canvas.setRotation(rotation)
        window.canvas.setExtent(view_of(window.layers, crs, 900, 800, 4.0).extent())
        asked = run_to_the_end(qtbot, window)
        again = ends_after(qtbot, window, lambda: click_words(window.dock.conversation_panel, "again"))
        for layer in (asked.proposals, again.proposals):
            assert layer.crs() == crs
            boxes = [feature.geometry() for feature in layer.getFeatures()]
            for square in window.squares:
                middle = transformed(square.centroid(), window.crs, crs)
                assert sum(box.contains(middle) for box in boxes) == 1


def test_a_layer_in_another_crs_than_the_map_is_reviewed_where_it_lies(qtbot, make_window):
    window = make_window()
    layer = proposed(qtbot, window)
    window.canvas.setDestinationCrs(crs_of("EPSG:4326"))
    window.canvas.setRotation(45)
    press(window, Qt.Key.Key_N, Qt.Key.Key_Z)
    current = layer.getFeature(window.dock.review_panel.table.current_id()).geometry()
    shown = transformed(current, layer.crs(), crs_of("EPSG:4326")).boundingBox()
    assert window.canvas.extent().contains(shown)
    assert shown.width() > window.canvas.extent().width() / 20


def test_the_area_of_a_removed_layer_does_not_become_that_of_another(qtbot, make_window):
    window = make_window()
    square = target_layer(window.squares[:1], window.crs, name="square")
    project().addMapLayers([square, harbour_layer()])
    panel = window.dock.aoi_panel
    panel.choose_source(AoiSource.EXTENT)
    panel.layer_combo.setLayer(square)
    assert panel.size_label.text().startswith("161 x 160 m")
    project().removeMapLayer(square.id())
    qtbot.waitUntil(lambda: panel.size_label.text().startswith("There is no layer to take the area from"))
    click(window.dock.run_panel.run_button)
    assert window.dock.told_label.text().startswith("There is no layer to take the area from")
    assert not window.runner.is_busy


def test_bands_are_those_of_the_layer_that_the_list_goes_on_to(qtbot, make_window):
    window = make_window()
    first, last = harbour_layer(), harbour_layer()
    project().addMapLayers([first, last])
    first.setName("a first")
    last.setName("z, Sentinel-2 B08")
    bands = window.controller.reviewing.evidence_panel.after_bands
    bands.layer_combo.setLayer(last)
    bands.role_combos["nir"].setCurrentIndex(3)
    project().removeMapLayer(last.id())
    assert bands.layer() is not None
    assert bands.role_combos["nir"].currentData() is None


def test_a_report_whose_project_is_closed_while_its_map_is_drawn_is_not_saved_and_the_next_is(
    qtbot, make_window, tmp_path
):
    window = make_window()
    proposed(qtbot, window)
    panel = window.dock.report_panel
    panel.open_box.setChecked(False)
    window.dock.show_panel(panel)
    qtbot.waitUntil(panel.pdf_button.isEnabled)
    click(panel.pdf_button)
    choose_file(qtbot, window, "LSpaceReportDialog", tmp_path / "gone.pdf")
    project().clear()
    qtbot.waitUntil(lambda: window.dock.told_label.text().startswith("The report is not saved."))
    layers = [target_layer(window.squares, window.crs), harbour_layer()]
    project().addMapLayers(layers)
    window.canvas.setLayers(layers)
    run_to_the_end(qtbot, window)
    window.dock.show_panel(panel)
    qtbot.waitUntil(panel.pdf_button.isEnabled)
    click(panel.pdf_button)
    choose_file(qtbot, window, "LSpaceReportDialog", tmp_path / "there.pdf")
    qtbot.waitUntil(lambda: window.dock.told_label.text().startswith("The report is saved"), timeout=20_000)
    assert [path.name for path in tmp_path.iterdir()] == ["there.pdf"]


def test_cancel_works_at_every_moment_and_run_does_afterwards(qtbot, make_window):
    window = make_window(token_s="0.2")  # no run is over by itself before the last of these moments
    panel = window.dock.run_panel
    for wait_ms in (0, 20, 60, 120, 250, 400):
        click(panel.run_button)
        qtbot.wait(wait_ms)
        assert ends_after(qtbot, window, panel.cancel_button.click).outcome is RunOutcome.CANCELLED
    assert run_to_the_end(qtbot, window).outcome is RunOutcome.FINISHED


def test_a_dock_closed_in_the_middle_of_a_run_gets_its_boxes_all_the_same(qtbot, make_window):
    window = make_window(token_s=SLOW_S)
    begin(qtbot, window)
    window.dock.close()
    assert end_of(qtbot, window).boxes == 3
    window.dock.show()
    assert window.dock.tabs.tabText(1) == "Proposals (3)"


def test_a_shut_down_in_the_middle_of_a_run_ends_it_and_keeps_what_had_arrived(qtbot, make_window):
    window = make_window(token_s=SLOW_S)
    begin(qtbot, window)
    window.controller.shut_down()
    (end,) = window.ends
    assert end.outcome is RunOutcome.CANCELLED
    assert end.proposals.featureCount() == end.boxes >= 1
    assert window.runner.worker_process_id is None


def test_a_map_that_is_deleted_first_does_no_harm(qtbot, make_window):
    window = make_window(token_s=SLOW_S)
    begin(qtbot, window)
    sip.delete(window.canvas)
    window.controller.shut_down()
    project().clear()
    assert window.ends[0].outcome is RunOutcome.CANCELLED


def test_a_conversation_cleared_in_the_middle_of_a_run_keeps_the_answer_to_come(qtbot, make_window):
    window = make_window(token_s=SLOW_S)
    run_to_the_end(qtbot, window)
    window.ends.clear()
    begin(qtbot, window)
    window.controller.conversation.clear()
    end_of(qtbot, window)
    assert len(window.controller.conversation.exchanges) == 1
    assert "3 boxes on the map" in log_of(window)


def test_after_sixty_questions_the_oldest_are_folded_away_and_can_be_seen(qtbot, make_window):
    window = make_window()
    for number in range(59):
        window.controller.conversation.add(exchange(answer(f"This is answer {number}.")))
    run_to_the_end(qtbot, window)
    assert len(window.controller.conversation.exchanges) == 60
    assert "This is answer 19." not in log_of(window)
    assert "This is answer 20." in log_of(window)
    click_words(window.dock.conversation_panel, "Show 20 earlier")
    assert "This is answer 0." in log_of(window)
    assert "This picture shows 3 bright targets." in log_of(window)
    window.dock.show_panel(window.dock.report_panel)
    preview = window.dock.report_panel.preview
    qtbot.waitUntil(lambda: "This is answer 0." in preview.toPlainText(), timeout=10_000)
