"""Training-grade chips: where the squares lie that cover an area."""

from __future__ import annotations

import math
import random

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.aoi import Aoi
from lspace.gis.errors import AoiTooLarge, CrsUnknown, NoUtmZone
from lspace.gis.imaging.training_chips import plan_squares, utm_zone_of
from planted import crs_of, transformed, view_of
from qgis.core import QgsGeometry, QgsPointXY, QgsRectangle
from written import GEOMETRY, SIDE, UTM

CRSS = ("EPSG:4326", "EPSG:3857", "EPSG:32604", "EPSG:3413", "custom")


def aoi_of(wkt, crs_name="EPSG:32604"):
    return Aoi(QgsGeometry.fromWkt(wkt), crs_of(crs_name))


def rectangle(width, height, left=600_000.0, bottom=2_360_000.0):
    return QgsGeometry.fromRect(QgsRectangle(left, bottom, left + width, bottom + height))


def extents_of(squares):
    return [square.extent for square in squares]


def uncovered(polygon, extents):
    return polygon.difference(QgsGeometry.unaryUnion([QgsGeometry.fromRect(e) for e in extents])).area()


@pytest.mark.parametrize(("width", "height"), [(100, 100), (5120, 5120), (5119.9, 3), (1, 5120)])
def test_an_aoi_that_fits_gets_one_square_around_its_middle(width, height):
    polygon = rectangle(width, height)
    (square,) = plan_squares(Aoi(polygon, UTM), GEOMETRY)
    middle = polygon.boundingBox().center()
    assert square.crs == UTM
    assert (square.extent.width(), square.extent.height()) == pytest.approx((SIDE, SIDE), abs=1e-6)
    assert square.extent.center().distance(middle) < 1e-6


@pytest.mark.parametrize(
    ("width", "height", "columns", "rows"),
    [(5121, 100, 2, 1), (8960, 8960, 2, 2), (8961, 5120, 3, 1), (5120, 12_800, 1, 3), (16_641, 12_801, 5, 4)],
)
def test_a_larger_aoi_gets_a_grid_from_edge_to_edge(width, height, columns, rows):
    polygon = rectangle(width, height)
    extents = extents_of(plan_squares(Aoi(polygon, UTM), GEOMETRY))
    assert len(extents) == columns * rows
    around = polygon.boundingBox()
    lefts = sorted({round(e.xMinimum(), 6) for e in extents})
    tops = sorted({round(e.yMaximum(), 6) for e in extents}, reverse=True)
    if columns > 1:
        assert lefts[0] == pytest.approx(around.xMinimum())
        assert lefts[-1] + SIDE == pytest.approx(around.xMaximum())
    if rows > 1:
        assert tops[0] == pytest.approx(around.yMaximum())
        assert tops[-1] - SIDE == pytest.approx(around.yMinimum())
    order = [(round(e.yMaximum(), 6), round(e.xMinimum(), 6)) for e in extents]
    assert order == [(top, left) for top in tops for left in lefts]


def test_whatever_its_size_every_part_is_in_a_square_and_neighbours_share_a_quarter():
    dice = random.Random(11)
    for _ in range(150):
        width, height = (dice.choice([dice.uniform(1, 30_000), SIDE * dice.randint(1, 5)]) for _ in "xy")
        polygon = rectangle(width, height, dice.uniform(3e5, 7e5), dice.uniform(1e6, 5e6))
        extents = extents_of(plan_squares(Aoi(polygon, UTM), GEOMETRY))
        assert uncovered(polygon, extents) < 1e-3, (width, height)
        for starts in ({e.xMinimum() for e in extents}, {e.yMinimum() for e in extents}):
            ordered = sorted(starts)
            gaps = [after - before for before, after in zip(ordered, ordered[1:]) if after - before > 1e-3]
            assert all(gap <= 0.75 * SIDE + 1e-6 for gap in gaps), (width, height)


@pytest.mark.parametrize("seed", range(12))
def test_of_a_slanted_aoi_the_squares_beside_it_are_left_out(seed):
    dice = random.Random(seed)
    polygon = rectangle(dice.uniform(15_000, 30_000), dice.uniform(200, 3000))
    polygon.rotate(dice.uniform(30, 60), polygon.boundingBox().center())
    extents = extents_of(plan_squares(Aoi(polygon, UTM), GEOMETRY))
    around = QgsGeometry.fromRect(polygon.boundingBox())
    assert len(extents) < len(plan_squares(Aoi(around, UTM), GEOMETRY))
    assert uncovered(polygon, extents) < 1e-3
    assert all(polygon.intersects(extent) for extent in extents)


