# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenes are read as their JSON says, and their chips lie, look and know what they should."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lspace.gis.imaging.stretch import stretch as plugin_stretch
from lspace.model_backend.contract import load_contracts
from lspace.model_backend.errors import RequestError
from lspace.model_backend.training.corpus.cutting import Square, cut_picture, plan_squares, stretch
from lspace.model_backend.training.corpus.ground import (
    changed_cells,
    class_cells,
    pixel_boxes,
    read_features,
    share_of_class,
)
from lspace.model_backend.training.corpus.scene import ClassRaster, ObjectFile, Scene, load_scenes
from PIL import Image
from rasters import LEFT, TOP, ZONE, write_raster, write_rectangles

DATA = Path(__file__).resolve().parents[3] / "data"
CHIP = load_contracts()["lspace-mini"].chip
"""1280 m, 128 px of 10 m, shown as 224 px."""
SIDE = 1280
HERE = Square(0, 0, LEFT, TOP, SIDE, ZONE)
RGB = (1, 2, 3)


def scenes_of(folder, *entries):
    for name in ("a.tif", "b.tif", "cover.tif", "ships.geojson"):
        (folder / name).touch()
    (folder / "scenes.json").write_text(json.dumps({"scenes": entries}))
    return load_scenes(folder / "scenes.json")


def noise(bands=3, side=128, seed=0):
    return np.random.default_rng(seed).integers(1, 3000, (bands, side, side)).astype(np.uint16)


def test_a_scene_is_read_with_paths_beside_its_file(tmp_path):
    classes = {"raster": "cover.tif", "values": {"1": "water", "7": "tree cover"}}
    boxes = {"file": "ships.geojson", "label": "vessel_candidate", "label_field": None}
    (scene,) = scenes_of(
        tmp_path,
        {"location": "port", "raster": "a.tif", "date": "2022-07-01", "classes": classes, "boxes": boxes},
    )
    assert scene == Scene(
        name="port",
        location="port",
        raster=tmp_path / "a.tif",
        date="2022-07-01",
        classes=ClassRaster(tmp_path / "cover.tif", {1: "water", 7: "tree cover"}, None),
        objects=ObjectFile(tmp_path / "ships.geojson", "vessel_candidate", None),
    )


def test_scenes_of_one_place_have_names_of_their_own(tmp_path):
    port = {"location": "port", "raster": "a.tif"}
    assert [scene.name for scene in scenes_of(tmp_path, port, port, port)] == ["port", "port-2", "port-3"]
    with pytest.raises(RequestError, match="called the same"):
        scenes_of(tmp_path, port, port, {"location": "port-2", "raster": "a.tif"})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"raster": None}, "scene 1 lacks 'raster'"),
        ({"raster": "gone.tif"}, "no file"),
        ({"raster": 3}, "'raster' has the wrong kind"),
        ({"rasters": "a.tif"}, "unknown 'rasters'"),
        ({"location": "../port"}, "letters, digits"),
        ({"bands": [1, 2]}, "three numbers"),
        ({"bands": [0, 1, 2]}, "three numbers"),
        ({"date": "July 2022"}, "YYYY-MM-DD"),
        ({"classes": {"raster": "cover.tif"}}, "lacks 'values'"),
        ({"classes": {"raster": "cover.tif", "values": {"one": "water"}}}, "whole numbers"),
        ({"classes": {"raster": "cover.tif", "values": {}, "before": "cover.tif"}}, "no picture before"),
        ({"boxes": {"file": "ships.geojson"}}, "either a label or a label_field"),
        ({"boxes": {"file": "ships.geojson", "label": "a", "label_field": "b"}}, "either a label"),
        ({"change": {"file": "cover.tif", "task": "flood"}}, "needs before, date"),
    ],
)
def test_a_wrong_scene_is_refused_with_its_fault(tmp_path, change, reason):
    with pytest.raises(RequestError, match=reason):
        scenes_of(tmp_path, {"location": "port", "raster": "a.tif", **change})


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"scenes": []}', '{"scenes": [3]}'])
def test_what_holds_no_scenes_is_refused(tmp_path, text):
    (tmp_path / "scenes.json").write_text(text)
    with pytest.raises(RequestError):
        load_scenes(tmp_path / "scenes.json")


def test_the_stretch_is_the_one_worked_by_hand():
    band = np.arange(1.0, 101).reshape(10, 10)
    # the 2nd and 98th percentile of 1..100 are 2.98 and 98.02: 50 becomes 255 x 47.02 / 95.04 = 126.2
    (grey,) = stretch(band[None], (2, 98))
    assert grey.ravel()[[0, 1, 2, 49, 97, 98, 99]].tolist() == [0, 0, 0, 126, 254, 255, 255]
    # zeros, negatives and holes take no part in the percentiles
    (grey,) = stretch(np.concatenate([band.ravel(), [0, -5, np.nan, np.inf]])[None, None], (2, 98))
    assert grey.ravel()[[49, 100, 101, 102]].tolist() == [126, 0, 0, 0]


