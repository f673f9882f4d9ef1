# SPDX-License-Identifier: GPL-2.0-or-later
"""Reviewing: keys, buttons, table and map, with a real map and a real layer, without the dock."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.layers import Status
from lspace.gis.review.close_up import SHARE_OF_VIEW
from lspace.gis.review.review import Counts, Review
from lspace.gis.review.review_filter import ReviewFilter
from lspace.gis.saving.export_format import ExportFormat
from lspace.ui.review.review_model import Column
from qgis.core import QgsProject, QgsRectangle, QgsVectorLayer
from qgis.PyQt.QtCore import QCoreApplication, QEvent, Qt
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QComboBox, QDoubleSpinBox, QLabel, QMainWindow, QSlider, QToolButton
from review_desk import HARBOUR, SIDE, detection_at, ids_of, layer_to_review, square, stream_in, values
from saved import save_layer

pytestmark = pytest.mark.usefixtures("qgis_new_project")

MANY = [("water", None)] * 10_000


def press(desk, keys, modifier=Qt.KeyboardModifier.NoModifier):
    """Types with the focus where it is."""
    for key in keys:
        QTest.keyClick(desk.focusWidget() or desk.panel, key, modifier)


def click_row(desk, fid, modifier=Qt.KeyboardModifier.NoModifier):
    index = desk.table.model().index(desk.shown().index(fid), Column.LABEL)
    at = desk.table.visualRect(index).center()
    QTest.mouseClick(desk.table.viewport(), Qt.MouseButton.LeftButton, modifier, at)


def click(button):
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def ground_share(desk):
    """Side of a square on the screen, as a share of the map's shorter side."""
    extent = desk.canvas.extent()
    return SIDE / min(extent.width(), extent.height())


# table and map in step


def test_a_row_that_is_clicked_is_selected_on_the_map_and_told(make_desk):
    layer = layer_to_review()
    desk, ids = make_desk(layer), ids_of(layer)

    click_row(desk, ids[2])
    assert layer.selectedFeatureIds() == [ids[2]]
    assert desk.labels == ["water"]
    click_row(desk, ids[0], Qt.KeyboardModifier.ControlModifier)
    assert sorted(layer.selectedFeatureIds()) == [ids[0], ids[2]]


def test_what_is_selected_on_the_map_is_selected_in_the_table(make_desk):
    layer = layer_to_review()
    desk, ids = make_desk(layer), ids_of(layer)

    layer.selectByRect(square(1).boundingBox())
    assert desk.table.selected_ids() == [ids[1]]
    assert desk.table.current_id() == ids[1]
    layer.selectByIds([ids[0], ids[1], ids[3]])
    assert desk.table.selected_ids() == [ids[0], ids[1], ids[3]]
    assert desk.table.current_id() == ids[1]
    layer.removeSelection()
    assert desk.table.selected_ids() == []


def test_the_table_says_what_is_in_the_layer(make_desk):
    layer = layer_to_review()
    columns = [layer.fields().indexOf(name) for name in ("area_m2", "support")]
    assert layer.dataProvider().changeAttributeValues(
        {ids_of(layer)[1]: {columns[0]: 123_456, columns[1]: 0.974}}
    )
    desk = make_desk(layer)

    assert desk.cells(Column.LABEL) == [label for label, _ in HARBOUR]
    assert desk.cells(Column.SCORE) == ["0.81", "0.35", "", "0.60"]
    assert desk.cells(Column.AREA) == ["2500 m²", "12.3 ha", "2500 m²", "2500 m²"]
    assert desk.cells(Column.SUPPORT) == ["", "97 %", "", ""]
    assert not desk.table.isColumnHidden(Column.SUPPORT)
    assert desk.table.isColumnHidden(Column.AGREEMENT)


def test_a_click_on_a_title_sorts_and_what_is_unknown_comes_last(make_desk):
    layer = layer_to_review()
    desk, ids = make_desk(layer), ids_of(layer)
    click_row(desk, ids[1])

    desk.table.sortByColumn(Column.SCORE, Qt.SortOrder.DescendingOrder)
    assert desk.shown() == [ids[0], ids[3], ids[1], ids[2]]
    desk.table.sortByColumn(Column.SCORE, Qt.SortOrder.AscendingOrder)
    assert desk.shown() == [ids[1], ids[3], ids[0], ids[2]]
    assert desk.table.selected_ids() == [ids[1]]
    assert desk.table.current_id() == ids[1]


