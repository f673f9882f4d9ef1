"""Asking through the dock, by clicks: pairs, reports, further questions, and what the project keeps."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from clicks import choose_task, click, ends_after, run_to_the_end
from log_reading import click_words, text_of
from lspace.gis.provenance import read_run
from lspace.gis.runs.run_progress import RunOutcome
from qgis.core import QgsProject
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest


def capture_before(window):
    """Freezes the map without its targets as the image before; afterwards the map shows them again."""
    window.canvas.setLayers(window.layers[1:])
    click(window.dock.images_panel.slots[0].capture_button)
    window.canvas.setLayers(window.layers)


def pair(window, task="flood"):
    choose_task(window, task)
    capture_before(window)


def ask_about_the_image(window, question):
    edit = window.dock.conversation_panel.question_edit
    edit.setFocus()
    QTest.keyClicks(edit, question)
    QTest.keyClick(edit, Qt.Key.Key_Return)


def log_of(window):
    return text_of(window.dock.conversation_panel)


def overlap(features, squares):
    """For each planted square, how well the best box covers it (IoU)."""
    shapes = [feature.geometry() for feature in features]
    return [
        max(shape.intersection(square).area() / shape.combine(square).area() for shape in shapes)
        for square in squares
    ]


@pytest.mark.parametrize("task", ["wildfire", "flood", "transition"])
def test_a_pair_is_reported_on_and_what_changed_is_boxed_where_it_lies(qtbot, make_window, task):
    window = make_window()
    pair(window, task)
    end = run_to_the_end(qtbot, window)
    assert [answer.task for answer in end.answers] == [f"{task}_report", task]
    assert end.boxes == 3
    assert min(overlap(end.proposals.getFeatures(), window.squares)) > 0.5
    run = read_run(end.proposals)
    assert run.images == 2
    assert [chip.sources for chip in run.chips] == [("harbour",), ("targets", "harbour")]
    assert run.chips[0].transform == run.chips[1].transform
    assert next(end.proposals.getFeatures())["label"].startswith("possible ")


def test_dates_of_the_images_stand_in_the_prompt(qtbot, make_window):
    window = make_window()
    pair(window)
    for slot, date in zip(window.dock.images_panel.slots, ("2022-06-01", "2022-07-15")):
        slot.date_edit.setText(date)
        slot.date_edit.editingFinished.emit()
    end = run_to_the_end(qtbot, window)
    assert "(2022-06-01 baseline and 2022-07-15 flood period)" in end.answers[0].prompt
    assert all(answer.trained for answer in end.answers)


def test_a_report_that_finds_nothing_is_the_result_and_no_boxes_are_asked_for(qtbot, make_window):
    window = make_window()
    window.canvas.setLayers(window.layers[1:])
    choose_task(window, "vessels")
    end = run_to_the_end(qtbot, window)
    assert end.outcome is RunOutcome.FINISHED
    assert [(answer.task, answer.negative) for answer in end.answers] == [("vessels_report", True)]
    assert end.proposals is None
    assert "No strong vessel candidate regions" in log_of(window)
    assert "The report found nothing clear, so no boxes were asked for." in log_of(window)


def test_boxes_can_be_asked_for_all_the_same(qtbot, make_window):
    window = make_window()
    window.canvas.setLayers(window.layers[1:])
    choose_task(window, "vessels")
    run_to_the_end(qtbot, window)
    end = ends_after(qtbot, window, lambda: click_words(window.dock.conversation_panel, "ask anyway"))
    assert [answer.task for answer in end.answers] == ["vessels_report", "vessels"]
    assert end.outcome is RunOutcome.NOTHING_FOUND


def test_a_further_question_is_about_the_same_image_wherever_the_map_is(qtbot, make_window):
    window = make_window()
    first = run_to_the_end(qtbot, window)
    window.canvas.setLayers(window.layers[1:])
    window.canvas.zoomByFactor(4)
    end = ends_after(qtbot, window, lambda: ask_about_the_image(window, "How many?"))
    assert end.caption == "How many? Of 1 images, the last shows 3 bright targets."
    assert end.run.chips[0].chip_id == first.run.chips[0].chip_id
    assert not end.answers[0].trained


def test_the_same_can_be_asked_again(qtbot, make_window):
    window = make_window()
    choose_task(window, "focus")
    click(window.dock.task_panel.classes.boxes["water"])
    first = run_to_the_end(qtbot, window)
    window.canvas.setLayers([])
    second = ends_after(qtbot, window, lambda: click_words(window.dock.conversation_panel, "again"))
    assert second.answers == first.answers
    assert second.answers[0].target == "water"
    assert len(window.controller.conversation.exchanges) == 2


def test_own_wording_is_asked_and_said_to_be_untrained(qtbot, make_window):
    window = make_window()
    prompts = window.dock.task_panel.prompts
    assert prompts.note.text() == "Trained wording."
    prompts.show_wordings({"caption": "What is here?"})
    assert prompts.note.text().startswith("Your own wording")
    end = run_to_the_end(qtbot, window)
    assert end.answers[0].prompt == "What is here?"
    assert not end.answers[0].trained
    prompts.reset()
    assert run_to_the_end(qtbot, window).answers[0].trained


def test_a_brief_is_about_all_its_images(qtbot, make_window):
    window = make_window()
    choose_task(window, "brief")
    capture_before(window)
    click(window.dock.images_panel.add_button)
    end = run_to_the_end(qtbot, window)
    assert end.caption == "Executive summary: 2 images, 3 bright targets in the last one."


def test_the_conversation_comes_back_with_the_project_and_goes_on(qtbot, make_window, tmp_path):
    window = make_window()
    run_to_the_end(qtbot, window)
    project = QgsProject.instance()
    path = str(tmp_path / "harbour.qgz")
    assert project.write(path)
    project.clear()
    assert window.controller.conversation.exchanges == ()
    assert "bright targets" not in log_of(window)
    assert project.read(path)
    assert "This picture shows 3 bright targets." in log_of(window)
    end = ends_after(qtbot, window, lambda: ask_about_the_image(window, "How many?"))
    assert end.caption == "How many? Of 1 images, the last shows 3 bright targets."


def test_a_click_on_zoom_takes_the_map_back_to_the_area(qtbot, make_window):
    window = make_window()
    run_to_the_end(qtbot, window)
    area = window.controller.conversation.last.aoi.polygon.boundingBox()
    window.canvas.zoomByFactor(0.2)
    assert not window.canvas.extent().contains(area)
    click_words(window.dock.conversation_panel, "zoom")
    assert window.canvas.extent().contains(area)


def test_a_second_question_waits_for_the_first(qtbot, make_window):
    window = make_window(token_s="0.1")
    click(window.dock.run_panel.run_button)
    qtbot.waitUntil(lambda: window.runner.is_busy, timeout=20_000)
    window.controller.asking.run()
    assert "Wait for it" in window.dock.told_label.text()
    qtbot.waitUntil(lambda: len(window.ends) == 1, timeout=30000)
