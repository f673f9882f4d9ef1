# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of scenes ask what the contract asks and answer what was planted there."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lspace.model_backend.contract import load_contracts
from lspace.model_backend.errors import RequestError
from lspace.model_backend.georeference.geotransform import GeoTransform
from lspace.model_backend.split import split_of
from lspace.model_backend.training.__main__ import main
from lspace.model_backend.training.corpus.row import read_rows
from lspace.model_backend.training.corpus.rows import build_rows
from lspace.model_backend.training.corpus.scene import Change, ClassRaster, ObjectFile, Scene
from lspace.model_backend.training.corpus.validation import validate
from PIL import Image
from pyproj import CRS, Transformer
from rasters import LEFT, TOP, write_raster, write_rectangles

DATA = Path(__file__).resolve().parents[3] / "data"
LSPACE, MINI = (load_contracts()[name] for name in ("lspace", "lspace-mini"))
NAMES = {1: "water", 2: "built areas", 3: "tree cover"}
BLOCK = (64, 128, 192, 256)
"""In pixels of 10 m; a chip of 512 shows it as pixels 28..83, 56..111 of 224, 56 x 56 in all."""
SPECK = (320, 320, 352, 352)
"""The same way 140..153, twice: 14 x 14."""


def noise(side, seed=0):
    return np.random.default_rng(seed).integers(1, 3000, (3, side, side)).astype(np.uint16)