def test_boxes_that_stream_in_leave_the_selection_and_the_keyboard_where_they_are(make_desk, qtbot):
    layer = layer_to_review()
    desk, ids = make_desk(layer), ids_of(layer)
    click_row(desk, ids[0])
    click_row(desk, ids[2], Qt.KeyboardModifier.ControlModifier)
    press(desk, "a")
    click_row(desk, ids[1])

    for place in range(4, 9):
        stream_in(layer, detection_at(place, "late"))
        qtbot.waitUntil(lambda count=place + 1: len(desk.shown()) == count, timeout=20_000)

    assert desk.table.selected_ids() == [ids[1]]
    assert desk.table.current_id() == ids[1]
    assert desk.panel.counts() == Counts(pending=7, accepted=2)
    assert values(layer, "status")[:3] == ["accepted", "pending", "accepted"]


def test_ten_thousand_rows_are_selected_and_decided_on_at_once(make_desk):
    layer = layer_to_review(MANY)
    desk = make_desk(layer)

    desk.table.selectAll()
    assert len(layer.selectedFeatureIds()) == 10_000
    press(desk, "a")

    assert desk.panel.counts() == Counts(accepted=10_000)
    assert layer.undoStack().count() == 1


# decisions


def test_a_review_with_the_keyboard_alone(make_desk):
    layer = layer_to_review()
    desk, ids = make_desk(layer), ids_of(layer)

    press(desk, "n")
    assert layer.selectedFeatureIds() == [ids[0]]
    press(desk, "a")
    assert layer.selectedFeatureIds() == [ids[1]]
    press(desk, "nrp")
    assert values(layer, "status") == ["accepted", "pending", "rejected", "pending"]
    assert layer.selectedFeatureIds() == [ids[1]]
    press(desk, "aa")
    assert values(layer, "status") == ["accepted", "accepted", "rejected", "accepted"]
    assert desk.sentences == ["Nothing left to review here."]
    assert desk.panel.counts_label.text() == "3 accepted, 1 rejected, 0 to review"


def test_the_buttons_do_what_the_keys_do(make_desk):
    layer = layer_to_review()
    desk, ids = make_desk(layer), ids_of(layer)
    buttons = desk.panel.buttons

    for button in (buttons.next, buttons.accept, buttons.reject):
        click(button)
    assert values(layer, "status") == ["accepted", "rejected", "pending", "pending"]
    click(buttons.undo)
    assert values(layer, "status") == ["accepted", "pending", "pending", "pending"]
    click(buttons.redo)
    click_row(desk, ids[1])
    click(buttons.reset)
    assert values(layer, "status") == ["accepted", "pending", "pending", "pending"]
    click(buttons.previous)
    assert layer.selectedFeatureIds() == [ids[3]]


def test_a_key_that_is_held_decides_once(make_desk):
    layer = layer_to_review()
    desk = make_desk(layer)
    press(desk, "na")

    for _ in range(3):
        held = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_A, Qt.KeyboardModifier.NoModifier, "a", True)
        QCoreApplication.sendEvent(desk.focusWidget(), held)

    assert values(layer, "status") == ["accepted", "pending", "pending", "pending"]


def test_a_decision_is_about_all_that_is_selected(make_desk):
    layer = layer_to_review()
    desk, ids = make_desk(layer), ids_of(layer)
    layer.selectByIds([ids[0], ids[2]])

    press(desk, "r")

    assert values(layer, "status") == ["rejected", "pending", "rejected", "pending"]
    assert layer.selectedFeatureIds() == [ids[3]]


