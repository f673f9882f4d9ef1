"""What was measured goes into the layer's edit buffer as one step, and only where it still holds."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("qgis.core")

from bands import field_of, image_of, paint, pixel_polygon, proposals_of
from lspace.gis.errors import ValuesRejected
from lspace.gis.evidence.evidence import EvidenceOrder, gather_evidence, write_evidence
from osgeo import gdal
from qgis.core import NULL, QgsFeature, QgsGeometry, QgsProject, QgsVectorLayer
from written import UTM

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

LABELS = ("water", "water", "built areas", "tree cover")


@pytest.fixture
def image(tmp_path):
    """Water on the left, soil on the right."""
    return image_of(tmp_path / "shore.tif", paint(field_of("soil"), "water", 0, 0, 40, 60))


@pytest.fixture
def layer(image):
    """Four proposals from the left to the right; the second lies on the shore."""
    transform = gdal.Open(image.source.uri).GetGeoTransform()
    boxes = [pixel_polygon(transform, left, 10, left + 20, 30) for left in (5, 25, 45, 55)]
    return proposals_of(list(zip(LABELS, boxes)), UTM)


def column(layer, name):
    """Values in the order of the features' ids, None for NULL."""
    features = sorted(layer.getFeatures(), key=QgsFeature.id)
    return [None if feature[name] == NULL else feature[name] for feature in features]


def measured(layer, image):
    return EvidenceOrder.of(layer, image).measure()


def test_the_layer_gets_share_formula_and_source(layer, image):
    assert write_evidence(layer, measured(layer, image)) == 0
    assert column(layer, "support") == [1, 0.75, None, 0]
    assert column(layer, "sup_index") == ["NDWI > 0.05", "NDWI > 0.05", None, "NDVI > 0.2"]
    assert column(layer, "sup_source") == ["scene", "scene", None, "scene"]
    assert column(layer, "score") == [0.7] * 4
    assert column(layer, "status") == ["pending"] * 4


def test_one_step_back_undoes_all_of_it_and_nothing_else(layer, image):
    assert layer.startEditing()
    assert layer.changeAttributeValue(1, layer.fields().indexOf("status"), "accepted")
    write_evidence(layer, measured(layer, image))
    layer.undoStack().undo()
    assert column(layer, "support") == [None] * 4
    assert column(layer, "status") == ["accepted", "pending", "pending", "pending"]
    layer.undoStack().redo()
    assert column(layer, "support") == [1, 0.75, None, 0]
    assert layer.commitChanges()
    assert column(layer, "support") == [1, 0.75, None, 0]


def test_a_second_measurement_takes_the_place_of_the_first(layer, image, tmp_path):
    write_evidence(layer, measured(layer, image))
    assert layer.changeAttributeValue(1, layer.fields().indexOf("label"), "bare ground")
    write_evidence(layer, measured(layer, image_of(tmp_path / "soil.tif", field_of("soil"))))
    assert column(layer, "support") == [None, 0, None, 0]
    layer.undoStack().undo()
    assert column(layer, "support") == [1, 0.75, None, 0]


def test_an_older_layer_gets_the_fields(layer, image):
    names = ("support", "sup_index", "sup_source")
    numbers = [layer.fields().indexOf(name) for name in names]
    assert layer.dataProvider().deleteAttributes([number for number in numbers if number >= 0])
    layer.updateFields()
    write_evidence(layer, measured(layer, image))
    assert column(layer, "support") == [1, 0.75, None, 0]
    layer.undoStack().undo()
    assert not set(names) & set(layer.fields().names())
    layer.undoStack().redo()
    assert layer.commitChanges()
    assert column(layer, "sup_index") == ["NDWI > 0.05", "NDWI > 0.05", None, "NDVI > 0.2"]


def test_what_changed_meanwhile_is_left_as_it_is(layer, image):
    proposals = measured(layer, image)
    assert layer.startEditing()
    assert layer.changeAttributeValue(1, layer.fields().indexOf("label"), "cropland")
    assert layer.changeGeometry(2, QgsGeometry.fromWkt("MultiPolygon(((0 0, 1 0, 1 1, 0 0)))"))
    assert layer.deleteFeature(3)
    assert write_evidence(layer, proposals) == 3
    assert column(layer, "support") == [None, None, 0]


def test_nothing_to_write_opens_no_edit_session(layer, image):
    proposals = measured(layer, image)
    assert layer.dataProvider().truncate()
    assert write_evidence(layer, proposals) == 4
    assert not layer.isEditable()


def test_a_read_only_layer_is_an_error_and_stays_as_it_is(layer, image):
    proposals = measured(layer, image)
    layer.setReadOnly(True)
    with pytest.raises(ValuesRejected):
        write_evidence(layer, proposals)
    assert not layer.isEditable()


@pytest.mark.parametrize("uri", ["Polygon?crs=EPSG:32604", "Point?crs=EPSG:32604&field=label:string"])
def test_a_layer_that_holds_no_proposals_is_refused(image, uri):
    with pytest.raises(ValuesRejected):
        EvidenceOrder.of(QgsVectorLayer(uri, "theirs", "memory"), image)


def test_a_proposal_without_a_geometry_or_a_label_has_no_support(layer, image):
    assert layer.dataProvider().changeGeometryValues({1: QgsGeometry()})
    assert layer.dataProvider().changeAttributeValues({2: {layer.fields().indexOf("label"): None}})
    found = [proposal.support.share for proposal in measured(layer, image)]
    assert found == [None, None, None, 0]


def test_it_is_measured_in_another_thread_although_the_layer_goes(qtbot, layer, image):
    QgsProject.instance().addMapLayer(layer)
    task = gather_evidence(layer, image)
    told, progress, threads = [], [], set()
    task.progressChanged.connect(progress.append)
    task.succeeded.connect(told.append)
    measure = task._function
    task._function = lambda gives_up: (threads.add(threading.get_ident()), measure(gives_up))[1]
    task.start()
    QgsProject.instance().clear()
    qtbot.waitUntil(lambda: bool(told), timeout=20_000)
    assert threads != {threading.get_ident()}
    assert [proposal.support.share for proposal in told[0]] == [1, 0.75, None, 0]
    assert {25, 50, 75} <= set(progress)


def test_giving_up_between_two_proposals_gives_nothing(layer, image):
    seen = []
    order = EvidenceOrder.of(layer, image)
    assert order.measure(lambda: len(seen) > 1, seen.append) is None
    assert len(seen) == 2
