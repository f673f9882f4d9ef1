"""Chips of what the map shows: the known ships of a real harbour are found where the chip says they are."""

from __future__ import annotations

import json
import math

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.aoi import Aoi
from lspace.gis.errors import BlankChip, CrsUnknown, EmptyExtent
from lspace.gis.imaging.chip_note import ChipNoteKind
from lspace.gis.layers import RESULT_PROPERTY
from planted import (
    HARBOUR,
    ROOT,
    blobs,
    coverage,
    crs_of,
    harbour_in,
    harbour_layer,
    is_target,
    pixels_of,
    square_at,
    target_layer,
    transformed,
    units_per_metre,
    view_of,
)
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsMapSettings,
    QgsPointXY,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtGui import QColor

CRSS = ("EPSG:3857", "EPSG:32604", "EPSG:4326", "EPSG:3413", "custom")


def ships():
    """The harbour's ships that stand alone, as geometries in EPSG:3857."""
    features = json.loads((ROOT / "tests" / "data" / "honolulu_ships.geojson").read_text())["features"]
    boxes = [
        QgsGeometry.fromPolygonXY([[QgsPointXY(*point) for point in ring]])
        for ring in (feature["geometry"]["coordinates"][0] for feature in features)
    ]
    return [box for box in boxes if all(box is other or box.distance(other) > 60 for other in boxes)]


@pytest.mark.parametrize("shape", [(600, 300), (250, 500)], ids=["wide", "tall"])
@pytest.mark.parametrize("rotation", [0, 30, 117])
@pytest.mark.parametrize("crs_name", CRSS)
def test_ships_drawn_on_the_map_are_found_in_the_chip_within_a_quarter_of_a_pixel(
    make_chip, crs_name, rotation, shape
):
    web, crs = QgsCoordinateReferenceSystem("EPSG:3857"), crs_of(crs_name)
    drawn = ships()
    assert len(drawn) >= 6
    harbour = harbour_layer()
    layers = [target_layer(drawn, web), harbour]
    chip = make_chip(view_of(layers, crs, *shape, 8.0, rotation)).chip
    without = make_chip(view_of([harbour], crs, *shape, 8.0, rotation)).chip
    assert max(chip.width_px, chip.height_px) == 512
    expected = [
        chip.transform.to_pixel(middle.x(), middle.y())
        for middle in (transformed(ship.centroid(), web, crs).asPoint() for ship in drawn)
    ]
    inside = [
        (column, row)
        for column, row in expected
        if 12 < column < chip.width_px - 12 and 12 < row < chip.height_px - 12
    ]
    assert len(inside) >= 3
    found = blobs(coverage(pixels_of(chip.png), pixels_of(without.png)))
    for column, row in inside:
        nearest = min(math.hypot(column - c, row - r) for c, r in found)
        assert nearest < 0.25, (column, row, nearest)


@pytest.mark.parametrize("crs_name", CRSS)
def test_the_ground_sample_distance_is_that_of_the_ground(make_chip, crs_name):
    crs = crs_of(crs_name)
    chip = make_chip(view_of([harbour_layer()], crs, 512, 512, 8.0)).chip
    assert chip.gsd_m == pytest.approx(8.0, rel=0.01)


def test_a_drawn_rectangle_on_a_turned_map_is_the_whole_chip(make_chip):
    crs = crs_of("EPSG:32604")
    view = view_of([harbour_layer()], crs, 800, 600, 8.0, rotation=30)
    to_map = view.mapToPixel().toMapCoordinates
    corners = [to_map(x, y) for x, y in ((200, 100), (600, 100), (600, 300), (200, 300))]
    chip = make_chip(view, Aoi.from_corners(corners, view)).chip
    assert (chip.width_px, chip.height_px) == (512, 256)
    for pixel, corner in zip([(0, 0), (512, 0), (512, 256), (0, 256)], corners):
        column, row = chip.transform.to_pixel(corner.x(), corner.y())
        assert (column, row) == pytest.approx(pixel, abs=0.01)


def test_our_own_result_layers_are_not_in_the_picture(make_chip):
    crs = crs_of("EPSG:3857")
    targets = target_layer([square_at(crs, 0, 0, 300)], crs)
    view = view_of([targets, harbour_layer()], crs, 400, 400, 8.0)
    assert is_target(pixels_of(make_chip(view).chip.png)).any()
    targets.setCustomProperty(RESULT_PROPERTY, "proposals")
    assert not is_target(pixels_of(make_chip(view).chip.png)).any()


def test_style_and_opacity_are_those_of_the_map(make_chip):
    crs = crs_of("EPSG:3857")
    targets = target_layer([square_at(crs, 0, 0, 10_000)], crs)
    targets.setOpacity(0.5)
    solid = target_layer([square_at(crs, 100, 0, 100)], crs)
    view = view_of([targets, solid], crs, 64, 64, 8.0)
    view.setBackgroundColor(QColor(255, 255, 255))
    rgb = pixels_of(make_chip(view).chip.png)
    assert rgb[5, 5] == pytest.approx([255, 128, 255], abs=2)


