"""Polygons and rectangles drawn on a real map by clicks and keys."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from clicks import RIGHT
from lspace.ui.area.polygon_tool import PolygonTool
from lspace.ui.area.rectangle_tool import RectangleTool
from map_window import MapWindow
from planted import crs_of, target_layer
from qgis.core import QgsGeometry, QgsPointXY, QgsProject, QgsRectangle, QgsSnappingConfig, QgsTolerance
from qgis.gui import QgsMapToolPan
from qgis.PyQt.QtCore import QEvent, QPoint, Qt
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

CORNERS = [(100, 100), (300, 150), (250, 400)]
ENTER, BACKSPACE, ESC = Qt.Key.Key_Return, Qt.Key.Key_Backspace, Qt.Key.Key_Escape


@pytest.fixture
def make_window(qtbot):
    windows = []

    def make(tool_class=PolygonTool, **options):
        window = MapWindow(**options)
        windows.append(window)
        window.open()
        qtbot.waitExposed(window)
        window.tool = tool_class(window.canvas)
        window.drawn, window.hints, window.given_up = [], [], []
        window.tool.drawn.connect(window.drawn.append)
        window.tool.hinted.connect(window.hints.append)
        window.tool.given_up.connect(lambda: window.given_up.append(True))
        window.canvas.setMapTool(window.tool)
        return window

    yield make
    for window in windows:
        window.canvas.unsetMapTool(window.tool)
        window.close()
        window.deleteLater()
    QgsProject.instance().clear()


def click_all(window, corners):
    for corner in corners:
        window.click(*corner)


def seen_at(window, corners):
    return window.pixels(QgsGeometry.fromMultiPointXY(corners))


@pytest.mark.parametrize("rotation", [0.0, 33.0])
@pytest.mark.parametrize("crs_name", ["EPSG:3857", "EPSG:4326", "EPSG:32604"])
def test_clicked_corners_are_the_polygon(make_window, crs_name, rotation):
    window = make_window(crs_name=crs_name, rotation=rotation)
    click_all(window, CORNERS)
    window.click(400, 400, RIGHT)
    (corners,) = window.drawn
    for seen, clicked in zip(seen_at(window, corners), CORNERS):
        assert seen == pytest.approx(clicked, abs=0.5)
    assert len(corners) == 3
    assert window.outlines() == []


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_enter_finishes(make_window, key):
    window = make_window()
    click_all(window, CORNERS)
    window.key(key)
    assert len(window.drawn[0]) == 3


def test_a_double_click_makes_the_last_corner_and_finishes(make_window):
    window = make_window()
    click_all(window, CORNERS[:2])
    window.double_click(*CORNERS[2])
    assert len(window.drawn) == 1
    assert len(window.drawn[0]) == 3


def test_a_double_click_does_not_reach_the_tool_that_comes_after(make_window):
    window = make_window()
    pan = QgsMapToolPan(window.canvas)
    window.tool.drawn.connect(lambda: window.canvas.setMapTool(pan))
    click_all(window, CORNERS[:2])
    centre = window.canvas.center()
    window.double_click(*CORNERS[2])
    assert window.canvas.mapTool() is pan
    assert window.canvas.center() == centre


def test_the_next_edge_follows_the_cursor(make_window):
    window = make_window()
    click_all(window, CORNERS[:2])
    window.move(250, 400)
    (outline,) = window.outlines()
    assert window.pixels(outline.asGeometry())[2] == pytest.approx((250, 400), abs=0.5)
    window.move(350, 420)
    (outline,) = window.outlines()
    assert window.pixels(outline.asGeometry())[2] == pytest.approx((350, 420), abs=0.5)


def test_backspace_takes_the_last_corner_back(make_window):
    window = make_window()
    click_all(window, [*CORNERS, (10, 500)])
    window.key(BACKSPACE)
    window.key(ENTER)
    assert len(window.drawn[0]) == 3
    assert seen_at(window, window.drawn[0])[-1] == pytest.approx(CORNERS[-1], abs=0.5)


def test_backspace_with_nothing_drawn_does_nothing(make_window):
    window = make_window()
    window.key(BACKSPACE)
    click_all(window, CORNERS)
    window.key(ENTER)
    assert len(window.drawn[0]) == 3


def test_two_clicks_at_one_place_are_one_corner(make_window):
    window = make_window()
    click_all(window, [*CORNERS, CORNERS[-1]])
    window.key(ENTER)
    assert len(window.drawn[0]) == 3


def test_two_corners_are_refused_and_drawing_goes_on(make_window):
    window = make_window()
    click_all(window, CORNERS[:2])
    window.click(400, 400, RIGHT)
    assert window.drawn == []
    assert "three corners" in window.hints[-1]
    window.click(*CORNERS[2])
    assert "three corners" not in window.hints[-1]
    window.click(400, 400, RIGHT)
    assert len(window.drawn[0]) == 3


def test_a_crossed_outline_is_refused_until_it_is_mended(make_window):
    window = make_window()
    click_all(window, [(100, 100), (300, 300), (300, 100), (100, 300)])
    window.key(ENTER)
    assert window.drawn == []
    assert "crosses itself" in window.hints[-1]
    window.key(BACKSPACE)
    window.key(ENTER)
    assert len(window.drawn[0]) == 3


def test_esc_gives_up_and_leaves_nothing(make_window):
    window = make_window()
    click_all(window, CORNERS)
    window.key(ESC)
    assert window.given_up == [True]
    assert window.drawn == []
    assert window.outlines() == []
    window.key(ENTER)
    assert window.drawn == []


def test_another_tool_leaves_nothing_of_the_polygon(make_window):
    window = make_window()
    click_all(window, CORNERS)
    window.canvas.setMapTool(QgsMapToolPan(window.canvas))
    assert window.outlines() == []


def test_corners_stay_on_the_ground_while_the_map_is_moved(make_window):
    window = make_window()
    click_all(window, CORNERS[:2])
    places = [window.canvas.getCoordinateTransform().toMapCoordinates(x, y) for x, y in CORNERS[:2]]
    QTest.keyPress(window.canvas, Qt.Key.Key_Space)
    window.move(350, 250)
    window.move(380, 300)
    QTest.keyRelease(window.canvas, Qt.Key.Key_Space)
    moved = window.canvas.getCoordinateTransform().transform(places[0])
    assert (moved.x(), moved.y()) != pytest.approx(CORNERS[0], abs=5)
    window.canvas.zoomByFactor(2)
    window.click(20, 550)
    window.key(ENTER)
    (corners,) = window.drawn
    assert len(corners) == 3
    assert corners[:2] == places


def test_corners_do_not_snap(make_window):
    window = make_window()
    near = window.canvas.getCoordinateTransform().toMapCoordinates(103, 102)
    square = QgsGeometry.fromRect(QgsRectangle.fromCenterAndSize(near, 10, 10))
    layer = target_layer([square], window.crs)
    QgsProject.instance().addMapLayer(layer)
    window.canvas.setLayers([layer, window.harbour])
    config = QgsSnappingConfig(QgsProject.instance())
    config.setEnabled(True)
    config.setMode(QgsSnappingConfig.SnappingMode.AllLayers)
    config.setUnits(QgsTolerance.UnitType.Pixels)
    config.setTolerance(30)
    snapping = window.canvas.snappingUtils()
    snapping.setConfig(config)
    assert snapping.snapToMap(QPoint(*CORNERS[0])).isValid()
    click_all(window, CORNERS)
    window.key(ENTER)
    assert seen_at(window, window.drawn[0])[0] == pytest.approx(CORNERS[0], abs=0.5)


@pytest.mark.parametrize(
    ("key", "taken"), [(BACKSPACE, True), (ESC, True), (ENTER, True), (Qt.Key.Key_A, False)]
)
def test_a_key_for_drawing_is_kept_from_shortcuts_of_the_window(make_window, key, taken):
    window = make_window()
    asked = QKeyEvent(QEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.NoModifier)
    asked.ignore()
    QApplication.sendEvent(window.canvas, asked)
    assert asked.isAccepted() is taken


@pytest.mark.parametrize("rotation", [0.0, 33.0])
@pytest.mark.parametrize("crs_name", ["EPSG:3857", "EPSG:4326", "EPSG:32604"])
def test_a_dragged_rectangle_is_upright_on_the_screen(make_window, crs_name, rotation):
    window = make_window(RectangleTool, crs_name=crs_name, rotation=rotation)
    window.drag((300, 400), (100, 250))
    (corners,) = window.drawn
    wanted = [(100, 250), (300, 250), (300, 400), (100, 400)]
    for seen, dragged in zip(seen_at(window, corners), wanted):
        assert seen == pytest.approx(dragged, abs=0.5)


def test_a_rectangle_keeps_its_first_corner_when_the_map_is_zoomed_during_the_drag(make_window):
    window = make_window(RectangleTool)
    viewport = window.canvas.viewport()
    start = window.canvas.getCoordinateTransform().toMapCoordinates(100, 100)
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(100, 100))
    window.canvas.zoomByFactor(0.5)
    QTest.mouseMove(viewport, QPoint(500, 500))
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(500, 500))
    (corners,) = window.drawn
    end = window.canvas.getCoordinateTransform().toMapCoordinates(500, 500)
    drawn = QgsGeometry.fromPolygonXY([corners]).boundingBox()
    assert drawn.center().distance(QgsRectangle(start, end).center()) < 1
    assert drawn.width() == pytest.approx(QgsRectangle(start, end).width(), abs=1)


@pytest.mark.parametrize("tool_class", [PolygonTool, RectangleTool])
def test_a_tool_that_is_removed_leaves_nothing_on_the_canvas(qtbot, make_window, tool_class):
    window = make_window(tool_class)
    items = len(window.canvas.scene().items())
    other = tool_class(window.canvas)
    assert len(window.canvas.scene().items()) == items + 1
    with qtbot.waitSignal(other.destroyed):
        other.remove()
    assert len(window.canvas.scene().items()) == items


def test_a_polygon_in_degrees_is_told_in_degrees(make_window):
    window = make_window(crs_name="EPSG:4326")
    click_all(window, CORNERS)
    window.key(ENTER)
    harbour = QgsPointXY(-157.9463, 21.3560)
    assert all(corner.distance(harbour) < 0.1 for corner in window.drawn[0])
    assert window.crs == crs_of("EPSG:4326")
