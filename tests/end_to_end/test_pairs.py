"""Two images of one place -> worker -> layer: what changed is boxed where it changed."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.aoi import Aoi
from lspace.gis.imaging.image_source import ImageSource
from lspace.gis.imaging.raster_source import RasterSource
from lspace.gis.provenance import read_run
from lspace.gis.runs.run_order import RunOrder
from lspace.gis.runs.run_progress import RunOutcome
from lspace.gis.settings import Settings
from planted import ROOT, WORKER_PYTHON, crs_of, harbour_layer, square_at, target_layer, view_of
from qgis.core import QgsRasterLayer

OLD, NEW = (-600, 300, 160), [(450, 400, 120), (500, -250, 240)]
"""Right and up of the middle, and side, metres: one target was there before, two are new."""
TINY = ROOT / ".venv" / "models" / "random-tiny"


def views(crs, rotation):
    """The map before and after, and the squares that are new."""
    old, new = square_at(crs, *OLD), [square_at(crs, *target) for target in NEW]
    harbour = harbour_layer()
    before = view_of([target_layer([old], crs), harbour], crs, 500, 400, 6.0, rotation)
    after = view_of([target_layer([old, *new], crs), harbour], crs, 500, 400, 6.0, rotation)
    return before, after, new


def pair_order(before, after, **options):
    images = (
        ImageSource("before", before, date="2022-06-01"),
        ImageSource("after", after, date="2022-07-15"),
    )
    return RunOrder(Aoi.from_view(after), after, "flood", images=images, **options)


@pytest.mark.parametrize("rotation", [0, 33])
@pytest.mark.parametrize("crs_name", ["EPSG:3857", "EPSG:32604", "EPSG:4326"])
def test_only_what_is_new_in_the_second_image_is_boxed_and_lies_in_its_place(
    make_runner, complete, crs_name, rotation
):
    crs = crs_of(crs_name)
    before, after, new = views(crs, rotation)
    end = complete(make_runner(), pair_order(before, after))
    assert end.outcome is RunOutcome.FINISHED, end.error
    boxes = [feature.geometry() for feature in end.proposals.getFeatures()]
    assert len(boxes) == len(new)
    for square in new:
        assert sum(box.contains(square.centroid()) for box in boxes) == 1


def test_exchanging_the_images_finds_nothing_and_asks_for_no_boxes(make_runner, complete):
    before, after, _new = views(crs_of("EPSG:3857"), 0)
    end = complete(make_runner(), pair_order(after, before))
    assert end.outcome is RunOutcome.FINISHED
    assert end.denied == 1
    assert end.proposals is None
    assert [answer.task for answer in end.answers] == ["flood_report"]
    assert end.answers[0].negative
    (footprint,) = end.footprints.getFeatures()
    assert footprint["caption"].startswith("No clear inundation expansion")
    assert footprint["date"] == "2022-06-01 / 2022-07-15"


def test_a_pair_of_training_grade_chips_has_its_dates_in_the_prompt_and_both_layers_in_the_record(
    make_runner, complete
):
    layer = QgsRasterLayer(str(ROOT / "resources" / "demo" / "honolulu.tif"), "harbour")
    view = view_of([layer], crs_of("EPSG:3857"), 500, 400, 6.0)
    raster = RasterSource.from_layer(layer)
    images = tuple(ImageSource("", view, raster, date=date) for date in ("2022-06-01", "2022-07-15"))
    order = RunOrder(Aoi.from_view(view), view, "transition", images=images)
    end = complete(make_runner(), order)
    assert "(2022-06-01 and 2022-07-15)" in end.answers[0].prompt
    run = read_run(end.footprints)
    assert (run.images, [chip.date for chip in run.chips]) == (2, ["2022-06-01", "2022-07-15"])


def test_a_pair_goes_through_a_real_checkpoint_of_the_architecture(make_runner, complete):
    before, after, _new = views(crs_of("EPSG:3857"), 0)
    settings = Settings(interpreter=WORKER_PYTHON, model=str(TINY))
    order = pair_order(before, after, ask_anyway=True, max_new_tokens=4)
    end = complete(make_runner(None), order, settings)
    assert [answer.task for answer in end.answers] == ["flood_report", "flood"]
    assert end.error is None