@given(st.integers(0, 10_000), st.sampled_from([np.uint8, np.uint16, np.float32]), st.floats(0, 0.9))
def test_the_stretch_is_the_plugins(seed, dtype, empty_share):
    random = np.random.default_rng(seed)
    bands = random.gamma(2.0, 20, (3, 30, 30)).clip(0, 250).astype(dtype).astype(np.float64)
    bands[:, random.random((30, 30)) < empty_share] = np.nan
    assert (stretch(bands, (2, 98)) == plugin_stretch(bands, (2, 98))).all()


def test_a_chip_on_the_rasters_own_grid_holds_its_pixels(tmp_path):
    bands = noise(4)
    raster = write_raster(tmp_path / "a.tif", bands)
    (square,) = plan_squares(raster, SIDE, 320)
    assert square == HERE
    native = Image.fromarray(stretch(bands[[2, 1, 0]].astype(float), (2, 98)).transpose(1, 2, 0))
    expected = np.asarray(native.resize((224, 224), Image.Resampling.BILINEAR))
    assert (cut_picture(raster, (3, 2, 1), square, CHIP) == expected).all()


def test_a_bright_mark_lies_where_the_chips_geotransform_says(tmp_path):
    bands = np.full((3, 200, 300), 100, np.uint16)
    bands[:, 80:84, 150:156] = 2000
    raster = write_raster(tmp_path / "a.tif", bands)
    for square in plan_squares(raster, SIDE, 320)[1:5]:
        picture = cut_picture(raster, RGB, square, CHIP)
        rows, columns = np.nonzero(picture[:, :, 0] > 127)
        transform = square.transform(224)
        x_min, y_max = transform.to_map(columns.min(), rows.min())
        x_max, y_min = transform.to_map(columns.max() + 1, rows.max() + 1)
        found = np.array([x_min - LEFT, TOP - y_max, x_max - LEFT, TOP - y_min])
        assert np.abs(found - [1500, 800, 1560, 840]).max() < 1280 / 224


@settings(max_examples=40)
@given(st.integers(128, 400), st.integers(128, 400), st.integers(100, 2000))
def test_the_grid_goes_from_edge_to_edge_at_its_stride(tmp_path_factory, width, height, stride):
    path = tmp_path_factory.mktemp("grid") / "a.tif"
    write_raster(path, np.ones((1, height, width), np.uint8))
    squares = plan_squares(path, SIDE, stride)
    lefts = sorted({square.left for square in squares})
    tops = sorted({square.top for square in squares}, reverse=True)
    assert len(squares) == len(lefts) * len(tops)
    for starts, length in (([x - LEFT for x in lefts], 10 * width), ([TOP - y for y in tops], 10 * height)):
        assert (starts[0], starts[-1]) == pytest.approx((0, length - SIDE), abs=1e-3)
        steps = np.diff(starts)
        assert steps[:-1] == pytest.approx(np.full(max(0, len(steps) - 1), stride), abs=1e-3)
        assert (steps <= stride + 1e-3).all()


def test_a_raster_turned_against_its_zone_loses_no_chip_at_its_edges():
    squares = plan_squares(DATA / "casablanca.tif", SIDE, 320)
    assert len(squares) >= 60
    assert all(cut_picture(DATA / "casablanca.tif", RGB, square, CHIP) is not None for square in squares)


def test_a_raster_smaller_than_a_chip_has_one_square_around_its_middle(tmp_path):
    (square,) = plan_squares(write_raster(tmp_path / "a.tif", noise(side=100)), SIDE, 320)
    assert (square.left, square.top) == pytest.approx((LEFT - 140, TOP + 140), abs=1e-3)


@pytest.mark.parametrize(("empty_rows", "is_chip"), [(0, True), (2, True), (3, False), (128, False)])
@pytest.mark.parametrize("nodata", [None, 0, 7])
def test_a_chip_has_at_least_98_percent_data(tmp_path, empty_rows, is_chip, nodata):
    bands = noise() + 100
    bands[:, :empty_rows] = nodata or 0  # 2 of 128 rows are 1.6 percent
    picture = cut_picture(write_raster(tmp_path / "a.tif", bands, nodata=nodata), RGB, HERE, CHIP)
    assert (picture is not None) == is_chip
    if is_chip and empty_rows:
        assert not picture[:2].any()


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (lambda path: path.write_text("no raster"), "cannot be read"),
        (lambda path: write_raster(path, noise(), crs=None), "has no CRS"),
        (lambda path: write_raster(path, noise(), crs="EPSG:3031", left=0, top=0), "UTM zones"),
    ],
)
def test_a_raster_that_cannot_be_cut_is_refused(tmp_path, written, reason):
    written(tmp_path / "a.tif")
    with pytest.raises(RequestError, match=reason):
        plan_squares(tmp_path / "a.tif", SIDE, 320)


