"""Uncertain edges in the review: in the table, and as bands over the map for whom the button says so."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.review.review_filter import ReviewFilter
from lspace.ui.review.review_model import Column
from qgis.core import QgsProject
from qgis.gui import QgsRubberBand
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from review_desk import layer_to_review
from uncertain_boxes import QUARTERS, chip_at, detection, shape_of, uncertain_layer

pytestmark = pytest.mark.usefixtures("qgis_new_project")

CHIP = chip_at(30)
ONE, OTHER = QUARTERS, (0.5, 0.75, 0.9955, 0.9955)
PENDING, ACCEPTED = "#ffd23f", "#27e8ff"


def two_boxes(created="2026-01-01T10:00:00Z"):
    found = (detection(CHIP, written=ONE), detection(CHIP, written=OTHER, label="tree cover"))
    return uncertain_layer(*found, chip=CHIP, created=created)


def press_b(desk):
    QTest.keyClick(desk.focusWidget() or desk.panel, Qt.Key.Key_B)


def drawn(desk):
    """Colour and number of the bands on the map."""
    bands = [item for item in desk.canvas.scene().items() if isinstance(item, QgsRubberBand)]
    return {band.strokeColor().name(): len(band.asGeometry().asMultiPolygon()) for band in bands}


def test_the_button_and_its_key_draw_the_bands_of_all_boxes_and_take_them_away(make_desk):
    desk = make_desk(two_boxes())
    assert drawn(desk) == {}

    press_b(desk)
    assert desk.panel.buttons.edges.isChecked()
    assert drawn(desk) == {PENDING: 2}
    QTest.mouseClick(desk.panel.buttons.edges, Qt.MouseButton.LeftButton)
    assert drawn(desk) == {}


def test_with_a_selection_only_the_selected_boxes_have_bands(make_desk):
    layer = two_boxes()
    desk = make_desk(layer)
    press_b(desk)

    layer.selectByIds([desk.shown()[1]])
    (band,) = [item for item in desk.canvas.scene().items() if isinstance(item, QgsRubberBand)]
    other = shape_of(OTHER, CHIP)
    assert band.asGeometry().boundingBox().intersects(other.boundingBox())
    assert not band.asGeometry().intersects(shape_of(ONE, CHIP))
    layer.removeSelection()
    assert drawn(desk) == {PENDING: 2}


def test_a_decision_changes_the_colour_of_the_band_and_undo_changes_it_back(make_desk):
    layer = two_boxes()
    desk = make_desk(layer)
    press_b(desk)
    layer.selectByIds([desk.shown()[0]])

    QTest.keyClick(desk.focusWidget(), Qt.Key.Key_A)
    layer.removeSelection()
    assert drawn(desk) == {PENDING: 1, ACCEPTED: 1}
    QTest.keyClick(desk.focusWidget(), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert drawn(desk) == {PENDING: 2}


def test_what_the_filter_hides_has_no_band(make_desk):
    desk = make_desk(two_boxes())
    press_b(desk)

    desk.panel.filter_bar.show_filter(ReviewFilter(label="water"))
    desk.panel.filter_bar.filter_changed.emit()
    assert drawn(desk) == {PENDING: 1}


def test_a_box_that_is_reshaped_loses_its_band(make_desk, qtbot):
    layer = two_boxes()
    desk = make_desk(layer)
    press_b(desk)
    assert layer.startEditing()

    layer.beginEditCommand("their tool")
    assert layer.changeGeometry(desk.shown()[0], shape_of((0.2, 0.2, 0.3, 0.3), CHIP))
    layer.endEditCommand()
    qtbot.waitUntil(lambda: drawn(desk) == {PENDING: 1}, timeout=20_000)
    layer.undoStack().undo()
    qtbot.waitUntil(lambda: drawn(desk) == {PENDING: 2}, timeout=20_000)


def test_bands_are_those_of_the_layer_under_review_and_go_with_it(make_desk):
    uncertain, plain = two_boxes("2026-01-02T10:00:00Z"), layer_to_review()
    desk = make_desk(uncertain, plain)
    press_b(desk)
    assert drawn(desk) == {PENDING: 2}

    desk.panel.set_layer(plain)
    assert drawn(desk) == {}
    desk.panel.set_layer(uncertain)
    assert drawn(desk) == {PENDING: 2}
    QgsProject.instance().removeMapLayer(uncertain)
    assert drawn(desk) == {}


def test_bands_go_with_the_panel_and_with_the_layer_on_the_map(make_desk):
    layer = two_boxes()
    desk = make_desk(layer)
    press_b(desk)

    desk.panel.hide()
    assert drawn(desk) == {}
    desk.panel.show()
    assert drawn(desk) == {PENDING: 2}
    desk.canvas.setLayers([])
    assert drawn(desk) == {}
    desk.canvas.setLayers([layer])
    assert drawn(desk) == {PENDING: 2}
    desk.panel.shut_down()
    assert drawn(desk) == {}


def test_a_layer_without_uncertain_edges_says_so(make_desk):
    desk = make_desk(layer_to_review())

    press_b(desk)
    assert desk.sentences == ["Nothing is known of how uncertain these edges are."]


def test_the_table_has_the_least_certain_edge_and_its_tip_all_four(make_desk):
    layer = two_boxes()
    desk = make_desk(layer, width=420)

    assert desk.cells(Column.EDGES) == ["± 80 m", "± 80 m"]
    assert not desk.table.isColumnHidden(Column.EDGES)
    tip = desk.table.model().index(0, Column.LABEL).data(Qt.ItemDataRole.ToolTipRole)
    assert "left ± 20 m, top ± 40 m, right ± 60 m, bottom ± 80 m" in tip


@pytest.mark.parametrize(("layer_of", "width"), [(two_boxes, 260), (layer_to_review, 420)])
def test_without_room_or_without_knowledge_the_table_has_no_column_of_edges(make_desk, layer_of, width):
    desk = make_desk(layer_of(), width=width)

    assert desk.table.isColumnHidden(Column.EDGES)
