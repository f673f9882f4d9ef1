"""Map -> chip -> worker -> layer, with an engine that finds planted targets in the chip's own pixels.

The features must lie on the targets: any axis that is flipped, shifted or swapped on the way fails here.
"""

from __future__ import annotations

import math
import os
import signal

import numpy as np
import pytest

pytest.importorskip("qgis.core")

from lspace.gis.aoi import Aoi
from lspace.gis.errors import OtherContract, RuntimeNotFound, WorkerCrashed
from lspace.gis.imaging.image_source import ImageSource
from lspace.gis.imaging.raster_source import RasterSource
from lspace.gis.provenance import read_run
from lspace.gis.runs.run_order import RunOrder
from lspace.gis.runs.run_progress import RunOutcome, RunStage
from lspace.gis.runs.runner import Runner
from lspace.gis.settings import Settings
from osgeo import gdal
from planted import (
    ROOT,
    WORKER_PYTHON,
    crs_of,
    harbour_layer,
    square_at,
    target_layer,
    transformed,
    units_per_metre,
    view_of,
)
from qgis.core import QgsApplication, QgsGeometry, QgsPointXY, QgsProject, QgsRasterLayer

CRSS = ("EPSG:3857", "EPSG:32604", "EPSG:4326", "EPSG:3413", "custom")
# right and up of the middle, side: metres along the map's axes; no symmetry maps them onto each other
TARGETS = ((-700, 300, 160), (450, 500, 120), (600, -250, 240), (-150, -400, 96))
SETTINGS = Settings(interpreter=WORKER_PYTHON, model="NuTonic/lspace")


def planted_view(crs, shape=(500, 400), rotation=0.0, targets=TARGETS):
    squares = [square_at(crs, *target) for target in targets]
    return squares, view_of([target_layer(squares, crs), harbour_layer()], crs, *shape, 6.0, rotation)


def detect_order(view, **options):
    return RunOrder(Aoi.from_view(view), view, "detect", ("vessel candidate",), **options)


def assert_features_lie_on(layer, squares, crs, rotation, pixel_m):
    """Each square has its feature: the box around the turned square, upright on the screen."""
    features = list(layer.getFeatures())
    assert len(features) == len(squares)
    pixel = pixel_m * units_per_metre(crs)
    turn = math.radians(rotation)
    for square in squares:
        middle = square.centroid().asPoint()
        feature = min(features, key=lambda f: f.geometry().centroid().asPoint().distance(middle))
        box = feature.geometry()
        assert box.centroid().asPoint().distance(middle) < 0.75 * pixel
        side = square.boundingBox().width() * (abs(math.cos(turn)) + abs(math.sin(turn)))
        assert math.sqrt(box.area()) == pytest.approx(side, abs=1.5 * pixel)
        ring = box.asMultiPolygon()[0][0]
        direction = math.degrees(math.atan2(ring[1].y() - ring[0].y(), ring[1].x() - ring[0].x())) % 90
        assert min(abs(direction - rotation % 90), 90 - abs(direction - rotation % 90)) < 0.01


@pytest.mark.parametrize("shape", [(600, 300), (300, 550)], ids=["wide", "tall"])
@pytest.mark.parametrize("rotation", [0, 30, 117])
def test_features_lie_on_the_targets_in_every_crs_rotation_and_shape(make_runner, complete, rotation, shape):
    runner = make_runner()
    for name in CRSS:
        crs = crs_of(name)
        squares, view = planted_view(crs, shape, rotation)
        end = complete(runner, detect_order(view))
        assert end.outcome is RunOutcome.FINISHED, (name, end.error)
        assert end.proposals.crs() == crs, name
        assert_features_lie_on(end.proposals, squares, crs, rotation, max(shape) * 6.0 / 512)


