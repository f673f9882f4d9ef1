"""``lspace:scan``: every target of a large raster once, whatever happens in between."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from algorithms import (
    Listener,
    iou,
    our_provider,
    polygon_layer,
    raster_crs,
    run,
    scripted,
    square_px,
    target_raster,
)
from lspace.gis.provenance import read_run
from qgis.core import QgsProcessingException, QgsVectorLayer

SIDE_PX = 1100
"""Eleven kilometres: three pictures a side."""
TARGETS = [(60, 80, 60), (430, 300, 70), (900, 460, 60), (440, 900, 60), (1000, 1000, 60)]
"""Some lie where two or four pictures overlap."""


@pytest.fixture(autouse=True)
def provider(qgis_processing, qgis_new_project):
    with our_provider():
        yield


@pytest.fixture
def raster(tmp_path):
    return target_raster(tmp_path / "large.tif", TARGETS, SIDE_PX)


@pytest.fixture
def scan(tmp_path, raster):
    def carry_out(feedback=None, **changes):
        parameters = {
            "INPUT": raster,
            "TARGETS": ["vessel candidate"],
            "OUTPUT": str(tmp_path / "scan.gpkg"),
            **scripted(tmp_path),
            **changes,
        }
        return run("scan", parameters, feedback)

    return carry_out


def layer_at(result, table):
    layer = QgsVectorLayer(f"{result['OUTPUT']}|layername={table}", table, "ogr")
    assert layer.isValid()
    return layer


def found_in(result):
    return [feature.geometry() for feature in layer_at(result, "proposals").getFeatures()]


def each_once(boxes, targets):
    best = [max((iou(box, square_px(*target)) for box in boxes), default=0) for target in targets]
    return len(boxes) == len(targets) and min(best) > 0.8


def counts_of(result):
    return [result[name] for name in ("DONE", "EMPTY", "FAILED", "WAITING")]


class GivesUp(Listener):
    """Cancels when so many pictures are told to be done."""

    def __init__(self, share):
        super().__init__()
        self._share = share

    def setProgress(self, progress):
        super().setProgress(progress)
        if progress >= 100 * self._share:
            self.cancel()


def test_what_lies_where_pictures_overlap_is_proposed_once(scan):
    result = scan()
    assert counts_of(result) == [9, 0, 0, 0]
    assert result["BOXES"] == len(TARGETS)
    assert each_once(found_in(result), TARGETS)


def test_the_file_tells_what_became_of_each_picture_and_how_to_run_it_again(scan):
    result = scan()
    states = [feature["state"] for feature in layer_at(result, "lspace_cells").getFeatures()]
    assert states == ["done"] * 9
    assert layer_at(result, "footprints").featureCount() == 9
    assert read_run(layer_at(result, "proposals")).targets == ("vessel candidate",)


def test_a_scan_that_was_cancelled_goes_on_and_gives_the_same(scan):
    first = scan(GivesUp(0.2), BATCH=2)
    second = scan()
    assert 0 < first["DONE"] < 9
    assert counts_of(second) == [9, 0, 0, 0]
    assert each_once(found_in(second), TARGETS)


def test_a_scan_that_is_over_asks_nothing_again(scan):
    scan()
    listener = Listener()
    again = scan(listener)
    assert each_once(found_in(again), TARGETS)
    tries = [feature["tries"] for feature in layer_at(again, "lspace_cells").getFeatures()]
    assert tries == [1] * 9


def test_only_the_area_is_scanned(scan):
    corner = polygon_layer([square_px(0, 0, 300)], raster_crs())
    result = scan(AREA=corner)
    assert counts_of(result) == [1, 0, 0, 0]


def test_pictures_without_data_are_left_out(scan, tmp_path):
    small = target_raster(tmp_path / "small.tif", TARGETS[:1])
    around = polygon_layer([square_px(0, 0, 2000)], raster_crs())
    done, empty, failed, waiting = counts_of(scan(INPUT=small, AREA=around, OUTPUT=str(tmp_path / "s.gpkg")))
    assert (failed, waiting) == (0, 0)
    assert done >= 1
    assert empty > done


def test_another_question_is_not_mixed_into_the_same_file(scan):
    scan()
    with pytest.raises(QgsProcessingException):
        scan(TARGETS=["water"])


def test_a_worker_that_dies_again_and_again_ends_the_scan_and_all_pictures_still_wait(scan, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    with pytest.raises(QgsProcessingException):
        scan(**scripted(folder, "misbehaving.py", "killed"))
    cells = layer_at({"OUTPUT": str(tmp_path / "scan.gpkg")}, "lspace_cells")
    states = [feature["state"] for feature in cells.getFeatures()]
    assert states.count("waiting") >= 5
    assert "done" not in states