@pytest.mark.parametrize("crs_name", CRSS)
def test_an_aoi_in_any_crs_is_covered_and_its_middle_square_lies_in_its_utm_zone(crs_name):
    crs = crs_of(crs_name)
    aoi = Aoi.from_view(view_of([], crs, 900, 700, 20.0, rotation=20))
    squares = plan_squares(aoi, GEOMETRY)
    assert {square.crs.authid() for square in squares} == {"EPSG:32604"}
    outline = transformed(aoi.polygon.densifyByCount(40), crs, UTM)
    # the bulge of a bent edge between two of the points that follow it
    assert uncovered(outline, extents_of(squares)) < 1e-5 * outline.area()


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        (-157.9, 21.4, 32604),
        (-7.6, 33.6, 32629),
        (18.4, -33.9, 32734),
        (-5.999, 10, 32630),
        (-6.001, 10, 32629),
        (0, 0, 32631),
        (0, -0.001, 32731),
        (179.999, 1, 32660),
        (-179.999, 1, 32601),
        (180.5, -17, 32701),
        (-180.5, -17, 32760),
        (10, 83.9, 32632),
        (10, -79.9, 32732),
    ],
)
def test_the_utm_zone_is_that_of_the_middle(lon, lat, code):
    d = 0.0005
    box = f"POLYGON(({lon - d} {lat - d},{lon + d} {lat - d},{lon + d} {lat + d},{lon - d} {lat + d}, \
        {lon - d} {lat - d}))"
    assert utm_zone_of(aoi_of(box, "EPSG:4326")).authid() == f"EPSG:{code}"


@pytest.mark.parametrize("crs_name", ["EPSG:4326", "EPSG:3857"])
def test_an_aoi_across_the_date_line_is_covered(crs_name):
    wkt = "POLYGON((179.96 -17.03, 180.04 -17.03, 180.04 -16.97, 179.96 -16.97, 179.96 -17.03))"
    polygon, crs = QgsGeometry.fromWkt(wkt), crs_of(crs_name)
    if crs_name == "EPSG:3857":
        # as the canvas draws it: on beyond the edge of the world
        metres = math.pi * 6378137 / 180
        y = {lat: 6378137 * math.asinh(math.tan(math.radians(lat))) for lat in (-17.03, -16.97)}
        corners = [(179.96, -17.03), (180.04, -17.03), (180.04, -16.97), (179.96, -16.97)]
        polygon = QgsGeometry.fromPolygonXY([[QgsPointXY(lon * metres, y[lat]) for lon, lat in corners]])
    squares = plan_squares(Aoi(polygon, crs), GEOMETRY)
    assert 4 <= len(squares) <= 6
    zone = squares[0].crs
    assert zone.authid() in ("EPSG:32701", "EPSG:32760")
    outline = transformed(QgsGeometry.fromWkt(wkt).densifyByCount(40), crs_of("EPSG:4326"), zone)
    assert 50e6 < outline.area() < 60e6
    assert uncovered(outline, extents_of(squares)) < 1e-5 * outline.area()


@pytest.mark.parametrize("lat", [84.5, 89, -80.5])
def test_near_the_poles_there_is_no_utm_zone(lat):
    with pytest.raises(NoUtmZone):
        plan_squares(
            aoi_of(f"POLYGON((0 {lat}, 0.1 {lat}, 0.1 {lat + 0.1}, 0 {lat}))", "EPSG:4326"), GEOMETRY
        )


@pytest.mark.parametrize("crs_name", ["EPSG:4326", "EPSG:3857", "EPSG:32604"])
def test_a_view_of_half_the_world_is_refused_at_once(crs_name):
    view = view_of([], crs_of(crs_name), 1000, 700, 15_000.0)
    with pytest.raises((AoiTooLarge, CrsUnknown)):
        plan_squares(Aoi.from_view(view), GEOMETRY)


def test_one_square_too_many_is_refused():
    stride = 0.75 * SIDE
    assert len(plan_squares(Aoi(rectangle(9 * stride + SIDE, 9 * stride + SIDE), UTM), GEOMETRY)) == 100
    with pytest.raises(AoiTooLarge) as caught:
        plan_squares(Aoi(rectangle(9 * stride + SIDE + 1, 9 * stride + SIDE), UTM), GEOMETRY)
    assert caught.value.values == {"chips": 110, "most": 100}
