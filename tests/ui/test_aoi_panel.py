"""The area of interest, chosen beside a real map by clicks and keys."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from aoi_window import windows_with_a_panel
from clicks import click
from lspace.gis.aoi import Aoi
from lspace.gis.errors import CrsUnknown
from lspace.gis.layers import RESULT_PROPERTY
from lspace.gis.saved_aoi import AoiSource
from lspace.ui.area.aoi_panel import AoiPanel
from planted import crs_of, square_at, target_layer, transformed
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QLabel

DOWN = Qt.Key.Key_Down
UTM = "EPSG:32604"


@pytest.fixture
def make_window(qtbot):
    yield from windows_with_a_panel(qtbot)


def polygons(crs_name=UTM, sides=(1000, 500), name="fields"):
    """Squares side by side, none of them selected."""
    crs = crs_of(crs_name)
    squares = [square_at(crs, 2000 * index, 0, side) for index, side in enumerate(sides)]
    layer = target_layer(squares, crs, name)
    QgsProject.instance().addMapLayer(layer)
    return layer


def wait_for_change(qtbot, window):
    window.changes.clear()
    qtbot.waitUntil(lambda: bool(window.changes), timeout=20_000)


def test_at_first_the_view_is_the_area_and_nothing_is_outlined(make_window):
    window = make_window()
    assert window.panel.source() is AoiSource.VIEW
    assert window.panel.aoi().to_json() == Aoi.from_view(window.canvas.mapSettings()).to_json()
    assert window.outlines() == []
    assert not window.panel.layer_combo.isVisible()
    assert not window.panel.zoom_button.isEnabled()


def test_the_view_is_followed_once_the_map_rests(qtbot, make_window):
    window = make_window()
    before = window.says()
    window.changes.clear()
    for _ in range(5):
        window.canvas.zoomByFactor(1.2)
    assert window.changes == []
    wait_for_change(qtbot, window)
    assert window.says() != before
    assert len(window.changes) == 1


def test_the_view_is_the_area_as_it_is_now_also_while_the_map_moves(make_window):
    window = make_window()
    window.canvas.zoomByFactor(3)
    assert window.panel.aoi().to_json() == Aoi.from_view(window.canvas.mapSettings()).to_json()


def test_the_outline_follows_the_crs_of_the_map(qtbot, make_window):
    window = make_window(crs_name="EPSG:3857")
    aoi = Aoi.from_polygon(square_at(crs_of(UTM), 0, 0, 2000), crs_of(UTM))
    window.panel.set_aoi(aoi)
    window.canvas.setDestinationCrs(crs_of("EPSG:4326"))
    wait_for_change(qtbot, window)
    (outline,) = window.outlines()
    expected = transformed(aoi.polygon, crs_of(UTM), crs_of("EPSG:4326"))
    assert outline.asGeometry().symDifference(expected).area() < 1e-4 * expected.area()
    assert window.panel.aoi().to_json() == aoi.to_json()


def test_the_size_is_told_in_words(make_window):
    window = make_window()
    crs = crs_of(UTM)
    window.panel.set_aoi(Aoi.from_polygon(square_at(crs, 0, 0, 2000), crs))
    assert window.says() == "2.0 x 2.0 km, 400 ha"
    window.panel.set_aoi(Aoi.from_polygon(square_at(crs, 0, 0, 50), crs))
    assert window.says() == "50 x 50 m, 2501 m²"
    window.panel.set_aoi(Aoi.from_polygon(square_at(crs, 0, 0, 20_000), crs))
    assert window.says() == "20.0 x 20.0 km, 400 km²"


def test_of_the_whole_world_no_hectares_are_told(make_window):
    window = make_window()
    world = QgsGeometry.fromWkt("Polygon((-2e7 -2e7, 2e7 -2e7, 2e7 2e7, -2e7 2e7, -2e7 -2e7))")
    window.panel.set_aoi(Aoi.from_polygon(world, crs_of("EPSG:3857")))
    assert window.says().endswith(" km")


@pytest.mark.parametrize("crs_name", ["EPSG:3857", "EPSG:4326", UTM])
def test_selected_features_are_the_area_and_are_followed(qtbot, make_window, crs_name):
    window = make_window(rotation=33.0)
    layer = polygons(crs_name, sides=(1000, 500))
    window.panel.choose_source(AoiSource.FEATURES)
    assert "No feature of this layer is selected" in window.says()
    assert window.outlines() == []
    layer.select(1)
    wait_for_change(qtbot, window)
    assert window.panel.aoi().area_m2() == pytest.approx(1e6, rel=5e-3)
    assert (window.panel.aoi().crs, window.panel.aoi().rotation_deg) == (crs_of(crs_name), 33.0)
    assert len(window.outlines()) == 1
    layer.selectAll()
    wait_for_change(qtbot, window)
    assert window.panel.aoi().area_m2() == pytest.approx(1.25e6, rel=5e-3)


def test_the_frame_of_selected_features_turns_with_the_map(qtbot, make_window):
    window = make_window()
    polygons().selectAll()
    window.panel.choose_source(AoiSource.FEATURES)
    qtbot.wait(250)
    window.canvas.setRotation(33)
    wait_for_change(qtbot, window)
    assert window.panel.aoi().rotation_deg == 33.0


def test_a_drawn_shape_is_not_told_anew_when_the_map_moves(qtbot, make_window):
    window = make_window()
    click(window.panel.drawing.rectangle_button)
    window.drag((300, 200), (500, 300))
    qtbot.wait(250)
    window.changes.clear()
    window.canvas.zoomByFactor(2)
    qtbot.wait(250)
    assert window.changes == []


def test_a_selected_feature_that_is_reshaped_is_followed(qtbot, make_window):
    window = make_window()
    layer = polygons()
    window.panel.choose_source(AoiSource.FEATURES)
    layer.select(1)
    assert layer.startEditing()
    wait_for_change(qtbot, window)
    assert layer.changeGeometry(1, square_at(crs_of(UTM), 0, 0, 3000))
    wait_for_change(qtbot, window)
    assert window.says().startswith("3.0 x 3.0 km")


def test_the_extent_of_a_layer_is_the_area(make_window):
    window = make_window()
    window.panel.choose_source(AoiSource.EXTENT)
    window.panel.layer_combo.setLayer(window.harbour)
    assert window.panel.aoi().polygon.boundingBox() == window.harbour.extent()
    assert window.panel.aoi().crs == window.harbour.crs()


def test_features_come_from_polygon_layers_and_extents_from_all_but_results(make_window):
    window = make_window()
    polygons(name="fields")
    project = QgsProject.instance()
    project.addMapLayer(QgsVectorLayer("Point?crs=EPSG:4326", "buoys", "memory"))
    project.addMapLayer(QgsVectorLayer("NoGeometry", "table", "memory"))
    window.panel.choose_source(AoiSource.FEATURES)
    result = polygons(name="proposals")
    assert window.offered() == ["fields", "proposals"]
    window.panel.choose_source(AoiSource.EXTENT)
    result.setCustomProperty(RESULT_PROPERTY, "proposals")
    polygons(name="parks")
    assert window.offered() == ["buoys", "fields", "harbour", "parks"]


def test_the_active_layer_is_proposed_first(make_window):
    window = make_window()
    for active in (polygons(name="fields"), polygons(name="parks"), polygons(name="lakes")):
        window.canvas.setCurrentLayer(active)
        window.panel.choose_source(AoiSource.FEATURES)
        assert window.panel.layer() is active
    window.canvas.setCurrentLayer(window.harbour)
    window.panel.choose_source(AoiSource.FEATURES)
    assert window.panel.layer() is active


def test_another_layer_is_followed_instead_of_the_former(qtbot, make_window):
    window = make_window()
    fields, parks = polygons(name="fields"), polygons(name="parks")
    window.canvas.setCurrentLayer(fields)
    window.panel.choose_source(AoiSource.FEATURES)
    window.panel.layer_combo.setLayer(parks)
    window.changes.clear()
    fields.selectAll()
    qtbot.wait(250)
    assert window.changes == []
    parks.selectAll()
    wait_for_change(qtbot, window)


def test_a_layer_that_is_removed_leaves_a_sentence(qtbot, make_window):
    window = make_window()
    layer = polygons()
    layer.selectAll()
    window.panel.choose_source(AoiSource.FEATURES)
    assert len(window.outlines()) == 1
    QgsProject.instance().removeMapLayer(layer.id())
    assert "There is no layer" in window.says()
    assert window.outlines() == []


def test_keys_alone_choose_the_source(make_window):
    window = make_window()
    combo = window.panel.source_combo
    for source in (AoiSource.DRAWN, AoiSource.FEATURES, AoiSource.EXTENT):
        QTest.keyClick(combo, DOWN)
        assert window.panel.source() is source
    assert window.canvas.mapTool() is None
    assert window.panel.layer_combo.isVisible()


def test_an_area_that_is_set_counts_as_drawn(make_window):
    window = make_window()
    aoi = Aoi.from_polygon(square_at(crs_of(UTM), 0, 0, 2000), crs_of(UTM), 12.0)
    window.changes.clear()
    window.panel.set_aoi(aoi)
    assert window.panel.source() is AoiSource.DRAWN
    assert window.panel.aoi() is aoi
    assert window.changes == [True]


@pytest.mark.parametrize("rotation", [0.0, 33.0, 90.0])
@pytest.mark.parametrize("crs_name", ["EPSG:3857", "EPSG:4326", UTM])
def test_zooming_shows_the_whole_area_and_little_more(make_window, crs_name, rotation):
    window = make_window(crs_name=crs_name, rotation=rotation)
    corner = square_at(crs_of(UTM), 4000, 0, 10).boundingBox().center()
    strip = f"Polygon(({corner.x()} {corner.y()}, {corner.x() + 300} {corner.y()},"
    strip += f" {corner.x() + 300} {corner.y() + 5000}, {corner.x()} {corner.y() + 5000}))"
    window.panel.set_aoi(Aoi.from_polygon(QgsGeometry.fromWkt(strip), crs_of(UTM)))
    click(window.panel.zoom_button)
    aoi = window.panel.aoi().on_map(window.canvas.mapSettings())
    columns, rows = zip(*window.pixels(aoi.polygon))
    width, height = window.canvas.width(), window.canvas.height()
    assert min(columns) >= 0
    assert min(rows) >= 0
    assert max(columns) <= width
    assert max(rows) <= height
    shares = ((max(columns) - min(columns)) / width, (max(rows) - min(rows)) / height)
    assert max(shares) == pytest.approx(1 / 1.1, abs=0.02)


def test_an_area_that_the_map_cannot_show_is_told_in_words(make_window):
    window = make_window(crs_name="EPSG:3857")
    pole = QgsGeometry.fromWkt("Polygon((0 89, 90 90, 180 91, 0 89))")
    window.panel.set_aoi(Aoi(pole, crs_of("EPSG:4326")))
    assert window.outlines() == []
    extent = window.canvas.extent()
    window.panel.zoom_to_area()
    assert "coordinate reference system" in window.says()
    assert window.canvas.extent() == extent


@pytest.mark.parametrize("crs_name", ["EPSG:3857", "EPSG:4326", UTM])
def test_the_area_is_kept_with_the_project(tmp_path, make_window, crs_name):
    window = make_window(crs_name=crs_name, rotation=33.0)
    project, path = QgsProject.instance(), str(tmp_path / "project.qgz")
    click(window.panel.drawing.rectangle_button)
    window.drag((300, 200), (500, 300))
    drawn = window.panel.aoi().to_json()
    assert project.isDirty()
    assert project.write(path)
    project.clear()
    assert window.panel.source() is AoiSource.VIEW
    assert window.outlines() == []
    assert project.read(path)
    assert not project.isDirty()
    assert window.panel.source() is AoiSource.DRAWN
    assert window.panel.aoi().to_json() == drawn
    assert len(window.outlines()) == 1
    other = AoiPanel(window.canvas)
    assert other.aoi().to_json() == drawn
    other.shut_down()


def test_a_chosen_layer_is_kept_with_the_project(tmp_path, make_window):
    window = make_window()
    project, path = QgsProject.instance(), str(tmp_path / "project.qgz")
    polygons(name="fields")
    parks = polygons(name="parks")
    window.panel.choose_source(AoiSource.EXTENT)
    window.panel.layer_combo.setLayer(parks)
    combo = window.panel.layer_combo
    first = combo.currentIndex()
    for key in (Qt.Key.Key_Home, *[DOWN] * first):
        QTest.keyClick(combo, key)
    assert window.panel.layer() is parks
    assert project.write(path)
    project.clear()
    assert project.read(path)
    assert window.panel.source() is AoiSource.EXTENT
    assert window.panel.layer().name() == "parks"


def test_looking_and_moving_about_do_not_change_the_project(qtbot, make_window):
    window = make_window()
    QgsProject.instance().setDirty(False)
    window.canvas.zoomByFactor(2)
    wait_for_change(qtbot, window)
    assert not QgsProject.instance().isDirty()


def test_after_a_shut_down_nothing_is_left_on_the_map_and_nothing_is_followed(qtbot, make_window):
    window = make_window()
    items = len(window.canvas.scene().items())
    layer = polygons()
    window.panel.choose_source(AoiSource.FEATURES)
    layer.selectAll()
    click(window.panel.drawing.polygon_button)
    window.click(100, 100)
    window.panel.shut_down()
    window.changes.clear()
    assert window.canvas.mapTool() is None
    assert len(window.canvas.scene().items()) == items - 3  # two tools and the marker
    window.canvas.zoomByFactor(2)
    window.canvas.setRotation(10)
    window.canvas.setDestinationCrs(crs_of(UTM))
    layer.removeSelection()
    QgsProject.instance().clear()
    qtbot.wait(250)
    assert window.changes == []
    window.panel.shut_down()


def test_without_a_crs_of_the_map_there_is_a_sentence(qtbot, make_window):
    window = make_window()
    window.canvas.setDestinationCrs(QgsCoordinateReferenceSystem())
    with pytest.raises(CrsUnknown):
        window.panel.aoi()
    qtbot.waitUntil(lambda: "coordinate reference system" in window.says(), timeout=20_000)


def test_the_panel_can_be_used_at_320_pixels_and_by_keyboard(make_window):
    window = make_window()
    panel = window.panel
    panel.choose_source(AoiSource.EXTENT)
    assert panel.minimumSizeHint().width() <= 300
    label = next(label for label in panel.findChildren(QLabel) if label.buddy())
    assert label.buddy() is panel.source_combo
    buttons = [panel.drawing.rectangle_button, panel.drawing.polygon_button, panel.zoom_button]
    order, widget = [], panel.source_combo
    while len(order) < 5:
        if widget in (panel.source_combo, *buttons, panel.layer_combo):
            order.append(widget)
        widget = widget.nextInFocusChain()
    assert order == [panel.source_combo, *buttons, panel.layer_combo]
    assert all(button.toolTip() and button.text() for button in buttons)
    assert panel.whatsThis()
