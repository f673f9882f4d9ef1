"""Algorithms that ask the model: what they are given, what they write, and what they say when they cannot."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("qgis.core")

from algorithms import (
    Listener,
    extent_px,
    iou,
    our_provider,
    polygon_layer,
    raster_crs,
    run,
    run_in_thread,
    scripted,
    square_px,
    target_raster,
)
from lspace.gis.layers import FOOTPRINT_FIELDS, PROPOSAL_FIELDS, Status
from lspace.gis.provenance import read_run
from planted import WORKER_PYTHON, harbour_layer
from qgis.core import (
    NULL,
    QgsApplication,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProject,
    QgsRectangle,
    QgsReferencedRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QTimer

TRAINING_GRADE, AS_SHOWN = 0, 1
MINI = {"INTERPRETER": WORKER_PYTHON}
TARGETS = [(60, 80, 60), (300, 340, 80)]


@pytest.fixture(autouse=True)
def provider(qgis_processing, qgis_new_project):
    with our_provider():
        yield


def harbour_extent(side_m=1000.0):
    layer = harbour_layer()
    return QgsReferencedRectangle(
        QgsRectangle.fromCenterAndSize(layer.extent().center(), side_m, side_m), layer.crs()
    )


def shapes_of(layer):
    return [feature.geometry() for feature in layer.getFeatures()]


def all_found(boxes, targets):
    """Each target by one box, to a pixel of the chip at each edge, and nothing else."""
    best = [max((iou(box, square_px(*target)) for box in boxes), default=0) for target in targets]
    return len(boxes) == len(targets) and min(best, default=1) > 0.85


# caption


def test_a_caption_is_text_and_stands_with_the_outline_of_its_picture():
    listener = Listener()
    result = run("caption", {"INPUT": harbour_layer(), "EXTENT": harbour_extent(), **MINI}, listener)
    assert result["TEXT"].startswith("This satellite imagery is dominated by ")
    (footprint,) = result["OUTPUT"].getFeatures()
    assert footprint["caption"] == result["TEXT"]
    assert result["TEXT"] in listener.infos
    assert list(FOOTPRINT_FIELDS) == result["OUTPUT"].fields().names()
    assert result["OUTPUT"].crs() == harbour_layer().crs()
    assert footprint.geometry().contains(QgsGeometry.fromPointXY(harbour_layer().extent().center()))


def test_a_picture_as_shown_has_the_shape_that_was_asked_for(tmp_path):
    raster = target_raster(tmp_path / "ground.tif", TARGETS)
    extent = extent_px(50, 60, 300, 150)
    result = run("caption", {"INPUT": raster, "EXTENT": extent, "KIND": AS_SHOWN, **scripted(tmp_path)})
    (footprint,) = result["OUTPUT"].getFeatures()
    assert iou(footprint.geometry(), QgsGeometry.fromRect(extent)) > 0.999
    assert footprint["kind"] == "as shown"
    assert result["TEXT"] == "This picture shows 1 bright targets."


def test_each_polygon_has_its_own_caption_and_one_without_ground_has_none(tmp_path):
    raster = target_raster(tmp_path / "ground.tif", [(60, 80, 60), (300, 340, 80), (320, 100, 60)], 1024)
    squares = [square_px(0, 0, 512), square_px(2000, 2000, 100), square_px(500, 500, 100), square_px(0, 0, 0)]
    names = [("all",), ("none",), ("few",), ("a point",)]
    layer = polygon_layer(squares, raster_crs(), values=names)
    listener = Listener()
    given = {"INPUT": layer, "RASTER": raster, "KIND": TRAINING_GRADE, **scripted(tmp_path)}
    result = run("captionfeatures", given, listener)
    captions = {feature["name"]: feature["caption"] for feature in result["OUTPUT"].getFeatures()}
    assert captions["all"] == "This picture shows 3 bright targets."
    assert captions["none"] == NULL
    assert captions["few"] == "This picture shows 1 bright targets."
    assert captions["a point"] == NULL
    assert result["FAILED"] == 2
    assert any("Feature 2 has no caption" in error for error in listener.errors)


def test_captions_follow_polygons_of_another_crs(tmp_path):
    from planted import transformed
    from qgis.core import QgsCoordinateReferenceSystem

    raster = target_raster(tmp_path / "ground.tif", TARGETS)
    lonlat = QgsCoordinateReferenceSystem("EPSG:4326")
    shape = transformed(square_px(40, 60, 100), raster_crs(), lonlat)
    given = {"RASTER": raster, "KIND": AS_SHOWN, **scripted(tmp_path)}
    result = run("captionfeatures", {"INPUT": polygon_layer([shape], lonlat), **given})
    (feature,) = result["OUTPUT"].getFeatures()
    assert feature["caption"] == "This picture shows 1 bright targets."
    assert result["OUTPUT"].crs() == lonlat
    assert feature.geometry().equals(shape)


# detect


@pytest.mark.parametrize("kind", [TRAINING_GRADE, AS_SHOWN])
def test_boxes_lie_where_the_targets_are(tmp_path, kind):
    raster = target_raster(tmp_path / "ground.tif", TARGETS)
    given = {"INPUT": raster, "TARGETS": ["water"], "KIND": kind, "FOOTPRINTS": "memory:"}
    result = run("detect", {**given, **scripted(tmp_path)})
    assert all_found(shapes_of(result["OUTPUT"]), TARGETS)
    assert list(PROPOSAL_FIELDS) == result["OUTPUT"].fields().names()
    (proposal, _) = result["OUTPUT"].getFeatures()
    (footprint,) = result["FOOTPRINTS"].getFeatures()
    assert (proposal["label"], proposal["status"]) == ("water", Status.PENDING.value)
    assert proposal["chip_id"] == footprint["chip_id"]
    assert proposal["gsd_m"] == footprint["gsd_m"]
    assert result["BOXES"] == footprint["n_boxes"] == 2


def test_an_area_larger_than_a_picture_is_covered_by_several(tmp_path):
    targets = [(60, 80, 60), (900, 880, 80)]
    raster, listener = target_raster(tmp_path / "ground.tif", targets, 1024), Listener()
    given = {"INPUT": raster, "TARGETS": ["water"], "FOOTPRINTS": "memory:", **scripted(tmp_path)}
    result = run("detect", given, listener)
    assert all_found(shapes_of(result["OUTPUT"]), targets)
    covered = QgsGeometry.unaryUnion(shapes_of(result["FOOTPRINTS"]))
    assert result["FOOTPRINTS"].featureCount() == 9
    assert covered.buffer(0.01, 1).contains(square_px(0, 0, 1024))
    assert listener.progresses == sorted(listener.progresses)
    assert len(set(listener.progresses)) >= 9


def test_boxes_can_be_cut_at_the_edge_of_the_area(tmp_path):
    raster, extent = target_raster(tmp_path / "ground.tif", TARGETS), extent_px(0, 0, 90, 512)
    given = {"INPUT": raster, "TARGETS": ["water"], "EXTENT": extent, **scripted(tmp_path)}
    (whole,) = shapes_of(run("detect", {**given, "KIND": AS_SHOWN})["OUTPUT"])
    cut = shapes_of(run("detect", {**given, "CLIP": True})["OUTPUT"])
    area = QgsGeometry.fromRect(extent)
    assert whole.boundingBox().xMaximum() == pytest.approx(extent.xMaximum(), abs=2)
    assert len(cut) == 1
    assert cut[0].difference(area).area() < 1


def test_own_words_are_looked_for_beside_the_trained_ones(tmp_path):
    raster = target_raster(tmp_path / "ground.tif", TARGETS[:1])
    given = {"INPUT": raster, "TARGETS": ["water"], "OWN_WORDS": "red roof, solar field"}
    result = run("detect", {**given, **scripted(tmp_path)})
    labels = [feature["label"] for feature in result["OUTPUT"].getFeatures()]
    assert sorted(labels) == ["red roof", "solar field", "water"]


# compare


def pair(tmp_path, before, after):
    names = ("2022-06-01", "2022-07-15")
    rasters = [
        target_raster(tmp_path / f"{name}.tif", targets) for name, targets in zip(names, (before, after))
    ]
    return dict(zip(("BEFORE", "AFTER"), rasters))


@pytest.mark.parametrize(
    ("change", "label"),
    [(0, "possible burn scar"), (1, "possible inundation"), (2, "possible land transition")],
)
def test_what_is_new_in_the_later_raster_is_proposed(tmp_path, change, label):
    given = {**pair(tmp_path, TARGETS[:1], TARGETS), "CHANGE": change, **scripted(tmp_path)}
    result = run("compare", {**given, "FOOTPRINTS": "memory:"})
    assert all_found(shapes_of(result["OUTPUT"]), TARGETS[1:])
    assert [feature["label"] for feature in result["OUTPUT"].getFeatures()] == [label]
    (footprint,) = result["FOOTPRINTS"].getFeatures()
    assert footprint["date"] == "2022-06-01 / 2022-07-15"
    assert footprint["caption"] == result["TEXT"]


def test_where_the_report_finds_nothing_clear_boxes_are_asked_for_only_if_wanted(tmp_path):
    given = {**pair(tmp_path, TARGETS, TARGETS), "CHANGE": 0, **scripted(tmp_path)}
    listener = Listener()
    result = run("compare", given, listener)
    assert result["TEXT"].startswith("No clear burn-scar regions are detected")
    assert "The report found nothing clear, so no boxes were asked for." in listener.infos
    prompts = read_run(result["OUTPUT"]).prompts
    anyway = read_run(run("compare", {**given, "ASK_ANYWAY": True})["OUTPUT"]).prompts
    assert len(anyway) == len(prompts) + 1


def test_a_given_date_goes_into_the_prompt_before_that_of_the_layer(tmp_path):
    given = {**pair(tmp_path, TARGETS[:1], TARGETS), "CHANGE": 1, "BEFORE_DATE": "2020-02-29"}
    result = run("compare", {**given, **scripted(tmp_path)})
    assert any(
        "2020-02-29" in prompt and "2022-07-15" in prompt for prompt in read_run(result["OUTPUT"]).prompts
    )


def test_rasters_without_common_ground_are_refused(tmp_path):
    given = {"BEFORE": harbour_layer(), "AFTER": target_raster(tmp_path / "ground.tif", TARGETS)}
    with pytest.raises(QgsProcessingException, match="no ground in common"):
        run("compare", {**given, "CHANGE": 0, **scripted(tmp_path)})


# what is said where it cannot be done


def refusal(name, parameters):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"lspace:{name}")
    is_right, words = algorithm.checkParameterValues(
        {"OUTPUT": "memory:", **parameters}, QgsProcessingContext()
    )
    assert is_right is False
    return words


def test_without_a_python_it_is_said_where_to_name_one():
    words = refusal("caption", {"INPUT": harbour_layer()})
    assert words == (
        "The model needs a Python of its own. Choose one in the options. "
        "The parameter INTERPRETER can name one, too."
    )


def test_a_python_that_is_not_there_is_named():
    assert "/no/python" in refusal("caption", {"INPUT": harbour_layer(), "INTERPRETER": "/no/python"})


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("detect", {"TARGETS": []}, "There is nothing to look for"),
        ("detect", {"TARGETS": ["cropland"]}, "does not know cropland. It knows: water,"),
        ("detect", {"TARGETS": ["water"], "OWN_WORDS": "roof"}, "does not know roof"),
        ("compare", {"BEFORE": "x", "AFTER": "y"}, "was not trained to compare"),
        ("brief", {"INPUTS": ["x"], "OUTPUT": "brief.html"}, "was not trained to write briefs"),
    ],
)
def test_what_the_chosen_model_cannot_do_is_said_before_the_run(name, parameters, words):
    layer = harbour_layer()
    QgsProject.instance().addMapLayer(layer)
    given = {key: layer if value in ("x", "y") else value for key, value in parameters.items()}
    given = {**given, "INPUTS": [layer]} if "INPUTS" in given else given
    assert words in refusal(name, {"INPUT": layer, **given, **MINI})


def test_one_raster_is_not_compared_with_itself(tmp_path):
    raster = target_raster(tmp_path / "ground.tif", TARGETS)
    words = refusal("compare", {"BEFORE": raster, "AFTER": raster, "CHANGE": 0, **scripted(tmp_path)})
    assert words.startswith("The images to compare are the same.")


def test_too_large_an_area_is_refused_with_the_number_of_pictures(tmp_path):
    far = QgsReferencedRectangle(QgsRectangle(400_000, 4_900_000, 500_000, 5_000_000), raster_crs())
    raster = target_raster(tmp_path / "ground.tif", TARGETS)
    with pytest.raises(QgsProcessingException, match="more than the 100 of one run"):
        run("caption", {"INPUT": raster, "EXTENT": far, **scripted(tmp_path)})


def test_a_worker_that_dies_ends_the_run_with_its_last_words(tmp_path):
    raster = target_raster(tmp_path / "ground.tif", TARGETS)
    with pytest.raises(QgsProcessingException, match="Its exit code was"):
        run("caption", {"INPUT": raster, **scripted(tmp_path, "misbehaving.py", "exits")})


# in a thread, as the toolbox does


@pytest.mark.parametrize("kind", [TRAINING_GRADE, AS_SHOWN])
def test_a_thread_of_the_toolbox_does_the_same(qtbot, tmp_path, kind):
    raster, context, listener = (
        target_raster(tmp_path / "ground.tif", TARGETS),
        QgsProcessingContext(),
        Listener(),
    )
    context.setProject(QgsProject.instance())
    QgsProject.instance().addMapLayer(raster)
    given = {"INPUT": raster.id(), "TARGETS": ["water"], "KIND": kind, "OUTPUT": "memory:"}
    done, results = run_in_thread(qtbot, "detect", {**given, **scripted(tmp_path)}, context, listener)
    assert done, listener.errors
    layer = context.takeResultLayer(results["OUTPUT"])
    assert all_found(shapes_of(layer), TARGETS)
    assert read_run(layer).targets == ("water",)


def test_who_gives_up_keeps_the_places_that_are_done(qtbot, tmp_path):
    raster, path = target_raster(tmp_path / "ground.tif", TARGETS, 1024), tmp_path / "outlines.gpkg"
    context, listener = QgsProcessingContext(), Listener()
    given = {"INPUT": raster, "TARGETS": ["water"], "OUTPUT": "memory:", "FOOTPRINTS": str(path)}
    listener.progressChanged.connect(lambda share: listener.cancel() if share > 20 else None)
    given = {**given, **scripted(tmp_path, "bright_targets.py", "0.02")}
    done, _ = run_in_thread(qtbot, "detect", given, context, listener)
    assert not done
    outcomes = [feature["outcome"] for feature in QgsVectorLayer(str(path), "", "ogr").getFeatures()]
    assert 1 <= len(outcomes) < 9
    assert set(outcomes) == {"done"}
    assert listener.errors == []


def test_who_gives_up_while_the_model_writes_does_not_wait_for_its_end(qtbot, tmp_path):
    raster = target_raster(tmp_path / "ground.tif", TARGETS)
    context, listener = QgsProcessingContext(), Listener()
    given = {"INPUT": raster, "TARGETS": ["water"], "OUTPUT": "memory:"}
    given = {**given, **scripted(tmp_path, "bright_targets.py", "5")}
    QTimer.singleShot(3000, listener.cancel)
    began = time.monotonic()
    run_in_thread(
        qtbot, "detect", {**given, **scripted(tmp_path, "bright_targets.py", "5")}, context, listener
    )
    assert time.monotonic() - began < 60  # the answer itself takes minutes


# files


def test_a_shapefile_opens_with_its_record(tmp_path):
    raster, path = target_raster(tmp_path / "ground.tif", TARGETS), tmp_path / "found.shp"
    given = {"INPUT": raster, "TARGETS": ["water"], "OUTPUT": str(path), **scripted(tmp_path)}
    run("detect", given)
    layer = QgsVectorLayer(str(path), "found", "ogr")
    layer.loadDefaultMetadata()
    assert all_found(shapes_of(layer), TARGETS)
    assert layer.fields().names() == list(PROPOSAL_FIELDS)
    assert read_run(layer).chips[0].sources == ("ground",)


def test_the_pictures_are_kept_where_somebody_wants_them(tmp_path):
    raster, folder = target_raster(tmp_path / "ground.tif", TARGETS), tmp_path / "pictures"
    given = {"INPUT": raster, "TARGETS": ["water"], "CHIPS": str(folder), **scripted(tmp_path)}
    result = run("detect", given)
    (proposal, _) = result["OUTPUT"].getFeatures()
    assert (folder / f"{proposal['chip_id']}.png").read_bytes().startswith(b"\x89PNG")
