"""Areas of interest: from shapes, selected features and layers, kept as text and with the project."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.aoi import MOST_FEATURES, Aoi
from lspace.gis.errors import CrsUnknown, EmptyExtent, RecordInvalid, SelectionTooLarge
from planted import crs_of, harbour_layer, square_at, target_layer, transformed, units_per_metre, view_of
from qgis.core import QgsCoordinateReferenceSystem, QgsFeature, QgsGeometry, QgsRasterLayer, QgsVectorLayer

CRSS = ("EPSG:3857", "EPSG:4326", "EPSG:32604", "custom")
UTM = "EPSG:32604"
NOWHERE = QgsCoordinateReferenceSystem()


def from_wkt(wkt, crs=UTM):
    return Aoi.from_polygon(QgsGeometry.fromWkt(wkt), crs_of(crs))


def selected(wkts, crs=UTM):
    layer = target_layer([QgsGeometry.fromWkt(wkt) for wkt in wkts], crs_of(crs))
    layer.selectAll()
    return layer


def test_arcs_become_edges_and_heights_are_dropped():
    disc = from_wkt("CurvePolygonZM(CircularString(0 0 9 9, 1 1 9 9, 2 0 9 9, 1 -1 9 9, 0 0 9 9))").polygon
    assert disc.asWkt(0).startswith("Polygon (")
    assert disc.area() == pytest.approx(3.1416, rel=1e-3)


def test_a_crossed_outline_is_the_area_that_it_encloses():
    bow_tie = from_wkt("Polygon((0 0, 20 20, 20 0, 0 20, 0 0))").polygon
    assert bow_tie.isGeosValid()
    assert bow_tie.area() == pytest.approx(200)


def test_of_a_collection_the_polygons_count():
    wkt = "GeometryCollection(Point(50 50), Polygon((0 0, 10 0, 10 10, 0 10, 0 0)), LineString(0 0, 90 90))"
    assert from_wkt(wkt).frame().width == pytest.approx(10)


@pytest.mark.parametrize(
    "wkt", ["Point(1 1)", "LineString(0 0, 5 5)", "Polygon EMPTY", "Polygon((0 0, 5 5, 0 0))", ""]
)
def test_what_encloses_nothing_is_no_area(wkt):
    with pytest.raises(EmptyExtent) as caught:
        from_wkt(wkt)
    assert caught.value.values["reason"] == "no area"


def test_a_shape_without_a_crs_has_no_place():
    with pytest.raises(CrsUnknown):
        Aoi.from_polygon(QgsGeometry.fromWkt("Polygon((0 0, 1 0, 1 1, 0 0))"), NOWHERE)


def test_selected_features_are_one_area_that_counts_an_overlap_once():
    layer = selected(
        [
            "Polygon((0 0, 10 0, 10 10, 0 10, 0 0))",
            "Polygon((5 0, 15 0, 15 10, 5 10, 5 0))",
            "MultiPolygon(((90 0, 100 0, 100 10, 90 10, 90 0)), ((50 50, 60 50, 60 60, 50 60, 50 50)))",
        ]
    )
    aoi = Aoi.from_features(layer, 33.0)
    assert aoi.polygon.area() == pytest.approx(150 + 200)
    assert aoi.polygon.isGeosValid()
    assert (aoi.crs, aoi.rotation_deg) == (layer.crs(), 33.0)


def test_what_is_not_selected_is_not_in_the_area():
    layer = selected(
        ["Polygon((0 0, 10 0, 10 10, 0 10, 0 0))", "Polygon((90 0, 100 0, 100 10, 90 10, 90 0))"]
    )
    layer.deselect(2)
    assert Aoi.from_features(layer).polygon.boundingBox().xMaximum() == 10


def test_a_feature_with_a_crossed_outline_does_not_spoil_the_others():
    layer = selected(
        ["Polygon((0 0, 20 20, 20 0, 0 20, 0 0))", "Polygon((90 0, 100 0, 100 10, 90 10, 90 0))"]
    )
    assert Aoi.from_features(layer).polygon.area() == pytest.approx(200 + 100)


def test_a_shape_that_is_being_edited_counts_as_it_is_now():
    layer = selected(["Polygon((0 0, 10 0, 10 10, 0 10, 0 0))"])
    assert layer.startEditing()
    assert layer.changeGeometry(1, QgsGeometry.fromWkt("MultiPolygon(((0 0, 30 0, 30 30, 0 30, 0 0)))"))
    assert Aoi.from_features(layer).polygon.area() == pytest.approx(900)


def test_without_a_selection_there_is_no_area():
    layer = selected(["Polygon((0 0, 10 0, 10 10, 0 10, 0 0))"])
    layer.removeSelection()
    with pytest.raises(EmptyExtent) as caught:
        Aoi.from_features(layer)
    assert caught.value.values == {"reason": "nothing selected", "layer": "targets"}


def test_a_selection_of_thousands_is_refused():
    layer = selected(["Polygon((0 0, 10 0, 10 10, 0 10, 0 0))"] * (MOST_FEATURES + 1))
    with pytest.raises(SelectionTooLarge):
        Aoi.from_features(layer)
    layer.deselect(1)
    assert Aoi.from_features(layer).polygon.area() == pytest.approx(100)


@pytest.mark.parametrize("crs_name", CRSS)
def test_the_extent_of_a_layer_is_an_area_in_its_own_crs(crs_name):
    square = square_at(crs_of(crs_name), 0, 0, 3000)
    aoi = Aoi.from_layer_extent(target_layer([square], crs_of(crs_name)), 33.0)
    assert aoi.crs == crs_of(crs_name)
    assert aoi.rotation_deg == 33.0
    assert aoi.polygon.symDifference(square).area() < 1e-6 * square.area()


def test_a_raster_layer_has_an_extent_too():
    layer = harbour_layer()
    assert Aoi.from_layer_extent(layer).polygon.boundingBox() == layer.extent()


def test_an_empty_layer_has_no_extent():
    with pytest.raises(EmptyExtent) as caught:
        Aoi.from_layer_extent(QgsVectorLayer("Polygon?crs=EPSG:4326", "empty", "memory"))
    assert caught.value.values == {"reason": "empty layer", "layer": "empty"}


def test_the_extent_of_one_point_is_no_area():
    layer, point = QgsVectorLayer("Point?crs=EPSG:4326", "buoy", "memory"), QgsFeature()
    point.setGeometry(QgsGeometry.fromWkt("Point(-157.9 21.3)"))
    assert layer.dataProvider().addFeatures([point])[0]
    layer.updateExtents()
    with pytest.raises(EmptyExtent) as caught:
        Aoi.from_layer_extent(layer)
    assert caught.value.values == {"reason": "no area"}


def test_a_broken_layer_is_refused():
    broken = QgsRasterLayer("/nowhere/at/all.tif", "gone")
    with pytest.raises((EmptyExtent, CrsUnknown)) as caught:
        Aoi.from_layer_extent(broken)
    assert caught.value.values["layer"] == "gone"


def test_a_layer_without_a_crs_is_named():
    layer = target_layer([QgsGeometry.fromWkt("Polygon((0 0, 10 0, 10 10, 0 10, 0 0))")], NOWHERE)
    layer.selectAll()
    for make in (Aoi.from_features, Aoi.from_layer_extent):
        with pytest.raises(CrsUnknown) as caught:
            make(layer)
        assert caught.value.values["layer"] == "targets"


@pytest.mark.parametrize("crs_name", CRSS)
def test_an_area_is_measured_on_the_ground_in_any_crs(crs_name):
    crs = crs_of(crs_name)
    ring = square_at(crs, 0, 0, 2000).difference(square_at(crs, 0, 0, 1000))
    assert Aoi.from_polygon(ring, crs).area_m2() == pytest.approx(3e6, rel=2e-3)


def test_an_area_beyond_the_edge_of_the_earth_is_not_measured():
    with pytest.raises(CrsUnknown):
        from_wkt("Polygon((-300 -100, 300 -100, 300 100, -300 100, -300 -100))", "EPSG:4326").area_m2()


@pytest.mark.parametrize("rotation", [0.0, 33.0])
@pytest.mark.parametrize("crs_name", CRSS)
def test_an_area_comes_back_from_its_text_to_the_last_digit(crs_name, rotation):
    aoi = Aoi.from_polygon(square_at(crs_of(crs_name), 1 / 3, 1 / 7, 999.9), crs_of(crs_name), rotation)
    again = Aoi.from_json(aoi.to_json())
    corners = [(vertex.x(), vertex.y()) for vertex in aoi.polygon.vertices()]
    assert [(vertex.x(), vertex.y()) for vertex in again.polygon.vertices()] == corners
    assert (again.crs, again.rotation_deg) == (aoi.crs, rotation)
    assert again.to_json() == aoi.to_json()


def test_a_crs_with_a_number_of_the_users_own_is_known_by_its_definition():
    record = json.loads(from_wkt("Polygon((0 0, 1 0, 1 1, 0 0))", "custom").to_json())
    again = Aoi.from_json(json.dumps({**record, "authid": "USER:100000"}))
    assert again.crs == crs_of("custom")


@pytest.mark.parametrize(
    "change",
    [
        {"wkt": "Polygon((0 0"},
        {"wkt": "Point(1 1)"},
        {"wkt": 5},
        {"authid": "", "crs_wkt": "nonsense"},
        {"authid": None},
        {"rotation_deg": "north"},
        {"rotation_deg": float("nan")},
    ],
    ids=str,
)
def test_a_damaged_text_is_refused(change):
    record = json.loads(from_wkt("Polygon((0 0, 1 0, 1 1, 0 0))").to_json())
    with pytest.raises(RecordInvalid):
        Aoi.from_json(json.dumps({**record, **change}))


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "{", '"text"', "7"])
def test_a_foreign_text_is_refused(text):
    with pytest.raises(RecordInvalid):
        Aoi.from_json(text)


@pytest.mark.parametrize("crs_name", CRSS)
def test_on_the_map_an_area_is_the_same_place(crs_name):
    aoi = Aoi.from_polygon(square_at(crs_of(UTM), 0, 0, 2000), crs_of(UTM))
    view = view_of([], crs_of(crs_name), 300, 200, 6.0, rotation=33)
    there = aoi.on_map(view)
    assert (there.crs, there.rotation_deg) == (crs_of(crs_name), 33.0)
    back = transformed(there.polygon, crs_of(crs_name), crs_of(UTM))
    assert back.symDifference(aoi.polygon).area() < 1e-5 * aoi.polygon.area()


def test_a_chip_of_an_area_in_another_crs_than_the_map_is_drawn_in_that_of_the_area(make_chip):
    crs, aoi_crs = crs_of("EPSG:3857"), crs_of(UTM)
    aoi = Aoi.from_polygon(square_at(aoi_crs, 0, 0, 2000), aoi_crs)
    chip = make_chip(view_of([harbour_layer()], crs, 300, 200, 6.0), aoi).chip
    assert QgsCoordinateReferenceSystem.fromWkt(chip.crs_wkt) == aoi_crs
    assert chip.gsd_m == pytest.approx(2000 / chip.width_px, rel=2e-3)
    left, top = chip.transform.to_map(0, 0)
    box = aoi.polygon.boundingBox()
    assert (left, top) == pytest.approx((box.xMinimum(), box.yMaximum()), abs=0.01 * units_per_metre(aoi_crs))
