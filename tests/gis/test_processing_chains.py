"""What algorithms hand on: to models of algorithms, to a review, to training rows, to a report."""

from __future__ import annotations

import json
import shutil

import pytest

pytest.importorskip("qgis.core")

from algorithms import Listener, extent_px, our_provider, run, run_in_thread, scripted, target_raster
from lspace.gis.layers import RESULT_PROPERTY, is_proposal_layer
from lspace.gis.provenance import read_run
from lspace.gis.review.review import Review
from lspace.ui.review.proposal_layer_combo import ProposalLayerCombo
from pdf_text import words_in
from planted import harbour_layer
from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterRasterLayer,
    QgsProject,
    QgsVectorLayer,
)

TARGETS = [(60, 80, 60), (300, 340, 80)]
Source = QgsProcessingModelChildParameterSource


@pytest.fixture(autouse=True)
def provider(qgis_processing, qgis_new_project):
    with our_provider():
        yield


def detect_into_project(raster, output, **given):
    """As the toolbox does: the results are put into the project."""
    import processing

    algorithm = QgsApplication.processingRegistry().createAlgorithmById("lspace:detect")
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    given = {"INPUT": raster, "TARGETS": ["water"], "OUTPUT": output, **given}
    results = processing.runAndLoadResults(algorithm, given, Listener(), context)
    (layer,) = (each for each in QgsProject.instance().mapLayers().values() if is_proposal_layer(each))
    return layer, results


# review


@pytest.mark.parametrize("output", ["TEMPORARY_OUTPUT", "found.gpkg", "found.shp"])
def test_a_review_takes_the_loaded_proposals_as_it_takes_those_of_the_dock(qtbot, tmp_path, output):
    combo = ProposalLayerCombo()
    qtbot.addWidget(combo)
    raster = target_raster(tmp_path / "ground.tif", TARGETS)
    path = output if output.isupper() else str(tmp_path / output)
    layer, _ = detect_into_project(raster, path, **scripted(tmp_path))
    assert combo.layers() == [layer]
    assert layer.customProperty(RESULT_PROPERTY) == "proposals"
    assert layer.renderer().type() == "categorizedSymbol"
    assert read_run(layer).targets == ("water",)
    review = Review(layer)
    first, second = sorted(review.rows())
    review.accept([first])
    review.reject([second])
    assert (review.counts().accepted, review.counts().rejected) == (1, 1)
    assert layer.commitChanges()


# training rows


def reviewed_file(tmp_path, **given):
    """Proposals in a file, the first accepted, the second rejected; and the folder of their pictures."""
    path, pictures = tmp_path / "found.gpkg", tmp_path / "pictures"
    raster = target_raster(tmp_path / "ground.tif", TARGETS)
    given = {"INPUT": raster, "TARGETS": ["water"], "OUTPUT": str(path), "CHIPS": str(pictures), **given}
    run("detect", {**given, **scripted(tmp_path)})
    layer = QgsVectorLayer(str(path), "found", "ogr")
    review = Review(layer)
    first, second = sorted(review.rows())
    review.accept([first])
    review.reject([second])
    assert layer.commitChanges()
    return path, pictures


def test_reviewed_proposals_of_a_file_become_rows(tmp_path):
    path, pictures = reviewed_file(tmp_path)
    given = {"INPUTS": [str(path)], "CHIPS": str(pictures), "OUTPUT": str(tmp_path / "rows")}
    assert run("trainingrows", given)["ROWS"] == 1
    (row,) = map(json.loads, (tmp_path / "rows" / "rows.jsonl").read_text().splitlines())
    assert row["metadata"]["target"] == "water"
    assert len(json.loads(row["messages"][-1]["content"][0]["text"])) == 1
    assert len(row["metadata"]["rejected"]) == 1
    assert (tmp_path / "rows" / row["metadata"]["image_paths"][0]).is_file()


def test_without_the_pictures_it_is_said_that_they_are_gone(tmp_path):
    path, _ = reviewed_file(tmp_path)
    with pytest.raises(QgsProcessingException, match="pictures are gone"):
        run("trainingrows", {"INPUTS": [str(path)], "OUTPUT": str(tmp_path / "rows")})


# report


def test_a_brief_is_a_report_with_the_pictures_the_words_and_the_findings(tmp_path):
    path, _ = reviewed_file(tmp_path)
    shown = {"2022-06-01.tif": TARGETS[:1], "2022-07-01.tif": [*TARGETS, (100, 300, 40)]}
    rasters = [target_raster(tmp_path / name, targets) for name, targets in shown.items()]
    page = tmp_path / "brief.html"
    given = {"INPUTS": rasters, "PROPOSALS": str(path), "OUTPUT": str(page), **scripted(tmp_path)}
    result = run("brief", given)
    assert result["TEXT"] == "Executive summary: 2 images, 3 bright targets in the last one."
    text = page.read_text(encoding="utf-8")
    assert result["TEXT"] in text
    assert "Proposals: 2. Accepted: 1; rejected: 1; pending: 0." in text
    assert text.count("data:image/png;base64,") == 2
    assert "2022-07-01" in text


