"""The dock as a whole, by clicks: one question from the area to the answer, and what it says of its state."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("qgis.core")

from clicks import choose_task, click, drag, run_to_the_end, tasks_of
from log_reading import text_of
from lspace.gis.runs.run_progress import RunOutcome
from lspace.gis.saved_aoi import AoiSource
from lspace.gis.settings import Settings
from qgis.core import QgsProject
from qgis.gui import QgsRubberBand
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

MINI_CLASSES = ("water", "tree cover", "built areas")


def choose_model(window, model):
    replace(Settings.load(), model=model).save()
    window.controller.refresh_state()


def look_for_vessels(window):
    choose_task(window, "vessels")


def answer_of(window):
    return text_of(window.dock.conversation_panel)


def bands(canvas):
    """Outlines that can be seen on the map."""
    items = canvas.scene().items()
    return [item for item in items if isinstance(item, QgsRubberBand) and item.numberOfVertices()]


def test_a_click_on_run_writes_the_caption_and_ends_ready_for_the_next(qtbot, make_window):
    window = make_window()
    end = run_to_the_end(qtbot, window)
    assert end.outcome is RunOutcome.FINISHED
    assert "This picture shows 3 bright targets." in answer_of(window)
    panel = window.dock.run_panel
    assert panel.run_button.isEnabled()
    assert not panel.cancel_button.isEnabled()
    assert not panel.progress_bar.isVisible()
    assert window.dock.review_panel.layer() is None
    assert "bright-targets" in window.dock.state_label.text()


def test_control_and_return_run_from_anywhere_in_the_dock(qtbot, make_window):
    window = make_window()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=20_000)
    window.dock.task_panel.task_combo.setFocus()
    QTest.keyClick(window.dock.task_panel.task_combo, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: len(window.ends) == 1, timeout=30000)
    assert window.ends[0].outcome is RunOutcome.FINISHED


def test_boxes_come_on_the_map_under_review_and_are_counted_in_the_tab(qtbot, make_window):
    window = make_window()
    look_for_vessels(window)
    end = run_to_the_end(qtbot, window)
    assert end.boxes == 3
    assert "3 boxes on the map" in answer_of(window)
    assert window.dock.review_panel.layer() is end.proposals
    assert window.dock.tabs.tabText(1) == "Proposals (3)"


@pytest.mark.parametrize("task", ["ground", "words", "question"])
def test_a_task_without_its_words_says_so_and_runs_nothing(make_window, task):
    window = make_window()
    choose_task(window, task)
    click(window.dock.run_panel.run_button)
    expected = {"ground": "Tick a class", "words": "Write what to look for", "question": "Write a question"}
    assert window.dock.told_label.text().startswith(expected[task])
    assert not window.runner.is_busy


@pytest.mark.parametrize("rotation", [0.0, 30.0])
def test_the_image_is_of_the_dragged_rectangle_also_on_a_turned_map(qtbot, make_window, rotation):
    window = make_window(rotation=rotation)
    click(window.dock.aoi_panel.drawing.rectangle_button)
    drag(window.canvas, (300, 200), (500, 300))
    assert window.dock.aoi_panel.source() is AoiSource.DRAWN
    end = run_to_the_end(qtbot, window)
    (footprint,) = end.footprints.getFeatures()
    screen = window.canvas.mapSettings().mapToPixel()
    pixels = [screen.transform(p.x(), p.y()) for p in footprint.geometry().vertices()]
    columns, rows = [p.x() for p in pixels], [p.y() for p in pixels]
    assert (min(columns), max(columns), min(rows), max(rows)) == pytest.approx((300, 500, 200, 300), abs=0.5)


def test_cancel_ends_the_run_and_keeps_the_text(qtbot, make_window):
    window = make_window(token_s="0.2")
    click(window.dock.run_panel.run_button)
    qtbot.waitUntil(lambda: "This pic" in answer_of(window), timeout=20000)
    click(window.dock.run_panel.cancel_button)
    qtbot.waitUntil(lambda: bool(window.ends), timeout=20_000)
    assert window.ends[0].outcome is RunOutcome.CANCELLED
    assert "Cancelled" in answer_of(window)
    assert "This pic" in answer_of(window)


def test_without_a_python_the_dock_says_so_and_leads_to_the_options(make_window):
    window = make_window()
    Settings().save()
    window.controller.refresh_state()
    assert "Python" in window.dock.state_label.text()
    click(window.dock.advice_button)
    click(window.dock.options_button)
    assert window.options_opened == [True, True]


def test_an_empty_map_is_explained(qtbot, make_window):
    window = make_window()
    window.canvas.setLayers([])
    end = run_to_the_end(qtbot, window)
    assert end.outcome is RunOutcome.FAILED
    assert "No layer shows anything here" in window.dock.conversation_panel.note_label.text()
    assert window.controller.conversation.exchanges == ()


def test_the_dock_offers_what_the_chosen_model_knows_and_changes_with_it(make_window):
    window = make_window()
    dock = window.dock
    everything = "caption ground focus words vessels wildfire flood transition brief question"
    assert tasks_of(dock) == everything.split()
    choose_task(window, "ground")
    assert len(dock.task_panel.classes.boxes) == 9
    choose_model(window, "")
    assert tasks_of(dock) == ["caption", "ground", "vessels"]
    assert dock.task_panel.task().name == "ground"
    assert tuple(dock.task_panel.classes.boxes) == MINI_CLASSES
    choose_model(window, "NuTonic/lspace")
    assert len(dock.task_panel.classes.boxes) == 9


def test_ticks_stay_where_the_class_does(make_window):
    window = make_window()
    choose_task(window, "ground")
    classes = window.dock.task_panel.classes
    for name in ("water", "cropland"):
        click(classes.boxes[name])
    choose_model(window, "")
    assert classes.chosen() == ("water",)


def test_free_questions_are_refused_with_the_reason_where_the_model_takes_none(make_window):
    window = make_window()
    panel = window.dock.conversation_panel
    assert panel.question_edit.isEnabled()
    choose_model(window, "")
    assert not panel.question_edit.isEnabled()
    assert "lspace-mini answers no free questions" in panel.question_edit.placeholderText()


def test_the_embedded_model_is_said_to_be_for_demonstration_until_another_is_chosen(make_window):
    window = make_window()
    choose_model(window, "")
    assert "lspace-mini: " in window.dock.state_label.text()
    assert "not for analysis" in window.dock.state_label.text()
    choose_model(window, "NuTonic/lspace")
    assert "not for analysis" not in window.dock.state_label.text()


def test_a_model_of_another_kind_than_the_dock_showed_is_a_sentence(qtbot, make_window):
    window = make_window()
    choose_model(window, "")
    end = run_to_the_end(qtbot, window)
    assert end.outcome is RunOutcome.FAILED
    note = window.dock.conversation_panel.note_label.text()
    assert "kind lspace, and the pictures were made for lspace-mini" in note
    assert "not for analysis" in window.dock.state_label.text()


def test_a_folder_whose_model_was_replaced_is_noticed_when_run_is_clicked(make_window, tmp_path):
    config = tmp_path / "config.json"
    config.write_text('{"model_type": "lfm2_vl"}')
    window = make_window()
    choose_model(window, str(tmp_path))
    choose_task(window, "ground")
    click(window.dock.task_panel.classes.boxes["cropland"])
    config.write_text('{"model_type": "lfm2_vl", "lspace_contract": "lspace-mini"}')
    click(window.dock.run_panel.run_button)
    assert tuple(window.dock.task_panel.classes.boxes) == MINI_CLASSES
    assert "Tick a class" in window.dock.told_label.text()
    assert not window.runner.is_busy


def test_a_run_goes_on_as_it_began_while_another_model_is_chosen(qtbot, make_window):
    window = make_window()
    click(window.dock.run_panel.run_button)
    choose_model(window, "")
    qtbot.waitUntil(lambda: bool(window.ends), timeout=30000)
    assert window.ends[0].outcome is RunOutcome.FINISHED
    assert "This picture shows 3 bright targets." in answer_of(window)
    assert window.dock.state_label.text().startswith("lspace-mini: loads")


@pytest.mark.parametrize("model", ["", "NuTonic/lspace"])
def test_the_dock_can_be_used_at_320_pixels(make_window, model):
    window = make_window()
    choose_model(window, model)
    for task in tasks_of(window.dock):
        choose_task(window, task)
        assert window.dock.minimumSizeHint().width() <= 320


def test_in_a_low_and_narrow_dock_no_sentence_is_cut_off_and_run_stays_in_sight(qtbot, make_window):
    window = make_window()
    dock = window.dock
    dock.tell("A long sentence about what came of something. " * 5)
    dock.show_state("A long sentence about the model and why it runs as it does. " * 5)
    window.resize(1300, 700)
    window.resizeDocks([dock], [320], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: dock.width() == 320)
    qtbot.wait(100)  # the height is shared when the panels know theirs
    for label in (dock.told_label, dock.state_label, dock.task_panel.hint_label, dock.aoi_panel.size_label):
        assert label.height() >= label.heightForWidth(label.width())
    for button in (dock.run_panel.run_button, dock.options_button):
        assert not button.visibleRegion().isEmpty()


def test_each_tab_gets_the_height_it_needs_before_the_form_does(qtbot, make_window):
    window = make_window()
    window.resize(1300, 800)
    dock = window.dock
    for panel in (dock.conversation_panel, dock.review_panel, dock.report_panel):
        dock.show_panel(panel)
        qtbot.waitUntil(lambda panel=panel: panel.height() >= panel.minimumSizeHint().height())
        assert not panel.visibleRegion().isEmpty()


def test_the_dock_says_after_a_restart_what_it_said_before(make_window):
    window = make_window()
    choose_task(window, "ground")
    click(window.dock.task_panel.classes.boxes["cropland"])
    click(window.dock.task_panel.clip_box)
    window.dock.show_panel(window.dock.report_panel)
    window.controller.shut_down()
    again = make_window()
    asked = again.dock.task_panel.asked()
    assert (asked.task, asked.targets, asked.clip) == ("ground", ("cropland",), True)
    assert again.dock.shown_panel() is again.dock.report_panel


def test_the_window_is_clean_after_a_shut_down(qtbot, make_window):
    window = make_window()
    click(window.dock.aoi_panel.drawing.rectangle_button)
    drag(window.canvas, (300, 200), (500, 300))
    look_for_vessels(window)
    run_to_the_end(qtbot, window)
    process_id = window.runner.worker_process_id
    assert process_id
    window.controller.shut_down()
    assert bands(window.canvas) == []
    assert window.runner.worker_process_id is None
    assert len(QgsProject.instance().mapLayers()) == 3  # results stay