def halves(side):
    """Water in the west, built areas in the east."""
    numbers = np.full((side, side), 2, np.uint8)
    numbers[:, : side // 2] = 1
    return numbers


def scene_in(folder, side=128, ships=((16, 32, 24, 48),)):
    """One chip of lspace-mini, half of it water, with a ship on 28..41, 56..83 of its 224 pixels."""
    raster = write_raster(folder / "a.tif", noise(side))
    classes = ClassRaster(write_raster(folder / "cover.tif", halves(side)), NAMES, None)
    boxes = write_rectangles(folder / "ships.geojson", ships, crs="EPSG:4326")
    objects = ObjectFile(boxes, "vessel_candidate", None)
    return Scene("port", "port", raster, date="2022-07-01", classes=classes, objects=objects)


def pair_in(folder, task, changed):
    """One chip of lspace on two dates, rectangles of which have changed."""
    before = write_raster(folder / "before.tif", noise(512, seed=1))
    mask = np.zeros((512, 512), np.uint8)
    for left, top, right, bottom in changed:
        mask[top:bottom, left:right] = 1
    change = Change(write_raster(folder / "mask.tif", mask), task)
    return replace(
        scene_in(folder, 512),
        before=before,
        date_before="2022-06-01",
        change=change,
        objects=None,
        classes=None,
    )


def answers(rows):
    return {row.metadata["sample_id"]: row.answer for row in rows}


def test_a_chip_is_asked_for_a_caption_each_class_and_objects(tmp_path):
    rows = build_rows([scene_in(tmp_path)], MINI, tmp_path)
    assert answers(rows) == {
        "port_0_0_caption": "This satellite imagery is dominated by water (~50%), and built areas (~50%).",
        "port_0_0_ground_water": '[{"label": "water", "bbox": [0.0, 0.0, 0.4955, 0.9955]}]',
        "port_0_0_ground_built_areas": '[{"label": "built areas", "bbox": [0.5, 0.0, 0.9955, 0.9955]}]',
        "port_0_0_vessels_vessel_candidate": (
            '[{"label": "vessel_candidate", "bbox": [0.125, 0.25, 0.183, 0.3705]}]'
        ),
    }
    questions = [row.prompt for row in rows]
    assert questions[0] == MINI.task("caption").prompt
    assert questions[1] == MINI.task("ground").prompt.replace("{target}", "water")
    assert {row.system for row in rows} == {None}
    assert {row.images for row in rows} == {(tmp_path / "chips/port_0_0.png",)}
    with Image.open(tmp_path / "chips/port_0_0.png") as picture:
        assert (picture.size, picture.mode) == ((224, 224), "RGB")


def test_a_row_knows_where_it_comes_from_and_what_its_chip_holds(tmp_path):
    row = build_rows([scene_in(tmp_path)], MINI, tmp_path)[1]
    known = dict(row.metadata)
    assert CRS.from_wkt(known.pop("crs")).to_epsg() == 32631
    assert GeoTransform(*known.pop("geotransform")).to_map(224, 224) == pytest.approx(
        (LEFT + 1280, TOP - 1280)
    )
    assert known == {
        "sample_id": "port_0_0_ground_water",
        "task": "ground",
        "analysis_profile": "",
        "tile_stem": "port_0_0",
        "split": split_of("port"),
        "image_paths": ["chips/port_0_0.png"],
        "analysis_image_path": "",
        "contract": "lspace-mini",
        "location": "port",
        "target": "water",
        "label": "water",
        "shares": [
            {"name": "water", "share": 0.5},
            {"name": "tree cover", "share": 0.0},
            {"name": "built areas", "share": 0.5},
        ],
    }


def test_what_is_not_there_is_asked_for_only_on_request(tmp_path):
    scene = scene_in(tmp_path, ships=[(500, 500, 510, 510)])
    asked = set(answers(build_rows([scene], MINI, tmp_path)))
    more = answers(build_rows([scene], MINI, tmp_path, empty=True))
    assert {name: more[name] for name in more.keys() - asked} == {
        "port_0_0_ground_tree_cover": "[]",
        "port_0_0_vessels_vessel_candidate": "[]",
    }


def test_a_report_on_vessels_tells_their_number_and_the_scenes_water(tmp_path):
    rows = build_rows([scene_in(tmp_path, 512)], LSPACE, tmp_path)
    assert answers(rows)["port_0_0_vessels_report"] == (
        "Detected 1 potential vessel candidate region(s) over water (~50.0% water coverage). Observation "
        "quality: good. Detections are candidate-level optical findings, not confirmations."
    )
    asked = {row.metadata["task"]: row.system for row in rows}
    assert asked["vessels_report"] == asked["vessels"] == LSPACE.task("vessels").system != asked["ground"]


def test_without_a_share_of_water_there_is_no_report_on_vessels(tmp_path):
    scene, skipped = replace(scene_in(tmp_path, 512), classes=None), Counter()
    rows = build_rows([scene], LSPACE, tmp_path, skipped=skipped)
    assert list(answers(rows)) == ["port_0_0_vessels_vessel_candidate"]
    assert list(skipped.values()) == [1]


@pytest.mark.parametrize(
    ("task", "asks", "tells"),
    [
        (
            "wildfire",
            "at two times (2022-06-01 and 2022-07-01)",
            "in 2 region(s), covering about 6.6% of the tile. The largest region spans roughly 3136 pixels.",
        ),
        ("flood", "(2022-06-01 baseline and 2022-07-01 flood period)", "Water expansion ratio is 0.066."),
        ("transition", "(2022-06-01 and 2022-07-01)", "vegetation_shift (3332). 2 region(s) were localized"),
    ],
)
def test_a_change_is_told_and_boxed_on_both_pictures(tmp_path, task, asks, tells):
    rows = build_rows([pair_in(tmp_path, task, [BLOCK, SPECK])], LSPACE, tmp_path)
    report, boxes = rows
    assert (report.metadata["task"], boxes.metadata["task"]) == (f"{task}_report", task)
    assert asks in report.prompt
    assert tells in report.answer
    label = LSPACE.task(task).label
    assert json.loads(boxes.answer) == [
        {"label": label, "bbox": [0.125, 0.25, 0.3705, 0.4955]},
        {"label": label, "bbox": [0.625, 0.625, 0.683, 0.683]},
    ]
    pictures = [tmp_path / "chips/port_0_0_before.png", tmp_path / "chips/port_0_0.png"]
    assert [list(row.images) for row in rows] == [pictures, pictures]
    assert pictures[0].read_bytes() != pictures[1].read_bytes()
    for row in rows:
        validate(row)


def test_a_change_of_a_few_cells_is_no_region(tmp_path):
    # 8 x 8 pixels are 3.5 x 3.5 cells
    (report,) = build_rows([pair_in(tmp_path, "flood", [(64, 64, 72, 72)])], LSPACE, tmp_path)
    assert report.answer.startswith("No clear inundation expansion is detected above threshold; estimated")


def test_the_earlier_picture_is_captioned_by_its_own_classes(tmp_path):
    scene = scene_in(tmp_path)
    before = write_raster(tmp_path / "before.tif", noise(128, seed=1))
    cover = write_raster(tmp_path / "cover_before.tif", np.full((128, 128), 3, np.uint8))
    rows = build_rows(
        [replace(scene, before=before, classes=replace(scene.classes, before=cover))], MINI, tmp_path
    )
    earlier = {row.metadata["sample_id"]: row for row in rows if "before" in row.metadata["sample_id"]}
    assert list(earlier) == ["port_0_0_before_caption", "port_0_0_before_ground_tree_cover"]
    caption = earlier["port_0_0_before_caption"]
    assert caption.answer == "This satellite imagery is dominated by tree cover (~100%)."
    assert caption.images == (tmp_path / "chips/port_0_0_before.png",)


def test_a_chip_whose_classes_are_largely_unknown_is_not_asked_about_them(tmp_path):
    scene, skipped = scene_in(tmp_path), Counter()
    numbers = halves(128)
    numbers[:10] = 0
    write_raster(tmp_path / "cover.tif", numbers)
    rows = build_rows([scene], MINI, tmp_path, skipped=skipped)
    assert [row.metadata["task"] for row in rows] == ["vessels"]
    assert list(skipped.values()) == [1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"classes": {"4": "marsh"}}, "knows water, tree cover, built areas; not marsh"),
        ({"label": "buoy"}, "looks for vessel_candidate; here 'buoy'"),
        ({"task": "flood"}, "no task 'flood'"),
    ],
)
def test_what_the_contract_does_not_speak_of_is_refused(tmp_path, change, reason):
    scene = scene_in(tmp_path)
    if "classes" in change:
        scene = replace(scene, classes=replace(scene.classes, names=change["classes"]))
    elif "label" in change:
        scene = replace(scene, objects=replace(scene.objects, label="buoy"))
    else:
        scene = replace(scene, before=scene.raster, change=Change(scene.raster, "flood"))
    with pytest.raises(RequestError, match=reason):
        build_rows([scene], MINI, tmp_path)


