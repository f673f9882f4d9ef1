"""The dock, by clicks."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.run_progress import RunOutcome
from lspace.gis.settings import Settings
from lspace.model_backend.contract import Target, load_contracts
from lspace.ui.dock import AoiSource
from lspace.ui.rectangle_tool import RectangleTool
from qgis.core import QgsProject
from qgis.gui import QgsMapToolPan, QgsRubberBand
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest

LEFT = Qt.MouseButton.LeftButton


def click(widget):
    assert widget.isVisible()
    assert widget.isEnabled()
    spot = QPoint(10, widget.height() // 2)
    QTest.mouseClick(widget, LEFT, Qt.KeyboardModifier.NoModifier, spot)


def drag(canvas, start, end):
    viewport = canvas.viewport()
    QTest.mousePress(viewport, LEFT, Qt.KeyboardModifier.NoModifier, QPoint(*start))
    QTest.mouseMove(viewport, QPoint(*end))
    QTest.mouseRelease(viewport, LEFT, Qt.KeyboardModifier.NoModifier, QPoint(*end))


def choose_detect(window):
    window.dock.task_combo.setCurrentIndex(window.dock.task_combo.findData("detect"))
    click(window.dock.class_boxes["vessel candidate"])


def choose_model(window, model):
    replace(Settings.load(), model=model).save()
    window.controller.refresh_state()


def tasks_of(dock):
    return [dock.task_combo.itemData(index) for index in range(dock.task_combo.count())]


def run_to_the_end(qtbot, window):
    before = len(window.ends)
    click(window.dock.run_button)
    qtbot.waitUntil(lambda: len(window.ends) > before, timeout=30000)
    return window.ends[-1]


def bands(canvas):
    """Outlines that can be seen on the map."""
    items = canvas.scene().items()
    return [item for item in items if isinstance(item, QgsRubberBand) and item.numberOfVertices()]


def test_a_click_on_run_writes_the_caption_and_ends_ready_for_the_next(qtbot, make_window):
    window = make_window()
    end = run_to_the_end(qtbot, window)
    assert end.outcome is RunOutcome.FINISHED
    assert window.dock.answer_text.toPlainText() == "This picture shows 3 bright targets."
    assert window.dock.run_button.isEnabled()
    assert not window.dock.cancel_button.isEnabled()
    assert not window.dock.progress_bar.isVisible()
    assert not window.dock.save_button.isEnabled()
    assert "bright-targets" in window.dock.state_label.text()


def test_detect_puts_boxes_on_the_map_and_offers_to_save_them(qtbot, make_window):
    window = make_window()
    choose_detect(window)
    end = run_to_the_end(qtbot, window)
    assert end.boxes == 3
    assert "3 boxes" in window.dock.result_label.text()
    assert window.dock.answer_text.toPlainText().startswith('vessel candidate:\n[{"label"')
    assert window.dock.save_button.isEnabled()


def test_detect_without_anything_to_look_for_says_so_and_runs_nothing(make_window):
    window = make_window()
    window.dock.task_combo.setCurrentIndex(window.dock.task_combo.findData("detect"))
    click(window.dock.run_button)
    assert "Tick a class" in window.dock.result_label.text()
    assert not window.runner.is_busy


def test_ticked_classes_come_first_and_own_words_once(make_window):
    dock = make_window().dock
    dock.task_combo.setCurrentIndex(dock.task_combo.findData("detect"))
    click(dock.class_boxes["water"])
    dock.words_edit.setText(" tennis court, water,,tank ")
    assert dock.targets() == ("water", "tennis court", "tank")


@pytest.mark.parametrize("rotation", [0.0, 30.0])
def test_a_dragged_rectangle_is_the_area_also_on_a_turned_map(qtbot, make_window, rotation):
    window = make_window(rotation=rotation)
    click(window.dock.rectangle_button)
    assert isinstance(window.canvas.mapTool(), RectangleTool)
    drag(window.canvas, (300, 200), (500, 300))
    assert window.dock.aoi_source() is AoiSource.RECTANGLE
    assert not window.dock.rectangle_button.isChecked()
    end = run_to_the_end(qtbot, window)
    (footprint,) = end.footprints.getFeatures()
    pixels = [
        window.canvas.mapSettings().mapToPixel().transform(p.x(), p.y())
        for p in footprint.geometry().vertices()
    ]
    columns, rows = [p.x() for p in pixels], [p.y() for p in pixels]
    assert (min(columns), max(columns), min(rows), max(rows)) == pytest.approx((300, 500, 200, 300), abs=0.5)


def test_the_area_is_outlined_while_it_is_in_force(make_window):
    window = make_window()
    assert bands(window.canvas) == []
    click(window.dock.rectangle_button)
    drag(window.canvas, (300, 200), (500, 300))
    assert len(bands(window.canvas)) == 1
    window.dock.choose_aoi_source(AoiSource.VIEW)
    assert bands(window.canvas) == []
    window.dock.choose_aoi_source(AoiSource.RECTANGLE)
    assert len(bands(window.canvas)) == 1


def test_esc_gives_up_drawing_and_brings_back_the_former_tool(make_window):
    window = make_window()
    pan = QgsMapToolPan(window.canvas)
    window.canvas.setMapTool(pan)
    click(window.dock.rectangle_button)
    QTest.mousePress(window.canvas.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, QPoint(300, 200))
    QTest.mouseMove(window.canvas.viewport(), QPoint(400, 300))
    QTest.keyClick(window.canvas, Qt.Key.Key_Escape)
    assert window.canvas.mapTool() is pan
    assert bands(window.canvas) == []
    assert window.dock.aoi_source() is AoiSource.VIEW
    assert not window.dock.rectangle_button.isChecked()


def test_another_tool_ends_drawing(make_window):
    window = make_window()
    click(window.dock.rectangle_button)
    pan = QgsMapToolPan(window.canvas)
    window.canvas.setMapTool(pan)
    assert not window.dock.rectangle_button.isChecked()
    assert window.canvas.mapTool() is pan


def test_a_click_without_a_drag_is_no_area(make_window):
    window = make_window()
    click(window.dock.rectangle_button)
    drag(window.canvas, (300, 200), (302, 201))
    assert window.dock.aoi_source() is AoiSource.VIEW
    assert window.dock.rectangle_button.isChecked()


def test_cancel_ends_the_run_and_keeps_the_text(qtbot, make_window):
    window = make_window(token_s="0.2")
    click(window.dock.run_button)
    qtbot.waitUntil(lambda: bool(window.dock.answer_text.toPlainText()), timeout=20000)
    click(window.dock.cancel_button)
    qtbot.waitUntil(lambda: bool(window.ends), timeout=2000)
    assert window.ends[0].outcome is RunOutcome.CANCELLED
    assert "Cancelled" in window.dock.result_label.text()
    assert "This picture shows".startswith(window.dock.answer_text.toPlainText()[:10])


def test_without_a_python_the_dock_says_so_and_leads_to_the_options(make_window):
    window = make_window()
    Settings().save()
    window.controller.refresh_state()
    assert "Python" in window.dock.state_label.text()
    click(window.dock.advice_button)
    assert window.options_opened == [True]


def test_an_empty_map_is_explained(qtbot, make_window):
    window = make_window()
    window.canvas.setLayers([])
    end = run_to_the_end(qtbot, window)
    assert end.outcome is RunOutcome.FAILED
    assert "No layer shows anything here" in window.dock.result_label.text()


def test_training_grade_tells_the_number_of_squares(make_window):
    window = make_window()
    window.dock.picture_combo.setCurrentIndex(1)
    assert window.dock.raster_layer() is window.layers[1]
    assert window.dock.layer_combo.isVisible()
    assert window.dock.picture_label.text().startswith("1 squares of 5.12 km")


MINI_CLASSES = ["water", "tree cover", "built areas", "vessel candidate"]


def test_the_dock_offers_what_the_chosen_model_knows_and_changes_with_it(qtbot, make_window):
    window = make_window()
    dock = window.dock
    choose_detect(window)
    assert len(dock.class_boxes) == 10
    choose_model(window, "")
    assert list(dock.class_boxes) == MINI_CLASSES
    assert dock.task() == "detect"
    qtbot.waitUntil(lambda: all(box.isVisible() for box in dock.class_boxes.values()), timeout=2000)
    choose_model(window, "NuTonic/lspace")
    assert len(dock.class_boxes) == 10


def test_ticks_stay_where_the_class_does(qtbot, make_window):
    window = make_window()
    choose_detect(window)
    for name in ("water", "cropland"):
        click(window.dock.class_boxes[name])
    choose_model(window, "")
    assert window.dock.targets() == ("water", "vessel candidate")
    qtbot.waitUntil(window.dock.class_boxes["water"].isVisible, timeout=2000)
    click(window.dock.class_boxes["water"])
    assert window.dock.targets() == ("vessel candidate",)


def test_own_words_are_refused_with_the_reason_where_the_model_knows_its_classes_only(make_window):
    window = make_window()
    dock = window.dock
    dock.words_edit.setText("tennis court")
    choose_model(window, "")
    assert not dock.words_edit.isEnabled()
    assert "lspace-mini knows nothing but the classes" in dock.words_edit.toolTip()
    assert dock.targets() == ()
    choose_model(window, "NuTonic/lspace")
    assert dock.words_edit.isEnabled()
    assert "not trained" in dock.words_edit.toolTip()
    assert dock.targets() == ("tennis court",)


@pytest.mark.parametrize("model", ["", "NuTonic/lspace"])
def test_reports_and_pairs_are_not_offered(make_window, model):
    window = make_window()
    choose_model(window, model)
    dock = window.dock
    assert tasks_of(dock) == ["caption", "detect"]
    pair = Target("burn scar", "wildfire", "burn_scar")
    lspace = load_contracts()["lspace"]
    dock.show_contract(replace(lspace, targets=(*lspace.targets, pair)))
    assert "burn scar" not in dock.class_boxes
    dock.show_contract(replace(lspace, targets=(pair,)))
    assert tasks_of(dock) == ["caption"]


def test_the_tab_key_goes_through_the_classes_of_another_model_too(make_window):
    window = make_window()
    choose_detect(window)
    choose_model(window, "")
    passed, widget = [], window.dock.task_combo.nextInFocusChain()
    while widget is not window.dock.words_edit:
        passed.append(widget)
        widget = widget.nextInFocusChain()
    assert sorted(box.text() for box in passed if box in window.dock.class_boxes.values()) == sorted(
        MINI_CLASSES
    )


def test_squares_and_pixels_are_those_of_the_chosen_model(make_window):
    window = make_window()
    choose_model(window, "")
    assert "(trained at 5.7)" in window.dock.picture_label.text()
    window.dock.picture_combo.setCurrentIndex(1)
    assert "squares of 1.28 km, 5.7 m a pixel" in window.dock.picture_label.text()
    choose_model(window, "NuTonic/lspace")
    assert window.dock.picture_label.text().startswith("1 squares of 5.12 km, 22.9 m a pixel")


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
    assert "kind lspace, and the pictures were made for lspace-mini" in window.dock.result_label.text()
    assert "not for analysis" in window.dock.state_label.text()


def test_a_folder_whose_model_was_replaced_is_noticed_when_run_is_clicked(make_window, tmp_path):
    config = tmp_path / "config.json"
    config.write_text('{"model_type": "lfm2_vl"}')
    window = make_window()
    choose_model(window, str(tmp_path))
    window.dock.task_combo.setCurrentIndex(window.dock.task_combo.findData("detect"))
    click(window.dock.class_boxes["cropland"])
    config.write_text('{"model_type": "lfm2_vl", "lspace_contract": "lspace-mini"}')
    click(window.dock.run_button)
    assert list(window.dock.class_boxes) == MINI_CLASSES
    assert "Tick a class" in window.dock.result_label.text()
    assert not window.runner.is_busy


def test_a_run_goes_on_as_it_began_while_another_model_is_chosen(qtbot, make_window):
    window = make_window()
    click(window.dock.run_button)
    choose_model(window, "")
    qtbot.waitUntil(lambda: bool(window.ends), timeout=30000)
    assert window.ends[0].outcome is RunOutcome.FINISHED
    assert window.dock.answer_text.toPlainText() == "This picture shows 3 bright targets."
    assert window.dock.state_label.text().startswith("lspace-mini: loads")


@pytest.mark.parametrize("model", ["", "NuTonic/lspace"])
def test_the_dock_can_be_used_at_320_pixels(make_window, model):
    window = make_window()
    choose_model(window, model)
    dock = window.dock
    dock.task_combo.setCurrentIndex(dock.task_combo.findData("detect"))
    assert dock.minimumSizeHint().width() <= 320
    beside_the_scroll_bar = 320 - dock.widget().verticalScrollBar().sizeHint().width()
    assert dock.widget().widget().minimumSizeHint().width() <= beside_the_scroll_bar


def test_in_a_low_and_narrow_dock_no_sentence_is_cut_off(qtbot, make_window):
    window = make_window()
    choose_detect(window)
    dock = window.dock
    dock.show_result("A long sentence about what came of the run. " * 5)
    dock.show_state("A long sentence about the model and why it runs as it does. " * 5)
    window.resize(1300, 500)
    window.resizeDocks([dock], [320], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: dock.width() == 320 and dock.widget().verticalScrollBar().maximum() > 0)
    for label in (dock.result_label, dock.state_label, dock.aoi_label, dock.picture_label):
        assert label.height() >= label.heightForWidth(label.width())
    assert dock.answer_text.height() >= 80


def test_the_window_is_clean_after_a_shut_down(qtbot, make_window):
    window = make_window()
    click(window.dock.rectangle_button)
    drag(window.canvas, (300, 200), (500, 300))
    run_to_the_end(qtbot, window)
    process_id = window.runner.worker_process_id
    assert process_id
    window.controller.shut_down()
    assert bands(window.canvas) == []
    assert window.runner.worker_process_id is None
    assert len(QgsProject.instance().mapLayers()) == 3  # results stay
    window.controller.shut_down = lambda: None