def test_training_grade_chips_cut_from_the_layer_put_features_on_its_ships_in_the_maps_crs(
    make_runner, complete, tmp_path
):
    painted, middles = painted_scene(tmp_path)
    layer = QgsRasterLayer(str(painted), "painted")
    crs = crs_of("EPSG:4326")
    view = view_of([layer], crs, 500, 400, 6.0)
    order = detect_order(view, images=(ImageSource("", view, RasterSource.from_layer(layer)),))
    end = complete(make_runner(), order)
    assert end.outcome is RunOutcome.FINISHED, end.error
    assert end.proposals.crs() == crs
    found = [feature.geometry().centroid().asPoint() for feature in end.proposals.getFeatures()]
    assert len(found) == len(middles)
    for middle in middles:
        assert min(point.distance(middle) for point in found) < 22.9 * units_per_metre(crs)
    (footprint,) = end.footprints.getFeatures()
    assert footprint["kind"] == "training grade"
    assert footprint["gsd_m"] == pytest.approx(22.86, rel=0.01)


def painted_scene(folder):
    """The harbour with three magenta squares in its pixels, and their middles in longitude and latitude."""
    target = folder / "painted.tif"
    source = gdal.Open(str(ROOT / "resources" / "demo" / "honolulu.tif"))
    copy = gdal.GetDriverByName("GTiff").CreateCopy(str(target), source)
    transform = copy.GetGeoTransform()
    middles = []
    for column, row, side in ((60, 80, 24), (300, 60, 30), (330, 250, 18)):
        for band, value in ((1, 255), (2, 0), (3, 255)):
            copy.GetRasterBand(band).WriteArray(np.full((side, side), value, np.uint8), column, row)
        x = transform[0] + transform[1] * (column + side / 2)
        y = transform[3] + transform[5] * (row + side / 2)
        point = QgsGeometry.fromPointXY(QgsPointXY(x, y))
        middles.append(transformed(point, crs_of("EPSG:3857"), crs_of("EPSG:4326")).asPoint())
    del copy
    return target, middles


def test_a_caption_becomes_the_text_and_the_footprint_of_the_chip(make_runner, complete):
    crs = crs_of("EPSG:3857")
    _, view = planted_view(crs)
    runner = make_runner()
    end = complete(runner, RunOrder(Aoi.from_view(view), view, "caption"))
    assert end.outcome is RunOutcome.FINISHED
    assert end.caption == "This picture shows 4 bright targets." == "".join(runner.texts)
    assert end.proposals is None
    (footprint,) = end.footprints.getFeatures()
    assert footprint["caption"] == end.caption
    assert (
        footprint.geometry().symDifference(Aoi.from_view(view).polygon).area() < 1e-3 * view.extent().area()
    )


def test_layers_are_in_the_project_above_the_imagery_with_the_runs_provenance(make_runner, complete):
    crs = crs_of("EPSG:3857")
    harbour = harbour_layer()
    QgsProject.instance().addMapLayer(harbour)
    _, view = planted_view(crs)
    end = complete(make_runner(), detect_order(view))
    order = [layer.name() for layer in QgsProject.instance().layerTreeRoot().layerOrder()]
    assert order == [end.proposals.name(), end.footprints.name(), "harbour"]
    run = read_run(end.proposals)
    assert (run.task, run.targets, run.model) == ("detect", ("vessel candidate",), "bright-targets")
    assert run.prompts
    assert "Locate potential vessel candidates" in run.prompts[0]
    (feature, *_) = end.proposals.getFeatures()
    assert feature["label"] == "vessel candidate"
    assert feature["status"] == "pending"
    assert feature["score"] == pytest.approx(0.9, abs=1e-6)
    assert '"vessel_candidate"' in feature["raw_box"]


def test_the_next_run_does_not_see_the_boxes_of_the_last(make_runner, complete):
    crs = crs_of("EPSG:3857")
    _, view = planted_view(crs)
    runner = make_runner()
    first = complete(runner, detect_order(view))
    view.kept = [first.proposals, *view.kept]
    view.setLayers(view.kept)
    second = complete(runner, detect_order(view))
    assert read_run(first.proposals).chips[0].chip_id == read_run(second.proposals).chips[0].chip_id