@pytest.mark.parametrize(
    "location",
    [
        "fire_greece_2023_01",
        "fire_canada_ns_tantallon_2023",
        "flood_uk_storm_babet_2023",
        "ls_br_matopiba_palmas",
        "os_eg_suez",
        "os_za_durban",
    ],
)
def test_sites_that_the_published_corpora_kept_out_of_training_are_kept_out(location):
    assert split_of(location) != "train"


def test_of_many_locations_eight_one_and_one_in_ten_fall_to_the_splits():
    counts = Counter(split_of(f"location {number}") for number in range(5000))
    assert counts["train"] == pytest.approx(4000, abs=100)
    assert counts["validation"] == pytest.approx(500, abs=75)
    assert counts["test"] == pytest.approx(500, abs=75)


def harbour_in(folder):
    """Casablanca as a file of scenes."""
    classes = {"raster": str(DATA / "casablanca_cover.tif"), "values": {"1": "water", "2": "built areas"}}
    boxes = {"file": str(DATA / "casablanca_ships.geojson"), "label": "vessel_candidate"}
    entry = {"location": "casablanca", "raster": str(DATA / "casablanca.tif"), "classes": classes}
    (folder / "scenes.json").write_text(json.dumps({"scenes": [{**entry, "boxes": boxes}]}))
    return str(folder / "scenes.json")


def test_boxes_of_a_real_harbour_lie_on_its_ships(tmp_path):
    """Their file has them as polygons, of which the rows are made, and in pixels of the scene."""
    options = ["--contract", "lspace-mini", "--stride-m", "1280"]
    assert main(["rows", harbour_in(tmp_path), str(tmp_path / "out"), *options]) == 0
    ships = json.loads((DATA / "casablanca_ships.geojson").read_text())["features"]
    placed = [
        [ship["properties"][key] for key in ("col_min", "row_min", "col_max", "row_max")] for ship in ships
    ]
    import rasterio

    with rasterio.open(DATA / "casablanca.tif") as scene:
        to_pixel = GeoTransform(*scene.transform[:6]).to_pixel
    to_scene = Transformer.from_crs("EPSG:32629", "EPSG:3857", always_xy=True).transform
    found = 0
    for row in read_rows(tmp_path / "out/rows.jsonl"):
        validate(row)
        if row.metadata["task"] != "vessels":
            continue
        to_map = GeoTransform(*row.metadata["geotransform"]).to_map
        for entry in json.loads(row.answer):
            x_min, y_min, x_max, y_max = (value * 224 for value in entry["bbox"])
            x, y = to_pixel(*to_scene(*to_map((x_min + x_max + 1) / 2, (y_min + y_max + 1) / 2)))
            assert any(left <= x <= right and top <= y <= bottom for left, top, right, bottom in placed)
            found += 1
    assert found >= 10


def test_the_same_scenes_give_the_same_bytes(tmp_path, capsys):
    scenes, options = harbour_in(tmp_path), ["--contract", "lspace-mini", "--stride-m", "1280", "--parquet"]
    for name in ("one", "two"):
        assert main(["rows", scenes, str(tmp_path / name), *options]) == 0
    told = capsys.readouterr().out.splitlines()
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert {path.suffix for path in files} == {".jsonl", ".parquet", ".png"}
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()
    rows = read_rows(tmp_path / "one/rows.jsonl")
    assert read_rows(tmp_path / "one/rows.parquet") == rows
    assert f"{len(rows)} rows" in told
    assert f"  caption: {sum(row.metadata['task'] == 'caption' for row in rows)}" in told


def test_a_scene_without_a_whole_chip_fails_in_one_line_and_writes_nothing(tmp_path, capsys):
    assert main(["rows", harbour_in(tmp_path), str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == (
        "request: no rows could be made; left out: 1 chips, under 98% with data\n"
    )
    assert not (tmp_path / "out").exists()