def test_what_has_been_decided_goes_out_of_a_list_of_the_undecided(make_desk):
    layer = layer_to_review()
    desk, ids = make_desk(layer), ids_of(layer)
    combo = desk.panel.filter_bar.status_combo
    combo.setCurrentIndex(combo.findData("pending"))

    press(desk, "na")
    assert desk.table.current_id() == ids[1]
    QTest.qWait(10)
    assert desk.shown() == ids[1:]
    assert desk.table.selected_ids() == [ids[1]]
    press(desk, "raa")
    QTest.qWait(10)
    assert desk.shown() == []
    assert values(layer, "status") == ["accepted", "rejected", "accepted", "accepted"]


@pytest.mark.parametrize(
    ("key", "modifier"),
    [
        (Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier),
        (Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier),
    ],
)
def test_undo_and_redo_by_key_although_the_main_window_has_those_keys_too(qtbot, make_desk, key, modifier):
    layer = layer_to_review()
    desk = make_desk(layer)
    window, theirs = QMainWindow(), []
    qtbot.addWidget(window)
    window.setCentralWidget(desk)
    menu = window.menuBar().addMenu("Edit")
    for shortcut in ("Ctrl+Z", "Ctrl+Y", "Ctrl+Shift+Z", "A"):
        menu.addAction(shortcut, lambda: theirs.append(1)).setShortcut(shortcut)
    window.show()
    qtbot.waitActive(window)
    desk.table.setFocus()

    press(desk, "na")
    assert values(layer, "status")[0] == "accepted"
    press(desk, [Qt.Key.Key_Z], Qt.KeyboardModifier.ControlModifier)
    assert values(layer, "status")[0] == "pending"
    press(desk, [key], modifier)
    assert values(layer, "status")[0] == "accepted"
    assert theirs == []
    desk.setParent(None)


def test_a_label_is_given_by_key_without_a_dialog(make_desk):
    layer = layer_to_review()
    desk, ids = make_desk(layer), ids_of(layer)
    desk.panel.set_labels(["pier", "water"])
    assert [desk.panel.relabel_bar.combo.itemText(row) for row in range(4)] == [
        "pier",
        "water",
        "tree cover",
        "vessel candidate",
    ]
    click_row(desk, ids[0])

    press(desk, "lare")
    press(desk, [Qt.Key.Key_Return])

    assert values(layer, "label") == ["are", "vessel candidate", "water", "tree cover"]
    assert values(layer, "orig_label")[0] == "vessel candidate"
    assert values(layer, "status") == ["pending"] * 4
    assert layer.undoStack().count() == 1
    assert desk.focusWidget() is desk.table


def test_a_typed_label_is_not_given_before_enter(make_desk):
    layer = layer_to_review()
    desk = make_desk(layer)

    press(desk, "nlwater")
    desk.table.setFocus()

    assert not layer.isEditable()
    click(desk.panel.relabel_bar.button)
    assert values(layer, "label")[0] == "water"


def test_a_label_of_the_list_is_given_once(make_desk):
    layer = layer_to_review()
    desk, ids = make_desk(layer), ids_of(layer)
    click_row(desk, ids[0])

    press(desk, "lwater")
    press(desk, [Qt.Key.Key_Return])

    assert values(layer, "label")[0] == "water"
    assert layer.undoStack().count() == 1


def test_giving_up_a_label_leads_back_to_the_table(make_desk):
    layer = layer_to_review()
    desk = make_desk(layer)
    press(desk, "nlpie")

    press(desk, [Qt.Key.Key_Escape])

    assert desk.focusWidget() is desk.table
    assert values(layer, "label") == [label for label, _ in HARBOUR]
    assert not layer.isEditable()


def test_a_tool_beside_the_review_may_be_typed_in(make_desk):
    layer = layer_to_review()
    desk = make_desk(layer)
    spin = QDoubleSpinBox()
    group = desk.panel.add_tool("Independent evidence", spin)
    assert group.isCollapsed()
    group.setCollapsed(False)
    spin.setFocus()

    press(desk, "ar")

    assert values(layer, "status") == ["pending"] * 4


def test_a_layer_that_cannot_be_changed_is_a_sentence(make_desk):
    layer = layer_to_review()
    layer.setReadOnly(True)
    desk = make_desk(layer)

    press(desk, "na")
    press(desk, "e")

    assert ["read-only" in sentence for sentence in desk.sentences] == [True, True]
    assert desk.reshapes == []


