# SPDX-License-Identifier: GPL-2.0-or-later
"""Boxes to polygons: right on the ground in every CRS, or refused."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from lspace.model_backend.chip import Chip, ChipKind
from lspace.model_backend.contract import BoxForm
from lspace.model_backend.errors import GeoreferenceError
from lspace.model_backend.georeference.geotransform import GeoTransform
from lspace.model_backend.georeference.placement import Placement, window_of
from lspace.model_backend.proposal import Detection, Proposal
from pyproj import CRS, Geod, Transformer

INCLUSIVE = BoxForm(grid_px=224, inclusive=True)
PLAIN = BoxForm(grid_px=224, inclusive=False)
MIDDLE = (0.25, 0.25, 0.75, 0.75)
OBLIQUE = "+proj=omerc +lat_0=40 +lonc=-100 +alpha=35 +k=1 +ellps=GRS80 +type=crs"
AZIMUTHAL = "+proj=laea +lat_0=52 +lon_0=10 +ellps=WGS84 +type=crs"
LISBON = (-9.1, 38.7)


def wkt(crs):
    return CRS.from_user_input(crs).to_wkt("WKT2_2019")


def chip_at(crs, place=LISBON, size_px=512, pixel=10.0, rotation=0.0):
    """A chip in ``crs`` centred on a longitude and latitude; ``pixel`` in units of the CRS."""
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(*place)
    cos, sin = pixel * math.cos(math.radians(rotation)), pixel * math.sin(math.radians(rotation))
    half = size_px / 2
    transform = GeoTransform(
        cos, sin, x - half * (cos + sin), sin, -cos, y + half * (cos - sin)
    )  # a picture turned counterclockwise
    return Chip("chip", ChipKind.AS_SHOWN, b"", size_px, size_px, transform, wkt(crs), 10.0, 1.0)


def place(chip, output, box=MIDDLE, form=PLAIN, clip=None):
    return Placement(chip, wkt(output), clip, form).place(Proposal("water", box, None, (), ""))


def shape_of(detection):
    return shapely.from_wkb(detection.wkb)


def pixels_of(detection, chip, output):
    """Vertices of a detection as pixels of its chip, by way of other code than the placement's."""
    points = shapely.get_coordinates(shape_of(detection))
    way = Transformer.from_crs(output, CRS.from_wkt(chip.crs_wkt), always_xy=True)
    return np.array([chip.transform.to_pixel(*way.transform(*point)) for point in points])


def test_a_box_in_the_chips_own_crs_keeps_its_corners():
    chip = chip_at("EPSG:32629")
    detection = place(chip, "EPSG:32629", (0.25, 0.5, 0.75, 1.0))
    polygon = shape_of(detection)
    assert polygon.geom_type == "MultiPolygon"
    corners = [chip.transform.to_map(c, r) for c, r in ((128, 256), (128, 512), (384, 512), (384, 256))]
    assert {tuple(point) for point in shapely.get_coordinates(polygon)} == set(corners)
    assert detection.chip_id == "chip"
    assert detection.edge_m == pytest.approx(10 * 512 / 224)


def test_the_spread_of_edges_is_told_in_metres_along_the_chips_sides():
    chip = replace(chip_at("EPSG:32629"), height_px=256)
    proposal = Proposal("water", MIDDLE, None, (), "", (0.01, 0.02, 0.03, 0.0))
    detection = Placement(chip, wkt("EPSG:3857"), None, PLAIN).place(proposal)
    assert detection.spread_m == pytest.approx((51.2, 51.2, 153.6, 0.0))
    assert Detection.from_payload(json.loads(json.dumps(detection.to_payload()))) == detection


def test_without_a_spread_there_is_none_in_metres():
    assert place(chip_at("EPSG:32629"), "EPSG:32629").spread_m is None


@pytest.mark.parametrize("rotation", [0, 30, 117])
@pytest.mark.parametrize("output", ["EPSG:32629", "EPSG:3857", "EPSG:4326"])
def test_rotation_keeps_the_corners(rotation, output):
    chip = chip_at("EPSG:32629", rotation=rotation)
    pixels = pixels_of(place(chip, output), chip, output)
    for corner in [(128, 128), (384, 128), (384, 384), (128, 384)]:
        assert np.hypot(*(pixels - corner).T).min() < 1e-3


