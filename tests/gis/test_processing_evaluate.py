"""Proposals against the truth: the figures, the table, the report."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from algorithms import Listener, our_provider, polygon_layer, raster_crs, run, square_px
from planted import transformed
from qgis.core import NULL, QgsCoordinateReferenceSystem, QgsProcessingException

FOUND = "field=label:string&field=score:double"
TRUE = "field=kind:string"


@pytest.fixture(autouse=True)
def provider(qgis_processing):
    with our_provider():
        yield


def proposals(*given):
    """(left, label, score) of squares of ten pixels."""
    shapes = [square_px(left, 0, 10) for left, _, _ in given]
    return polygon_layer(shapes, raster_crs(), FOUND, [(label, score) for _, label, score in given])


def truth(*given, crs=None):
    """(left, label) of squares of ten pixels."""
    crs = crs or raster_crs()
    shapes = [transformed(square_px(left, 0, 10), raster_crs(), crs) for left, _ in given]
    return polygon_layer(shapes, crs, TRUE, [(label,) for _, label in given])


def evaluate(found, true, listener=None, **parameters):
    given = {"PROPOSALS": found, "TRUTH": true, "TRUTH_FIELD": "kind", **parameters}
    return run("evaluate", given, listener)


def rows_of(result):
    return {feature["label"]: feature.attributes()[1:] for feature in result["OUTPUT"].getFeatures()}


def test_figures_are_told_by_label_and_for_all_labels():
    found = proposals((0, "ship", 0.9), (100, "ship", 0.8), (201, "ship", 0.7), (300, "quay", 0.6))
    true = truth((0, "ship"), (200, "ship"), (400, "ship"), (300, "quay"))
    result = evaluate(found, true)
    ships = [3, 3, 2, pytest.approx(2 / 3), pytest.approx(2 / 3), pytest.approx(2 / 3)]
    rows = rows_of(result)
    # precision 1 up to the first third of recall, then 2/3 up to the second, then nothing
    assert rows["ship"] == [*ships, pytest.approx(1 / 3 + 2 / 9)]
    assert rows["quay"] == [1, 1, 1, 1.0, 1.0, 1.0, 1.0]
    assert rows["all labels"][:3] == [4, 4, 3]
    assert [result[name] for name in ("PRECISION", "RECALL", "F1")] == [0.75, 0.75, 0.75]
    assert result["AP"] == pytest.approx((1 / 3 + 2 / 9 + 1) / 2)


def test_a_true_polygon_is_matched_once_and_by_the_highest_score():
    found = proposals((2, "ship", 0.5), (3, "ship", 0.9))
    result = evaluate(found, truth((0, "ship")), IOU=0.5)
    assert rows_of(result)["ship"][:3] == [1, 2, 1]
    assert result["AP"] == 1.0  # the one that was taken first was right


@pytest.mark.parametrize(("threshold", "matched"), [(0.5, 1), (0.6, 0)])
def test_the_overlap_has_to_reach_the_threshold(threshold, matched):
    # 7 of 13 pixels in common: 0.54
    result = evaluate(proposals((3, "ship", 0.9)), truth((0, "ship")), IOU=threshold)
    assert rows_of(result)["ship"][2] == matched


def test_another_label_is_no_match():
    result = evaluate(proposals((0, "quay", 0.9)), truth((0, "ship")))
    assert (result["PRECISION"], result["RECALL"]) == (0.0, 0.0)


def test_without_labels_of_the_truth_everything_is_the_same():
    result = evaluate(proposals((0, "quay", 0.9)), truth((0, "ship")), TRUTH_FIELD=None)
    assert (result["PRECISION"], result["RECALL"]) == (1.0, 1.0)


def test_the_truth_may_be_in_another_crs():
    true = truth((0, "ship"), crs=QgsCoordinateReferenceSystem("EPSG:4326"))
    assert evaluate(proposals((0, "ship", 0.9)), true)["F1"] == 1.0


def test_what_cannot_be_reckoned_stays_empty(qgis_new_project):
    result = evaluate(proposals((0, "ship", None)), truth((0, "ship"), (500, "quay")))
    rows = rows_of(result)
    assert rows["ship"][-1] == NULL
    assert rows["quay"][3] == NULL
    assert rows["quay"][4] == 0.0


def test_the_report_has_the_figures_and_the_rule(tmp_path):
    page = tmp_path / "evaluation.html"
    result = evaluate(proposals((0, "ship <b>", 0.9)), truth((0, "ship <b>")), REPORT=str(page))
    text = page.read_text(encoding="utf-8")
    assert result["REPORT"] == str(page)
    assert "ship &lt;b&gt;" in text
    assert "1.000" in text
    assert "intersection over union" in text


def test_a_polygon_without_area_is_told_of():
    listener = Listener()
    line = polygon_layer([square_px(0, 0, 10), square_px(0, 0, 0)], raster_crs(), FOUND, [("ship", 0.9)] * 2)
    result = evaluate(line, truth((0, "ship")), listener)
    assert rows_of(result)["ship"][1] == 1
    assert any("has no area" in warning for warning in listener.warnings)


def test_a_layer_that_is_not_there_is_refused():
    with pytest.raises(QgsProcessingException):
        evaluate("/no/layer.shp", truth((0, "ship")))