def test_reshaping_is_asked_for_with_the_layer_ready_for_it(make_desk):
    layer = layer_to_review()
    desk, ids = make_desk(layer), ids_of(layer)
    layer.selectByIds(ids[1:3])

    press(desk, "e")

    assert desk.reshapes == [(layer, ids[1])]
    assert layer.isEditable()
    assert layer.selectedFeatureIds() == [ids[1]]
    assert desk.canvas.currentLayer() == layer


def test_a_shape_changed_in_a_layer_that_is_not_shown_gets_its_area_too(make_desk):
    shown, other = layer_to_review(created="2026-01-02T10:00:00Z"), layer_to_review()
    desk = make_desk(shown)
    QgsProject.instance().addMapLayer(other)
    assert desk.panel.layer() is shown
    assert other.startEditing()
    other.beginEditCommand("their tool")
    assert other.changeGeometry(ids_of(other)[0], square(0))
    other.endEditCommand()

    assert values(other, "area_m2")[0] == pytest.approx(2501.385, rel=1e-5)


# the map


def test_enter_and_z_and_a_double_click_zoom_to_the_proposal(make_desk):
    layer = layer_to_review()
    desk, ids = make_desk(layer), ids_of(layer)
    far = QgsRectangle(0, 0, 9e5, 9e5)
    click_row(desk, ids[3])

    for zoom in (
        lambda: press(desk, [Qt.Key.Key_Return]),
        lambda: press(desk, "z"),
        lambda: desk.table.doubleClicked.emit(desk.table.currentIndex()),
    ):
        desk.canvas.setExtent(far)
        zoom()
        assert ground_share(desk) == pytest.approx(SHARE_OF_VIEW, rel=0.02)
        assert desk.canvas.extent().center().distance(square(3).boundingBox().center()) < 1


def test_going_on_keeps_the_scale_where_the_next_one_is_large_enough(make_desk):
    layer = layer_to_review()
    desk, ids = make_desk(layer), ids_of(layer)
    desk.canvas.setExtent(square(0).boundingBox().buffered(100))
    before = desk.canvas.extent()

    press(desk, "n")
    assert desk.canvas.extent() == before
    press(desk, "n")
    assert layer.selectedFeatureIds() == [ids[1]]
    assert desk.canvas.extent().width() == pytest.approx(before.width())
    assert desk.canvas.extent().contains(square(1).boundingBox())


# the filter


def test_the_slider_hides_lower_scores_in_table_and_map_and_says_so(make_desk):
    layer = layer_to_review()
    desk, ids = make_desk(layer), ids_of(layer)

    desk.panel.filter_bar.score_slider.setValue(60)

    assert desk.shown() == [ids[0], ids[2], ids[3]]
    assert ReviewFilter.of(layer) == ReviewFilter(least_score=0.6)
    assert desk.panel.filter_bar.score_label.text() == "Score >= 0.60"
    assert desk.panel.counts_label.text() == "0 accepted, 0 rejected, 4 to review (1 not shown)"
    click(desk.panel.filter_bar.all_button)
    assert desk.shown() == ids
    assert ReviewFilter.of(layer).shows_all


def test_a_filter_that_hides_all_says_so(make_desk):
    layer = layer_to_review()
    desk = make_desk(layer)
    combo = desk.panel.filter_bar.status_combo

    combo.setCurrentIndex(combo.findData("accepted"))

    (sentence,) = [label.text() for label in desk.panel.findChildren(QLabel) if "hides all" in label.text()]
    assert sentence == "The filter hides all 4 proposals."
    assert not desk.panel.buttons.accept.isEnabled()
    assert desk.panel.save_button.isEnabled()


def test_labels_that_arrive_are_offered_and_the_chosen_one_stays(make_desk, qtbot):
    layer = layer_to_review()
    desk = make_desk(layer)
    combo = desk.panel.filter_bar.label_combo
    combo.setCurrentIndex(combo.findData("water"))

    stream_in(layer, detection_at(5, "Barge"))
    qtbot.waitUntil(lambda: combo.findData("Barge") > 0, timeout=20_000)

    assert combo.currentData() == "water"
    assert desk.cells(Column.LABEL) == ["water"]