def test_inclusive_edges_get_one_step():
    assert window_of((0, 10 / 224, 0.5, 10 / 224), INCLUSIVE, 224, 448) == pytest.approx((0, 20, 113, 22))
    assert window_of((0.5, 0.5, 0.9955, 1.0), INCLUSIVE, 224, 224) == pytest.approx(
        (112, 112, 224, 224), abs=0.02
    )
    assert window_of((0, 0, 0.5, 0.5), PLAIN, 224, 224) == (0, 0, 112, 112)


def test_a_box_without_height_is_one_pixel_high():
    chip = chip_at("EPSG:32629", size_px=224)
    row = place(chip, "EPSG:32629", (10 / 224, 100 / 224, 19 / 224, 100 / 224), INCLUSIVE)
    x_min, y_min, x_max, y_max = shape_of(row).bounds
    assert (x_max - x_min, y_max - y_min) == (pytest.approx(100), pytest.approx(10))
    assert row.area_m2 == pytest.approx(1000, rel=0.003)
    with pytest.raises(GeoreferenceError, match="without area"):
        place(chip, "EPSG:32629", (0.1, 0.4, 0.2, 0.4), PLAIN)


@pytest.mark.parametrize("box", [(0.5, 0, 0.4, 1), (-0.1, 0, 1, 1), (0, 0, 1, 1.1), (0, math.nan, 1, 1)])
def test_what_is_no_box_is_refused(box):
    with pytest.raises(GeoreferenceError, match="not a box") as caught:
        place(chip_at("EPSG:32629"), "EPSG:32629", box)
    json.dumps(caught.value.to_payload(), allow_nan=False)


# -- areas ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("crs", "where", "pixel", "expected", "tolerance"),
    [
        ("EPSG:32629", LISBON, 10.0, 2560.0**2, 0.003),
        ("EPSG:32629", (-6.1, 60.0), 10.0, 2560.0**2, 0.003),
        ("EPSG:3857", (20.0, 60.0), 20.0, 5120.0**2 / 4, 0.006),  # the sphere of 3857 on an ellipsoid
        (AZIMUTHAL, (40.0, 20.0), 10.0, 2560.0**2, 1e-4),
        ("EPSG:3413", (-45.0, 70.0), 10.0, 2560.0**2, 0.001),  # true to scale at 70 degrees north
        ("EPSG:27572", (2.0, 46.8), 10.0, 2560.0**2, 0.003),  # longitudes from Paris, in grads
        ("IAU_2015:30110", (10.0, 0.0), 10.0, 2560.0**2, 0.003),  # the Moon has its own sphere
    ],
)
def test_areas_on_the_ground(crs, where, pixel, expected, tolerance):
    if crs.startswith("IAU"):
        x, y = math.radians(where[0]) * 1737400, 0.0
        half = 256 * pixel
        transform = GeoTransform(pixel, 0, x - half, 0, -pixel, y + half)
        chip = Chip("moon", ChipKind.AS_SHOWN, b"", 512, 512, transform, wkt(crs), 10.0, 1.0)
    else:
        chip = chip_at(crs, where, pixel=pixel)
    assert place(chip, crs).area_m2 == pytest.approx(expected, rel=tolerance)


def test_areas_add_up_and_do_not_depend_on_the_output_crs():
    chip = chip_at("EPSG:32629", rotation=30)
    for output in ("EPSG:32629", "EPSG:4326", "EPSG:3857", AZIMUTHAL):
        whole = place(chip, output).area_m2
        halves = [
            place(chip, output, box).area_m2 for box in ((0.25, 0.25, 0.5, 0.75), (0.5, 0.25, 0.75, 0.75))
        ]
        assert sum(halves) == pytest.approx(whole, rel=1e-6)
        assert whole == pytest.approx(place(chip, "EPSG:32629").area_m2, rel=1e-4)


def test_a_cap_around_the_pole_has_the_area_of_a_cap():
    chip = chip_at("EPSG:3413", (0, 90), size_px=512, pixel=1000.0)
    detection = place(chip, "EPSG:3413", (0.25, 0.25, 0.75, 0.75))
    pole = shapely.Point(0, 0)
    assert shape_of(detection).contains(pole)
    scale = 0.969858  # of EPSG:3413 at the pole
    assert detection.area_m2 == pytest.approx((256_000 / scale) ** 2, rel=0.002)
    corner = place(chip, "EPSG:3413", (0.5, 0.5, 0.75, 0.75))
    assert corner.area_m2 == pytest.approx(detection.area_m2 / 4, rel=1e-6)
    lambert = "+proj=laea +lat_0=90 +lon_0=0 +datum=WGS84 +type=crs"
    assert place(chip, lambert).area_m2 == pytest.approx(detection.area_m2, rel=1e-4)
    assert shape_of(place(chip, lambert)).area == pytest.approx(detection.area_m2, rel=1e-4)


