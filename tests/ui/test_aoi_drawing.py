"""Drawing the area of interest with the buttons of its panel."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from aoi_window import windows_with_a_panel
from clicks import LEFT, RIGHT, click
from lspace.gis.errors import EmptyExtent
from lspace.gis.saved_aoi import AoiSource
from lspace.ui.area.polygon_tool import PolygonTool
from lspace.ui.area.rectangle_tool import RectangleTool
from planted import crs_of
from qgis.core import QgsCoordinateReferenceSystem, QgsProject
from qgis.gui import QgsMapToolPan
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest

ESC, ENTER = Qt.Key.Key_Escape, Qt.Key.Key_Return
UTM = "EPSG:32604"


@pytest.fixture
def make_window(qtbot):
    yield from windows_with_a_panel(qtbot)


@pytest.mark.parametrize("rotation", [0.0, 33.0])
@pytest.mark.parametrize("crs_name", ["EPSG:3857", "EPSG:4326", UTM])
def test_a_dragged_rectangle_is_the_area(make_window, crs_name, rotation):
    window = make_window(crs_name=crs_name, rotation=rotation)
    click(window.panel.drawing.rectangle_button)
    assert isinstance(window.canvas.mapTool(), RectangleTool)
    window.drag((300, 200), (500, 300))
    assert window.panel.source() is AoiSource.DRAWN
    assert not window.panel.drawing.rectangle_button.isChecked()
    aoi = window.panel.aoi()
    assert (aoi.crs, aoi.rotation_deg) == (crs_of(crs_name), rotation)
    columns, rows = zip(*window.pixels(aoi.polygon))
    assert (min(columns), max(columns), min(rows), max(rows)) == pytest.approx((300, 500, 200, 300), abs=0.5)


@pytest.mark.parametrize("rotation", [0.0, 33.0])
@pytest.mark.parametrize("crs_name", ["EPSG:3857", "EPSG:4326", UTM])
def test_a_drawn_polygon_is_the_area(make_window, crs_name, rotation):
    window = make_window(crs_name=crs_name, rotation=rotation)
    click(window.panel.drawing.polygon_button)
    assert isinstance(window.canvas.mapTool(), PolygonTool)
    corners = [(100, 100), (300, 150), (250, 400)]
    for corner in corners:
        window.click(*corner)
    window.click(10, 10, RIGHT)
    assert window.panel.source() is AoiSource.DRAWN
    assert not window.panel.drawing.polygon_button.isChecked()
    for seen, clicked in zip(window.pixels(window.panel.aoi().polygon), corners):
        assert seen == pytest.approx(clicked, abs=0.5)


def test_the_area_is_outlined_while_it_is_in_force(make_window):
    window = make_window()
    click(window.panel.drawing.rectangle_button)
    window.drag((300, 200), (500, 300))
    assert len(window.outlines()) == 1
    window.panel.choose_source(AoiSource.VIEW)
    assert window.outlines() == []
    window.panel.choose_source(AoiSource.DRAWN)
    assert len(window.outlines()) == 1


def test_a_shape_that_is_not_drawn_yet_begins_a_rectangle_and_is_no_area(make_window):
    window = make_window()
    window.panel.choose_source(AoiSource.DRAWN)
    assert window.panel.drawing.rectangle_button.isChecked()
    with pytest.raises(EmptyExtent) as caught:
        window.panel.aoi()
    assert caught.value.values["reason"] == "not drawn"
    window.panel.choose_source(AoiSource.VIEW)
    assert not window.panel.drawing.rectangle_button.isChecked()
    window.panel.choose_source(AoiSource.DRAWN)
    window.canvas.setMapTool(QgsMapToolPan(window.canvas))
    assert "No shape is drawn yet" in window.says()


@pytest.mark.parametrize("focus", ["map", "button"])
def test_esc_gives_up_drawing_and_brings_back_the_former_tool(make_window, focus):
    window = make_window()
    pan = QgsMapToolPan(window.canvas)
    window.canvas.setMapTool(pan)
    button = window.panel.drawing.rectangle_button
    click(button)
    QTest.mousePress(window.canvas.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, QPoint(300, 200))
    window.move(400, 300)
    QTest.keyClick(window.canvas if focus == "map" else button, ESC)
    assert window.canvas.mapTool() is pan
    assert window.outlines() == []
    assert window.panel.source() is AoiSource.VIEW
    assert not button.isChecked()


def test_esc_leaves_the_shape_of_before(make_window):
    window = make_window()
    click(window.panel.drawing.rectangle_button)
    window.drag((300, 200), (500, 300))
    before = window.panel.aoi().to_json()
    click(window.panel.drawing.polygon_button)
    window.click(100, 100)
    window.key(ESC)
    assert window.panel.source() is AoiSource.DRAWN
    assert window.panel.aoi().to_json() == before
    assert len(window.outlines()) == 1


def test_without_a_shape_esc_leads_back_to_the_view(make_window):
    window = make_window()
    window.panel.choose_source(AoiSource.DRAWN)
    window.key(ESC)
    assert window.panel.source() is AoiSource.VIEW


def test_the_former_tool_comes_back_after_both_tools_were_tried(make_window):
    window = make_window()
    pan = QgsMapToolPan(window.canvas)
    window.canvas.setMapTool(pan)
    drawing = window.panel.drawing
    click(drawing.rectangle_button)
    click(drawing.polygon_button)
    assert (drawing.rectangle_button.isChecked(), drawing.polygon_button.isChecked()) == (False, True)
    click(drawing.polygon_button)
    assert window.canvas.mapTool() is pan
    assert not drawing.polygon_button.isChecked()


def test_a_former_tool_that_is_gone_is_not_brought_back(make_window):
    window = make_window()
    pan = QgsMapToolPan(window.canvas)
    window.canvas.setMapTool(pan)
    click(window.panel.drawing.rectangle_button)
    sip.delete(pan)
    window.key(ESC)
    assert window.canvas.mapTool() is None


def test_another_tool_ends_drawing(make_window):
    window = make_window()
    click(window.panel.drawing.rectangle_button)
    pan = QgsMapToolPan(window.canvas)
    window.canvas.setMapTool(pan)
    assert not window.panel.drawing.rectangle_button.isChecked()
    assert window.canvas.mapTool() is pan


def test_a_click_without_a_drag_is_no_area(make_window):
    window = make_window()
    click(window.panel.drawing.rectangle_button)
    window.drag((300, 200), (302, 201))
    assert window.panel.source() is AoiSource.VIEW
    assert window.panel.drawing.rectangle_button.isChecked()


def test_while_drawing_the_panel_says_how(make_window):
    window = make_window()
    before = window.says()
    click(window.panel.drawing.polygon_button)
    assert "Right click or Enter finishes" in window.says()
    window.click(100, 100)
    window.key(ENTER)
    assert "three corners" in window.says()
    window.key(ESC)
    assert window.says() == before


def test_corners_of_another_crs_are_dropped(make_window):
    window = make_window()
    click(window.panel.drawing.polygon_button)
    window.click(100, 100)
    window.click(300, 150)
    window.canvas.setDestinationCrs(crs_of("EPSG:4326"))
    assert window.outlines() == []
    window.click(250, 400)
    window.key(ENTER)
    assert window.panel.drawing.polygon_button.isChecked()
    assert "three corners" in window.says()


def test_a_shape_on_a_map_without_a_crs_is_refused_in_words(make_window):
    window = make_window()
    window.canvas.setDestinationCrs(QgsCoordinateReferenceSystem())
    click(window.panel.drawing.rectangle_button)
    window.drag((300, 200), (500, 300))
    assert window.panel.source() is AoiSource.VIEW
    assert "coordinate reference system" in window.says()


def test_a_project_that_is_read_ends_drawing(tmp_path, make_window):
    window = make_window()
    path = str(tmp_path / "project.qgs")
    assert QgsProject.instance().write(path)
    click(window.panel.drawing.polygon_button)
    window.click(100, 100)
    assert QgsProject.instance().read(path)
    assert not window.panel.drawing.polygon_button.isChecked()
    assert window.canvas.mapTool() is None