def test_a_brief_becomes_pages_by_the_name_of_its_file(tmp_path):
    raster, path = target_raster(tmp_path / "ground.tif", TARGETS), tmp_path / "brief.pdf"
    run("brief", {"INPUTS": [raster], "OUTPUT": str(path), **scripted(tmp_path)})
    assert "Executivesummary" in "".join(words_in(path)).replace(" ", "")


def test_a_thread_of_the_toolbox_makes_pages_too(qtbot, tmp_path):
    raster, path = target_raster(tmp_path / "ground.tif", TARGETS), tmp_path / "brief.pdf"
    context, listener = QgsProcessingContext(), Listener()
    given = {"INPUTS": [raster], "OUTPUT": str(path), **scripted(tmp_path)}
    done, results = run_in_thread(qtbot, "brief", given, context, listener)
    assert done, listener.errors
    assert results["OUTPUT"] == str(path)
    assert "Executivesummary" in "".join(words_in(path)).replace(" ", "")


@pytest.mark.parametrize("name", ["brief.pdf", "brief.html"])
def test_a_brief_that_cannot_be_written_fails_the_run(tmp_path, name):
    raster, folder, listener = target_raster(tmp_path / "ground.tif", TARGETS), tmp_path / "out", Listener()
    folder.mkdir()
    listener.progressChanged.connect(lambda _: shutil.rmtree(folder, ignore_errors=True))
    with pytest.raises(QgsProcessingException, match="does not allow writing"):
        run("brief", {"INPUTS": [raster], "OUTPUT": str(folder / name), **scripted(tmp_path)}, listener)


def test_a_brief_takes_no_more_images_than_the_model():
    layers = [harbour_layer() for _ in range(5)]
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("lspace:brief")
    for layer in layers:
        QgsProject.instance().addMapLayer(layer)
    given = {"INPUTS": layers, "OUTPUT": "brief.html", "MODEL": "NuTonic/lspace"}
    is_right, words = algorithm.checkParameterValues(given, QgsProcessingContext())
    assert (is_right, words) == (False, "A brief takes 1 to 4 raster layers, not 5.")


# models of algorithms


def child(model, child_id, algorithm, sources, output=None):
    """Adds a step to a model."""
    step = QgsProcessingModelChildAlgorithm(f"lspace:{algorithm}")
    step.setChildId(child_id)
    for name, source in sources.items():
        step.addParameterSources(name, [source])
    if output:
        made = QgsProcessingModelOutput(output)
        made.setChildOutputName("OUTPUT")
        step.setModelOutputs({output: made})
    model.addChildAlgorithm(step)


def test_two_of_them_run_in_a_model(tmp_path):
    scripting = {name: Source.fromStaticValue(value) for name, value in scripted(tmp_path).items()}
    raster = Source.fromModelParameter("raster")
    model = QgsProcessingModelAlgorithm("chain", "tests")
    model.addModelParameter(
        QgsProcessingParameterRasterLayer("raster", "raster"), QgsProcessingModelParameter("raster")
    )
    targets = Source.fromStaticValue(["water"])
    child(model, "boxes", "detect", {"INPUT": raster, "TARGETS": targets, **scripting})
    boxes = Source.fromChildOutput("boxes", "OUTPUT")
    described = {"INPUT": boxes, "RASTER": raster, "KIND": Source.fromStaticValue(1), **scripting}
    child(model, "captions", "captionfeatures", described, output="described")
    model.validate()
    context, listener = QgsProcessingContext(), Listener()
    context.setProject(QgsProject.instance())
    layer = target_raster(tmp_path / "ground.tif", TARGETS)
    QgsProject.instance().addMapLayer(layer)
    results, done = model.run({"raster": layer.id(), "captions:described": "memory:"}, context, listener)
    assert done, listener.errors
    captioned = context.takeResultLayer(results["captions:described"])
    captions = [feature["caption"] for feature in captioned.getFeatures()]
    assert captions == ["This picture shows 1 bright targets."] * 2


def test_a_batch_gives_each_raster_its_own_results(tmp_path):
    given = [
        {"INPUT": target_raster(tmp_path / f"{count}.tif", TARGETS[:count]), "TARGETS": ["water"]}
        for count in (1, 2)
    ]
    results = [run("detect", {**each, **scripted(tmp_path)}) for each in given]
    assert [result["BOXES"] for result in results] == [1, 2]
    runs = [read_run(result["OUTPUT"]) for result in results]
    assert runs[0].run_id != runs[1].run_id


def test_an_extent_in_another_crs_is_brought_to_that_of_the_raster(tmp_path):
    from planted import transformed
    from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsReferencedRectangle

    lonlat = QgsCoordinateReferenceSystem("EPSG:4326")
    extent = extent_px(50, 60, 100, 100)
    box = transformed(QgsGeometry.fromRect(extent), extent.crs(), lonlat).boundingBox()
    given = {"INPUT": target_raster(tmp_path / "ground.tif", TARGETS), "KIND": 1, **scripted(tmp_path)}
    result = run("caption", {**given, "EXTENT": QgsReferencedRectangle(box, lonlat)})
    assert result["TEXT"] == "This picture shows 1 bright targets."
    assert result["OUTPUT"].crs() == extent.crs()