# -- CRSs ----------------------------------------------------------------------------------------------


def test_edges_are_bent_only_between_different_crss():
    chip = chip_at("EPSG:32629")
    assert len(shapely.get_coordinates(shape_of(place(chip, "EPSG:32629")))) == 5
    assert len(shapely.get_coordinates(shape_of(place(chip, "EPSG:4326")))) == 33
    same = CRS.from_epsg(32629).to_wkt("WKT1_ESRI")
    detection = Placement(chip, same, None, PLAIN).place(Proposal("a", MIDDLE, None, (), ""))
    assert len(shapely.get_coordinates(shape_of(detection))) == 5
    wide = chip_at("EPSG:3857", (10, 60), pixel=20_000.0)
    assert len(shapely.get_coordinates(shape_of(place(wide, AZIMUTHAL)))) > 33


@pytest.mark.parametrize(
    ("source", "output", "where", "pixel"),
    [
        ("EPSG:32629", "EPSG:4326", LISBON, 10.0),
        ("EPSG:32629", "EPSG:3857", LISBON, 10.0),
        ("EPSG:3857", "EPSG:32629", LISBON, 10.0),
        ("EPSG:3857", AZIMUTHAL, (12, 48), 300.0),
        ("EPSG:4326", "EPSG:3413", (-40, 78), 0.01),
        ("EPSG:4326", OBLIQUE, (-98, 41), 0.001),
        (OBLIQUE, "EPSG:4326", (-98, 41), 20.0),
        (OBLIQUE, OBLIQUE, (-98, 41), 20.0),
        ("EPSG:3413", "EPSG:4326", (-40, 78), 100.0),
    ],
)  # fmt: skip
@settings(max_examples=8)
@given(data=st.data())
def test_there_and_back(source, output, where, pixel, data):
    rotation = data.draw(st.floats(0, 360))
    x_min, y_min = data.draw(st.floats(0, 0.9)), data.draw(st.floats(0, 0.9))
    box = (x_min, y_min, data.draw(st.floats(x_min, 1.0)), data.draw(st.floats(y_min, 1.0)))
    chip = chip_at(source, where, pixel=pixel, rotation=rotation)
    detection = place(chip, output, box, INCLUSIVE)
    left, top, right, bottom = window_of(box, INCLUSIVE, 512, 512)
    columns, rows = pixels_of(detection, chip, output).T
    outside = np.maximum.reduce([left - columns, columns - right, top - rows, rows - bottom])
    assert np.abs(outside).max() < 0.01  # every vertex lies on the window's edge
    polygon = shape_of(detection)
    assert polygon.is_valid
    assert all(part.exterior.is_ccw for part in polygon.geoms)
    assert detection.area_m2 > 0


def test_the_antimeridian_is_refused_or_right():
    chip = chip_at("EPSG:32601", (-180, 60), rotation=20)
    with pytest.raises(GeoreferenceError) as caught:
        place(chip, "EPSG:4326")
    assert caught.value.values["window_px"] == [128, 128, 384, 384]
    json.dumps(caught.value.to_payload(), allow_nan=False)
    with pytest.raises(GeoreferenceError):
        place(chip, "EPSG:3857")
    pacific = "EPSG:3832"  # Mercator around 150 degrees east
    assert place(chip, pacific).area_m2 == pytest.approx(2560**2, rel=0.003)
    assert place(chip, "EPSG:32601").area_m2 == pytest.approx(2560**2, rel=0.003)
    west = place(chip_at("EPSG:32601", (-179.9, 60)), "EPSG:4326")
    assert shape_of(west).bounds[2] < -179.8


@pytest.mark.parametrize("rotation", [0, 30, 45])
def test_the_pole_is_refused_or_right(rotation):
    chip = chip_at("EPSG:3413", (0, 90), pixel=100.0, rotation=rotation)
    for output in ("EPSG:4326", "EPSG:3857", "EPSG:27572"):
        with pytest.raises(GeoreferenceError):
            place(chip, output)
    around = place(chip, "EPSG:3413").area_m2
    # Transverse Mercator is smooth there.
    assert place(chip, "EPSG:32629").area_m2 == pytest.approx(around, rel=1e-4)
    with_pole_as_corner = (0.4, 0.4, 0.5, 0.5)
    try:
        corner = place(chip, "EPSG:4326", with_pole_as_corner).area_m2
    except GeoreferenceError:
        return
    assert corner == pytest.approx(place(chip, "EPSG:3413", with_pole_as_corner).area_m2, rel=1e-3)