def test_a_band_that_is_not_there_is_refused(tmp_path):
    raster = write_raster(tmp_path / "a.tif", noise())
    with pytest.raises(RequestError, match="has 3 bands, not 4"):
        cut_picture(raster, (4, 3, 2), HERE, CHIP)


def boxes_of(path, **reading):
    return list(pixel_boxes(read_features(path, ZONE, **reading), HERE, 224))


edges = st.tuples(st.integers(0, 224), st.integers(0, 224)).filter(lambda pair: pair[0] < pair[1])


@settings(max_examples=30)
@given(edges, edges)
def test_a_box_on_pixel_edges_names_the_pixels_between_them(tmp_path_factory, columns, rows):
    path = tmp_path_factory.mktemp("boxes") / "a.geojson"
    (left, right), (top, bottom) = columns, rows
    write_rectangles(path, [(left, top, right, bottom)], pixel_m=SIDE / 224, crs="EPSG:32632")
    assert boxes_of(path) == [("", (left, top, right - 1, bottom - 1))]


@pytest.mark.parametrize(
    ("rectangle", "box"),
    [
        ((10.2, 20.9, 12.1, 21.5), (10, 20, 12, 21)),
        ((-10, 0, 10, 5), (0, 0, 9, 4)),
        ((-10.2, 0, 10, 5), None),
        ((-5, -2, 10, 10), (0, 0, 9, 9)),
        ((214, 200, 234, 224), (214, 200, 223, 223)),
        ((300, 300, 310, 310), None),
        ((5, 5, 5, 5), (5, 5, 5, 5)),
    ],
)
def test_a_box_is_kept_where_half_of_it_is_inside_and_cut_at_the_edge(tmp_path, rectangle, box):
    path = write_rectangles(tmp_path / "a.geojson", [rectangle], pixel_m=SIDE / 224)
    assert [found for _, found in boxes_of(path)] == ([box] if box else [])


def test_features_carry_the_label_of_their_field(tmp_path):
    rectangles = [(0, 0, 10, 10), (20, 20, 30, 30)]
    path = write_rectangles(tmp_path / "a.geojson", rectangles, crs="EPSG:4326", kind=["ship", "buoy"])
    assert [label for label, _ in boxes_of(path, label_field="kind")] == ["ship", "buoy"]
    with pytest.raises(RequestError, match="no field 'label'"):
        boxes_of(path, label_field="label")
    path.write_text("{}")
    with pytest.raises(RequestError, match="cannot be read"):
        boxes_of(path)


def cover(side=128):
    """1 in the west, 2 in the north east, 9 in the south east; the last two rows have no data."""
    numbers = np.ones((side, side), np.uint8)
    numbers[:, side // 2 :] = 2
    numbers[side // 2 :, side // 2 :] = 9
    numbers[-2:] = 0
    return numbers


def test_classes_lie_where_the_raster_has_them(tmp_path):
    raster = write_raster(tmp_path / "cover.tif", cover())
    names = {1: "water", 2: "built areas", 9: "marsh"}
    cells = class_cells(raster, names, ["built areas", "water"], HERE, CHIP, 64)
    assert (cells[:63, :32] == 1).all()
    assert (cells[:32, 32:] == 0).all()
    assert (cells[32:63, 32:] == 2).all()
    assert (cells[63] == 255).all()


def test_a_share_of_the_scene_counts_pixels_that_have_a_class(tmp_path):
    raster = write_raster(tmp_path / "cover.tif", cover(), nodata=9)
    names = {1: "water", 2: "built areas", 9: "marsh"}
    # water 64 x 126, built areas 64 x 64; 9 is no data
    assert share_of_class(raster, names, "water") == pytest.approx(126 / (126 + 64))
    assert share_of_class(raster, names, "snow and ice") is None


@pytest.mark.parametrize("form", ["raster", "polygons"])
def test_a_change_lies_where_the_file_has_it(tmp_path, form):
    if form == "raster":
        mask = np.zeros((128, 128), np.float32)
        mask[16:32, 64:96], mask[0, 0] = 3, np.nan
        path, features = write_raster(tmp_path / "mask.tif", mask), None
    else:
        path = write_rectangles(tmp_path / "mask.geojson", [(64, 16, 96, 32)], crs="EPSG:4326")
        features = read_features(path, ZONE)
    cells = changed_cells(path, features, HERE, CHIP, 64)
    rows, columns = np.nonzero(cells)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (8, 15, 32, 47)
    assert cells.sum() == 8 * 16