def test_a_layer_without_scores_has_no_slider(make_desk):
    desk = make_desk(layer_to_review([("water", None)]))

    assert not desk.panel.filter_bar.score_slider.isEnabled()


def test_each_layer_keeps_its_filter_until_the_panel_is_shut_down(make_desk):
    newer, older = layer_to_review(created="2026-01-02T10:00:00Z"), layer_to_review()
    desk = make_desk(newer, older)
    desk.panel.filter_bar.score_slider.setValue(60)

    desk.panel.set_layer(older)
    assert desk.shown() == ids_of(older)
    desk.panel.set_layer(newer)
    assert desk.panel.filter_bar.score_slider.value() == 60
    assert len(desk.shown()) == 3
    desk.panel.shut_down()
    assert ReviewFilter.of(newer).shows_all


def test_a_panel_that_is_shut_down_leaves_the_layers_alone(make_desk, qtbot):
    layer = layer_to_review()
    desk = make_desk(layer)
    assert layer.findChildren(Review)

    for _ in range(2):
        desk.panel.shut_down()

    qtbot.waitUntil(lambda: not layer.findChildren(Review), timeout=20_000)
    press(desk, "na")
    QgsProject.instance().clear()
    assert desk.panel.layer() is None


def test_a_label_clicked_in_a_caption_selects_its_proposals_though_a_filter_hid_them(make_desk):
    layer = layer_to_review()
    desk, ids = make_desk(layer), ids_of(layer)
    combo = desk.panel.filter_bar.label_combo
    combo.setCurrentIndex(combo.findData("water"))

    desk.panel.show_label("Vessel candidate")

    assert sorted(layer.selectedFeatureIds()) == ids[:2]
    assert desk.table.selected_ids() == ids[:2]
    desk.panel.show_label("no such thing")
    assert layer.selectedFeatureIds() == []


# layers come and go


def test_without_proposals_the_panel_says_what_to_do_and_offers_nothing(make_desk):
    desk = make_desk()
    panel = desk.panel

    assert panel.layer() is None
    assert panel.counts() == Counts()
    assert [
        label.text() for label in panel.findChildren(QLabel) if label.text().startswith("No proposals yet")
    ]
    press(desk, "arnpezul")
    panel.show_label("water")
    assert not panel.save_button.isEnabled()
    assert desk.sentences == []


def test_the_newest_run_is_chosen_first_and_other_layers_are_not_offered(make_desk):
    older, newer = (layer_to_review(created=f"2026-01-0{day}T10:00:00Z") for day in (1, 2))
    theirs = QgsVectorLayer("Polygon?crs=EPSG:32630&field=status:string", "theirs", "memory")
    desk = make_desk(older, theirs, newer)

    assert desk.panel.layer() is newer
    assert desk.panel.layer_combo.layers() == [newer, older]


def test_a_layer_of_a_later_run_is_offered_but_does_not_take_the_place(make_desk):
    first, later = layer_to_review(), layer_to_review(created="2026-01-02T10:00:00Z")
    desk = make_desk(first)
    click_row(desk, ids_of(first)[0])

    QgsProject.instance().addMapLayer(later)

    assert desk.panel.layer() is first
    assert desk.table.selected_ids() == ids_of(first)[:1]
    desk.panel.set_layer(later)
    assert desk.panel.layer() is later
    assert desk.panel.counts().total == 4


def test_a_layer_that_is_removed_leaves_quietly(make_desk):
    older, newer = (layer_to_review(created=f"2026-01-0{day}T10:00:00Z") for day in (1, 2))
    desk = make_desk(older, newer)
    told = []
    desk.panel.proposals_changed.connect(lambda: told.append(desk.panel.counts().total))
    press(desk, "na")

    QgsProject.instance().removeMapLayer(newer)
    assert desk.panel.layer() is older
    assert desk.panel.counts() == Counts(pending=4)
    QgsProject.instance().clear()
    assert desk.panel.layer() is None
    assert desk.shown() == []
    assert told[-1] == 0
    press(desk, "narpezu")