def test_what_turns_inside_out_is_refused():
    antipode = chip_at("EPSG:4326", (-170, -52), pixel=0.01)
    with pytest.raises(GeoreferenceError):
        place(antipode, AZIMUTHAL, (0.2, 0.3, 0.9, 0.8))


def test_what_is_nowhere_is_refused():
    world = chip_at("EPSG:3857", (0, 0), pixel=100_000.0)
    for output in ("EPSG:4326", "EPSG:3413", "EPSG:32629"):
        with pytest.raises(GeoreferenceError) as caught:
            place(world, output, (0, 0, 1, 1))
        json.dumps(caught.value.to_payload(), allow_nan=False)
    beyond = chip_at("EPSG:4326", (0, 80), pixel=0.1)
    with pytest.raises(GeoreferenceError):
        place(beyond, "EPSG:4326", (0, 0, 1, 1))


def test_crss_that_cannot_be_used_are_refused():
    local = 'ENGCRS["local",EDATUM["x"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]]'
    chip = chip_at("EPSG:32629")
    for output in ("no CRS", local, wkt("EPSG:4978")):
        with pytest.raises(GeoreferenceError):
            Placement(chip, output, None, PLAIN)


# -- clipping ------------------------------------------------------------------------------------------


def clip_of(chip, *corners):
    return shapely.Polygon([chip.transform.to_map(*corner) for corner in corners]).wkt


def test_boxes_are_cut_to_the_aoi():
    chip = chip_at("EPSG:32629")
    whole = place(chip, "EPSG:32629")
    left_half = clip_of(chip, (0, 0), (256, 0), (256, 512), (0, 512))
    half = place(chip, "EPSG:32629", clip=left_half)
    assert half.area_m2 == pytest.approx(whole.area_m2 / 2, rel=1e-4)
    assert shape_of(half).geom_type == "MultiPolygon"
    away = clip_of(chip, (0, 0), (50, 0), (50, 50))
    assert place(chip, "EPSG:32629", clip=away) is None
    touching = clip_of(chip, (0, 0), (128, 0), (128, 512), (0, 512))
    assert place(chip, "EPSG:32629", clip=touching) is None


def test_an_aoi_may_have_holes_and_parts():
    chip = chip_at("EPSG:32629")
    outer = [chip.transform.to_map(*corner) for corner in ((0, 0), (512, 0), (512, 512), (0, 512))]
    hole = [chip.transform.to_map(*corner) for corner in ((192, 192), (320, 192), (320, 320), (192, 320))]
    ring = place(chip, "EPSG:32629", clip=shapely.Polygon(outer, [hole]).wkt)
    whole = place(chip, "EPSG:32629")
    assert ring.area_m2 == pytest.approx(whole.area_m2 * 3 / 4, rel=1e-4)
    bow_tie = clip_of(chip, (0, 0), (512, 512), (512, 0), (0, 512))
    parts = place(chip, "EPSG:32629", clip=bow_tie)
    assert len(shape_of(parts).geoms) == 2
    assert parts.area_m2 == pytest.approx(whole.area_m2 / 2, rel=1e-4)


@pytest.mark.parametrize("clip", ["junk", "POINT (1 1)", "LINESTRING (0 0, 1 1)", "POLYGON EMPTY"])
def test_a_clip_without_area_is_refused(clip):
    with pytest.raises(GeoreferenceError, match="clip polygon"):
        Placement(chip_at("EPSG:32629"), wkt("EPSG:32629"), clip, PLAIN)


def test_the_ellipsoid_is_the_output_crss_own():
    chip = chip_at(OBLIQUE, (-98, 41))
    detection = place(chip, OBLIQUE)
    way = Transformer.from_crs(OBLIQUE, CRS.from_user_input(OBLIQUE).geodetic_crs, always_xy=True)
    lon, lat = way.transform(*shapely.get_coordinates(shape_of(detection)).T)
    area, _ = Geod(ellps="GRS80").polygon_area_perimeter(lon, lat)
    assert detection.area_m2 == pytest.approx(abs(area), rel=1e-6)