def test_a_selection_on_the_map_is_not_in_the_picture(make_chip):
    crs = crs_of("EPSG:3857")
    targets = target_layer([square_at(crs, 0, 0, 300)], crs)
    targets.selectAll()
    view = view_of([targets, harbour_layer()], crs, 400, 400, 8.0)
    view.setFlag(QgsMapSettings.Flag.DrawSelection, True)
    assert is_target(pixels_of(make_chip(view).chip.png)).sum() > 1000


def test_what_no_layer_covers_is_black_counted_and_said(make_chip):
    crs = crs_of("EPSG:3857")
    layer = harbour_layer()
    view = view_of([layer], crs, 400, 400, 60.0)
    view.setBackgroundColor(QColor(255, 255, 255))
    made = make_chip(view)
    rgb = pixels_of(made.chip.png)
    scene, frame = layer.extent(), view.visibleExtent()
    assert made.chip.valid_share == pytest.approx(
        scene.width() * scene.height() / (frame.width() * frame.height()), rel=0.05
    )
    assert (rgb[0, 0] == 0).all()
    assert [note.kind for note in made.notes] == [ChipNoteKind.MOSTLY_EMPTY]


def test_an_empty_picture_is_refused(make_chip):
    with pytest.raises(BlankChip):
        make_chip(view_of([], crs_of("EPSG:3857"), 400, 400, 8.0))


def test_a_picture_of_one_colour_is_refused(make_chip):
    crs = crs_of("EPSG:3857")
    with pytest.raises(BlankChip):
        make_chip(view_of([target_layer([square_at(crs, 0, 0, 100_000)], crs)], crs, 400, 400, 8.0))


def test_a_map_without_a_crs_or_without_an_extent_is_refused():
    view = view_of([harbour_layer()], crs_of("EPSG:3857"), 400, 400, 8.0)
    view.setDestinationCrs(QgsCoordinateReferenceSystem())
    with pytest.raises(CrsUnknown):
        Aoi.from_view(view)
    with pytest.raises(EmptyExtent):
        Aoi.from_corners([QgsPointXY(0, 0)] * 4, view_of([], crs_of("EPSG:3857"), 400, 400, 8.0))


@pytest.mark.parametrize("crs_name", CRSS)
def test_the_size_of_a_view_is_that_of_the_ground(crs_name):
    view = view_of([harbour_layer()], crs_of(crs_name), 500, 250, 8.0)
    width, height = Aoi.from_view(view).size_m()
    assert width * height == pytest.approx(4000 * 2000, rel=0.01)
    # a degree of longitude is shorter than one of latitude
    narrowing = math.cos(math.radians(HARBOUR.y())) if crs_name == "EPSG:4326" else 1
    assert width / height == pytest.approx(2 * narrowing, rel=0.01)


@pytest.mark.parametrize("crs_name", CRSS)
def test_a_view_beyond_the_earth_has_a_size_or_a_typed_error_but_never_nan(crs_name):
    view = view_of([harbour_layer()], crs_of(crs_name), 500, 250, 8.0)
    half = 400 if crs_name == "EPSG:4326" else 4e7
    view.setExtent(QgsRectangle(-half, -half, half, half))
    try:
        width, height = Aoi.from_view(view).size_m()
    except CrsUnknown:
        return
    assert 0 < width < math.inf
    assert 0 < height < math.inf


def test_a_view_too_large_for_qgis_is_refused():
    view = view_of([harbour_layer()], crs_of("EPSG:3857"), 400, 400, 8.0)
    view.setExtent(QgsRectangle(-1e9, -1e9, 1e9, 1e9))
    assert not view.hasValidSettings()
    with pytest.raises(EmptyExtent):
        Aoi.from_view(view)


def test_a_broken_layer_is_named(make_chip):
    broken = QgsRasterLayer("/nonexistent.tif", "the lost scene")
    view = view_of([broken, harbour_layer()], crs_of("EPSG:3857"), 400, 400, 8.0)
    notes = make_chip(view).notes
    assert [(note.kind, note.subject) for note in notes] == [(ChipNoteKind.LAYER_INVALID, "the lost scene")]


def test_the_same_view_gives_the_same_chip_id_and_another_place_another(make_chip):
    crs = crs_of("EPSG:3857")
    first, again = (make_chip(view_of([harbour_layer()], crs, 400, 400, 8.0)).chip for _ in range(2))
    elsewhere = view_of([harbour_layer()], crs, 400, 400, 8.0)
    centre, size = harbour_in(crs), 3200 * units_per_metre(crs)
    elsewhere.setExtent(QgsRectangle.fromCenterAndSize(QgsPointXY(centre.x() + 500, centre.y()), size, size))
    assert first.chip_id == again.chip_id != make_chip(elsewhere).chip.chip_id


def test_a_high_dpi_screen_gives_the_same_pixels(make_chip):
    crs = crs_of("EPSG:3857")
    plain, dense = (view_of([harbour_layer()], crs, 400, 300, 8.0) for _ in range(2))
    dense.setDevicePixelRatio(2.0)
    assert make_chip(plain).chip.png == make_chip(dense).chip.png