def test_a_layer_opened_from_a_file_is_reviewed_on(make_desk, tmp_path):
    saved = save_layer(layer_to_review(), tmp_path / "kept", ExportFormat.GEOPACKAGE)
    layer = QgsVectorLayer(saved.uri, "kept", "ogr")
    layer.loadDefaultMetadata()
    desk = make_desk(layer)
    assert desk.panel.layer() is layer

    press(desk, "nar")
    assert layer.commitChanges()

    again = QgsVectorLayer(saved.uri, "again", "ogr")
    assert values(again, "status") == ["accepted", "rejected", "pending", "pending"]


def test_the_tab_hears_of_every_decision(make_desk, qtbot):
    layer = layer_to_review()
    desk = make_desk(layer)
    told = []
    desk.panel.proposals_changed.connect(lambda: told.append(desk.panel.counts().pending))

    press(desk, "nar")

    qtbot.waitUntil(lambda: told[-1:] == [2], timeout=20_000)


# saving


def test_the_save_menu_asks_for_accepted_or_all_in_each_format(make_desk):
    layer = layer_to_review()
    desk = make_desk(layer)
    actions = [action for action in desk.panel.save_button.menu().actions() if not action.isSeparator()]
    assert [action.text() for action in actions[:2]] == [
        "Accepted as Shapefile ...",
        "Accepted as GeoPackage ...",
    ]
    (all_as_kml,) = [action for action in actions if action.text() == "All as KML ..."]

    for action in (actions[0], all_as_kml):
        action.trigger()

    assert desk.saves == [(layer, ExportFormat.SHAPEFILE, Status.ACCEPTED), (layer, ExportFormat.KML, None)]


# small screens and words of a model


def test_the_panel_fits_into_320_pixels(make_desk):
    layer = layer_to_review([("a very long label of a vessel candidate", 0.5)])
    layer.setName("a very long name of a layer with proposals")
    desk = make_desk(layer)

    assert desk.panel.minimumSizeHint().width() <= 320


def test_a_narrow_table_does_without_the_areas_before_labels_are_cut(make_desk):
    layer = layer_to_review()
    support = layer.fields().indexOf("support")
    assert layer.dataProvider().changeAttributeValues({ids_of(layer)[0]: {support: 0.5}})

    for width, has_areas in ((200, False), (900, True)):
        desk = make_desk(layer, width=width)
        assert desk.table.isColumnHidden(Column.AREA) is not has_areas


def test_words_of_a_model_are_not_taken_for_markup(make_desk):
    layer = layer_to_review([("<img src='file:///x'>", 0.5)])
    desk = make_desk(layer)
    index = desk.table.model().index(0, Column.LABEL)

    assert index.data(Qt.ItemDataRole.DisplayRole) == "<img src='file:///x'>"
    assert "<img" not in index.data(Qt.ItemDataRole.ToolTipRole)


def test_the_tab_key_leads_from_the_top_to_the_bottom(make_desk):
    panel = make_desk(layer_to_review()).panel
    bar = panel.filter_bar
    expected = [panel.layer_combo, bar.score_slider, bar.label_combo, bar.status_combo, panel.table]
    expected += [panel.buttons.accept, panel.buttons.reject, panel.buttons.next, panel.relabel_bar.combo]
    expected += [panel.save_button, panel.buttons.zoom]
    chain, widget = [], panel.nextInFocusChain()
    while widget is not panel:
        chain.append(widget)
        widget = widget.nextInFocusChain()

    places = [chain.index(widget) for widget in expected]

    assert places == sorted(places)


def test_everything_that_can_be_clicked_has_a_tooltip(make_desk):
    panel = make_desk(layer_to_review()).panel
    kinds = (QToolButton, QComboBox, QSlider)
    clickable = [widget for kind in kinds for widget in panel.findChildren(kind) if widget.isVisible()]

    assert len(clickable) > 12
    assert [widget for widget in clickable if not widget.toolTip()] == []
    assert panel.whatsThis()