def test_boxes_are_cut_at_the_area_where_asked(make_runner, complete):
    crs = crs_of("EPSG:3857")
    _, view = planted_view(crs, targets=((-1600, 0, 400), (200, 100, 200)))
    end = complete(make_runner(), detect_order(view, clip=True))
    view_area = Aoi.from_view(view).polygon
    boxes = [feature.geometry() for feature in end.proposals.getFeatures()]
    assert len(boxes) == 2
    assert all(box.difference(view_area.buffer(1, 8)).area() == 0 for box in boxes)


def test_an_empty_list_is_nothing_found_and_leaves_a_footprint_only(make_runner, complete):
    crs = crs_of("EPSG:3857")
    view = view_of([harbour_layer()], crs, 500, 400, 6.0)
    end = complete(make_runner(), detect_order(view))
    assert end.outcome is RunOutcome.NOTHING_FOUND
    assert end.proposals is None
    (footprint,) = end.footprints.getFeatures()
    assert footprint["n_boxes"] == 0


def test_a_cancel_between_tokens_keeps_what_arrived_and_the_worker(qtbot, make_runner, complete):
    crs = crs_of("EPSG:3857")
    _, view = planted_view(crs)
    runner = make_runner("bright_targets.py", "0.15")
    runner.start(detect_order(view), SETTINGS)
    qtbot.waitUntil(lambda: bool(runner.steps) and runner.steps[-1].boxes >= 2, timeout=20000)
    process_id = runner.worker_process_id
    runner.cancel()
    qtbot.waitUntil(lambda: bool(runner.ends), timeout=20_000)
    assert runner.ends[0].outcome is RunOutcome.CANCELLED
    assert 2 <= runner.ends[0].proposals.featureCount() < len(TARGETS)
    assert runner.worker_process_id == process_id
    (footprint,) = runner.ends[0].footprints.getFeatures()
    assert footprint["outcome"] == "cancelled"


def test_a_worker_killed_in_the_middle_is_one_crash_and_the_next_run_works(qtbot, make_runner, complete):
    crs = crs_of("EPSG:3857")
    _, view = planted_view(crs)
    runner = make_runner("bright_targets.py", "0.05")
    runner.start(detect_order(view), SETTINGS)
    qtbot.waitUntil(lambda: bool(runner.steps) and runner.steps[-1].boxes >= 1, timeout=20000)
    os.kill(runner.worker_process_id, signal.SIGKILL)
    qtbot.waitUntil(lambda: bool(runner.ends), timeout=20_000)
    (end,) = runner.ends
    assert end.outcome is RunOutcome.CRASHED
    assert isinstance(end.error, WorkerCrashed)
    assert end.proposals.featureCount() >= 1
    assert complete(runner, detect_order(view)).boxes == len(TARGETS)


@pytest.mark.parametrize("mode", ["killed", "aborts", "exits", "garbage"])
def test_every_way_to_crash_ends_the_run_once_and_keeps_the_text(make_runner, complete, mode):
    crs = crs_of("EPSG:3857")
    _, view = planted_view(crs)
    runner = make_runner("misbehaving.py", mode)
    end = complete(runner, RunOrder(Aoi.from_view(view), view, "caption"))
    assert end.outcome is RunOutcome.CRASHED
    assert end.caption == "first second "
    (footprint,) = end.footprints.getFeatures()
    assert (footprint["caption"], footprint["outcome"]) == ("first second ", "crashed")
    assert len(runner.ends) == 1


def test_a_cancel_while_the_model_loads_ends_the_run_at_once(qtbot, make_runner):
    crs = crs_of("EPSG:3857")
    _, view = planted_view(crs)
    runner = make_runner("misbehaving.py", "deaf-while-loading")
    runner.start(detect_order(view), SETTINGS)
    qtbot.waitUntil(lambda: any(step.stage is RunStage.LOADING for step in runner.steps), timeout=10000)
    runner.cancel()
    assert [end.outcome for end in runner.ends] == [RunOutcome.CANCELLED]
    assert runner.worker_process_id is None


def test_chips_cancelled_in_the_list_of_tasks_cancel_the_run(qtbot, make_runner):
    layer = harbour_layer()
    view = view_of([layer], crs_of("EPSG:3857"), 500, 400, 30.0)
    runner = make_runner()
    source = RasterSource.from_layer(layer)
    runner.start(detect_order(view, images=(ImageSource("", view, source),)), SETTINGS)
    QgsApplication.taskManager().cancelAll()
    qtbot.waitUntil(lambda: bool(runner.ends), timeout=20_000)
    assert [end.outcome for end in runner.ends] == [RunOutcome.CANCELLED]


def test_an_empty_map_fails_with_the_reason_and_the_next_run_works(make_runner, complete):
    crs = crs_of("EPSG:3857")
    runner = make_runner()
    end = complete(runner, detect_order(view_of([], crs, 500, 400, 6.0)))
    assert (end.outcome, type(end.error).__name__) == (RunOutcome.FAILED, "BlankChip")
    _, view = planted_view(crs)
    assert complete(runner, detect_order(view)).boxes == len(TARGETS)


def test_without_an_interpreter_the_run_fails_with_a_typed_error(make_runner, complete):
    _, view = planted_view(crs_of("EPSG:3857"))
    end = complete(make_runner(), detect_order(view), Settings(interpreter="", model="x"))
    assert isinstance(end.error, RuntimeNotFound)


def test_a_model_of_another_kind_than_expected_ends_the_run_and_is_not_kept(make_runner, complete):
    _, view = planted_view(crs_of("EPSG:3857"))
    runner = make_runner()
    end = complete(runner, detect_order(view), Settings(interpreter=WORKER_PYTHON, model=""))
    assert end.outcome is RunOutcome.FAILED
    assert isinstance(end.error, OtherContract)
    assert end.error.values == {"expected": "lspace-mini", "found": "lspace"}
    assert (end.proposals, end.footprints, runner.worker_process_id) == (None, None, None)
    assert complete(runner, detect_order(view)).boxes == len(TARGETS)


def test_without_a_chosen_model_the_embedded_one_answers_about_squares_of_its_own_size(qtbot, complete):
    layer, crs = harbour_layer(), crs_of("EPSG:3857")
    view = view_of([layer], crs, 200, 200, 6.0)
    runner = Runner()
    runner.ends = []
    runner.ended.connect(runner.ends.append)
    source = RasterSource.from_layer(layer)
    order = RunOrder(Aoi.from_view(view), view, "caption", images=(ImageSource("", view, source),))
    end = complete(runner, order, Settings(interpreter=WORKER_PYTHON))
    runner.shut_down()
    assert end.outcome is RunOutcome.FINISHED, end.error
    assert end.caption
    run = read_run(end.footprints)
    assert (run.model, run.random_weights) == ("lspace-mini", False)
    (footprint,) = end.footprints.getFeatures()
    assert footprint["model"] == "lspace-mini"
    assert footprint["gsd_m"] == pytest.approx(1280 / 224, rel=0.01)
    assert footprint.geometry().area() == pytest.approx((1280 * units_per_metre(crs)) ** 2, rel=0.01)


def test_the_real_engine_answers_through_the_same_way(qtbot, complete):
    crs = crs_of("EPSG:3857")
    _, view = planted_view(crs)
    runner = Runner()
    runner.ends = []
    runner.ended.connect(runner.ends.append)
    model = str(ROOT / ".venv" / "models" / "random-tiny")
    order = RunOrder(Aoi.from_view(view), view, "caption", max_new_tokens=12)
    end = complete(runner, order, Settings(interpreter=WORKER_PYTHON, model=model))
    runner.shut_down()
    assert end.outcome is RunOutcome.FINISHED, end.error
    assert end.caption
    assert end.cut_short == 1
    assert read_run(end.footprints).random_weights
