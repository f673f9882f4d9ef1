# SPDX-License-Identifier: GPL-2.0-or-later
"""Result layers: what is in them, where it lies, how it looks."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("qgis")

from lspace.gis.errors import FeaturesRejected, LayerRejected
from lspace.gis.layers import (
    FOOTPRINT_FIELDS,
    PROPOSAL_FIELDS,
    SPREAD_FIELDS,
    add_detections,
    add_footprint,
    create_footprint_layer,
    create_proposal_layer,
    is_result_layer,
    make_field,
)
from lspace.gis.provenance import ChipRecord, Run
from lspace.model_backend.proposal import Detection, Proposal
from osgeo import ogr, osr
from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsExpression,
    QgsFeature,
    QgsGeometry,
    QgsPalLayerSettings,
    QgsRenderContext,
    QgsVectorLayer,
)

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

UTM30 = QgsCoordinateReferenceSystem("EPSG:32630")
OWN_CRS = QgsCoordinateReferenceSystem.fromProj("+proj=laea +lat_0=37 +lon_0=-4 +datum=WGS84 +units=m")
SQUARE = "MULTIPOLYGON (((400000 4100000, 400050 4100000, 400050 4100050, 400000 4100050, 400000 4100000)))"
SPREAD_M = (4.5, 0.0, 12.25, 7.0)
PROMPT = "detect the water – 港"


def wkt_of(crs: QgsCoordinateReferenceSystem) -> str:
    return crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT2_2019)


CHIP = ChipRecord("c1", "as shown", 200, 100, (10, 0, 400_000, 0, -10, 4_100_000), wkt_of(UTM30), 10.0, 0.98)
RUN = Run("ground", "lspace", "0123abc", "cpu", "float32", wkt_of(UTM30), targets=("water",), chips=(CHIP,))


def detection(wkt: str = SQUARE, score: float | None = 0.81, label: str = "water") -> Detection:
    proposal = Proposal(label, (0, 0, 0.1, 0.1), score, ("fence", "comma"), '{"label": "water"}')
    return Detection(proposal, "c1", bytes(QgsGeometry.fromWkt(wkt).asWkb()), 2500.0, 10.0, SPREAD_M)


def fill_style(layer: QgsVectorLayer, status: object) -> list[tuple[str, bool]]:
    """Colour and dashes of each line that is drawn around a proposal of that status."""
    feature = QgsFeature(layer.fields())
    feature["status"] = status
    context = QgsRenderContext()
    context.expressionContext().setFields(layer.fields())
    context.expressionContext().setFeature(feature)
    renderer = layer.renderer().clone()
    renderer.startRender(context, layer.fields())
    symbol = renderer.symbolForFeature(feature, context).clone()
    renderer.stopRender(context)
    return [(item.color().name(), item.useCustomDashPattern()) for item in symbol.symbolLayers()]


def label_text(layer: QgsVectorLayer, **values: object) -> str:
    feature = QgsFeature(layer.fields())
    for name, value in values.items():
        feature[name] = value
    context = layer.createExpressionContext()
    context.setFeature(feature)
    return QgsExpression(layer.labeling().settings().fieldName).evaluate(context)


@pytest.mark.parametrize("name", [*PROPOSAL_FIELDS, *FOOTPRINT_FIELDS])
def test_a_shapefile_can_keep_every_field_name(name):
    assert len(name.encode()) <= 10


def test_a_detection_becomes_a_pending_feature_with_all_its_facts():
    layer = create_proposal_layer(RUN, UTM30)

    add_detections(layer, RUN, [detection()], PROMPT)

    (feature,) = layer.getFeatures()
    assert feature.attributeMap() == {
        "label": "water",
        "score": 0.81,
        "area_m2": 2500.0,
        "edge_m": 10.0,
        "sd_left_m": 4.5,
        "sd_top_m": 0.0,
        "sd_right_m": 12.25,
        "sd_bot_m": 7.0,
        "support": NULL,
        "sup_index": NULL,
        "sup_source": NULL,
        "agreement": NULL,
        "agree_n": NULL,
        "status": "pending",
        "reviewed": NULL,
        "reviewer": NULL,
        "orig_label": "water",
        "task": "ground",
        "prompt": PROMPT,
        "model": "lspace",
        "revision": "0123abc",
        "device": "cpu",
        "chip_id": "c1",
        "run_id": RUN.run_id,
        "created": RUN.created,
        "gsd_m": 10.0,
        "raw_box": '{"label": "water"}',
        "repairs": "fence, comma",
    }
    assert ogr.CreateGeometryFromWkt(feature.geometry().asWkt()).Equals(ogr.CreateGeometryFromWkt(SQUARE))


def test_a_missing_score_is_null():
    layer = create_proposal_layer(RUN, UTM30)

    add_detections(layer, RUN, [detection(score=None)], PROMPT)

    assert next(layer.getFeatures())["score"] == NULL


def test_where_a_spread_is_missing_its_fields_are_null():
    layer = create_proposal_layer(RUN, UTM30)

    add_detections(layer, RUN, [replace(detection(), spread_m=None)], PROMPT)

    (feature,) = layer.getFeatures()
    assert [feature[name] for name in SPREAD_FIELDS] == [NULL] * 4


def test_boxes_arrive_one_by_one_and_the_extent_follows():
    layer = create_proposal_layer(RUN, UTM30)
    repaints = []
    layer.repaintRequested.connect(lambda *_: repaints.append(layer.extent().xMaximum()))

    first = add_detections(layer, RUN, [detection()], PROMPT)
    second = add_detections(layer, RUN, [detection(SQUARE.replace("400050", "400090"))], PROMPT)

    assert repaints == [400050, 400090]
    assert layer.featureCount() == 2
    assert [layer.getFeature(i)["label"] for i in first + second] == ["water", "water"]


def test_boxes_arrive_while_the_layer_is_reviewed_and_undoing_the_review_keeps_them():
    layer = create_proposal_layer(RUN, UTM30)
    (first,) = add_detections(layer, RUN, [detection()], PROMPT)
    assert layer.startEditing()
    assert layer.changeAttributeValue(first, layer.fields().indexOf("status"), "accepted")

    add_detections(layer, RUN, [detection(label="grassland")], PROMPT)

    assert [f["status"] for f in layer.getFeatures()] == ["accepted", "pending"]
    assert layer.rollBack()
    assert [f["label"] for f in layer.getFeatures()] == ["water", "grassland"]


def test_boxes_that_arrive_leave_the_selection_as_it_is():
    layer = create_proposal_layer(RUN, UTM30)
    (first,) = add_detections(layer, RUN, [detection()], PROMPT)
    layer.selectByIds([first])

    add_detections(layer, RUN, [detection(label="grassland")], PROMPT)

    assert layer.selectedFeatureIds() == [first]


def test_open_attribute_tables_are_told_of_new_boxes():
    layer = create_proposal_layer(RUN, UTM30)
    told = []
    layer.dataChanged.connect(lambda: told.append(layer.featureCount()))

    add_detections(layer, RUN, [detection()], PROMPT)

    assert told == [1]


def test_fields_that_the_user_added_stay_empty():
    layer = create_proposal_layer(RUN, UTM30)
    assert layer.dataProvider().addAttributes([make_field("checked_by", str)])
    layer.updateFields()

    add_detections(layer, RUN, [detection()], PROMPT)

    assert next(layer.getFeatures())["checked_by"] == NULL


@pytest.mark.parametrize("wkt", ["POINT (1 2)", "MULTIPOLYGON EMPTY"])
def test_a_geometry_that_is_no_area_is_refused_and_none_is_added(wkt):
    layer = create_proposal_layer(RUN, UTM30)

    with pytest.raises(FeaturesRejected):
        add_detections(layer, RUN, [detection(), detection(wkt)], PROMPT)

    assert layer.featureCount() == 0


def test_a_broken_wkb_is_refused():
    broken = Detection(detection().proposal, "c1", b"\x01\x02", 1.0, 1.0)

    with pytest.raises(FeaturesRejected):
        add_detections(create_proposal_layer(RUN, UTM30), RUN, [broken], PROMPT)


@pytest.mark.parametrize("make", [create_proposal_layer, create_footprint_layer])
def test_a_crs_without_an_authority_is_kept(make):
    layer = make(RUN, QgsCoordinateReferenceSystem.fromWkt(wkt_of(OWN_CRS)))

    assert layer.crs().authid() == ""
    assert osr.SpatialReference(layer.crs().toWkt()).IsSame(osr.SpatialReference(OWN_CRS.toWkt()))


def test_a_layer_without_a_crs_is_not_made():
    with pytest.raises(LayerRejected):
        create_proposal_layer(RUN, QgsCoordinateReferenceSystem())


def test_our_layers_know_each_other():
    assert is_result_layer(create_proposal_layer(RUN, UTM30))
    assert is_result_layer(create_footprint_layer(RUN, UTM30))
    assert not is_result_layer(QgsVectorLayer("Point", "theirs", "memory"))


def test_a_footprint_is_the_outline_of_the_chip():
    layer = create_footprint_layer(RUN, UTM30)

    add_footprint(layer, RUN, CHIP, outcome="found", prompt=PROMPT, n_boxes=3, dropped=1)

    (feature,) = layer.getFeatures()
    assert feature.geometry().boundingBox().toString(0) == "400000,4099000 : 402000,4100000"
    assert (feature["outcome"], feature["n_boxes"], feature["dropped"]) == ("found", 3, 1)
    assert (feature["chip_id"], feature["valid"], feature["kind"]) == ("c1", 0.98, "as shown")
    assert feature["date"] == NULL


def test_a_rotated_chip_has_a_rotated_footprint():
    chip = ChipRecord("c2", "as shown", 10, 10, (3, 4, 0, 4, -3, 0), wkt_of(UTM30), 5.0, 1.0)
    layer = create_footprint_layer(RUN, UTM30)

    add_footprint(layer, RUN, chip, outcome="", prompt="")

    outline = ogr.CreateGeometryFromWkt(next(layer.getFeatures()).geometry().asWkt())
    assert outline.Equals(ogr.CreateGeometryFromWkt("MULTIPOLYGON (((0 0, 30 40, 70 10, 40 -30, 0 0)))"))


def test_the_edges_of_a_wide_chip_are_bent_into_the_layers_crs():
    lonlat = QgsCoordinateReferenceSystem("EPSG:4326")
    chip = ChipRecord("c3", "as shown", 100, 100, (0.2, 0, -20, 0, -0.2, 60), wkt_of(lonlat), 2e4, 1.0)
    layer = create_footprint_layer(RUN, OWN_CRS)

    add_footprint(layer, RUN, chip, outcome="", prompt="")

    outline = ogr.CreateGeometryFromWkt(next(layer.getFeatures()).geometry().asWkt())
    lonlat_order, own = osr.SpatialReference(), osr.SpatialReference(OWN_CRS.toWkt())
    lonlat_order.SetFromUserInput("OGC:CRS84")
    midway = osr.CoordinateTransformation(lonlat_order, own).TransformPoint(-10, 60)
    point = ogr.Geometry(ogr.wkbPoint)
    point.AddPoint_2D(midway[0], midway[1])
    assert outline.Boundary().Distance(point) < 1


def test_a_chip_that_does_not_fit_the_layers_crs_is_refused():
    nowhere = ChipRecord("c4", "as shown", 9, 9, (1, 0, 0, 0, -1, 0), "not a CRS", 1.0, 1.0)

    with pytest.raises(FeaturesRejected):
        add_footprint(create_footprint_layer(RUN, UTM30), RUN, nowhere, outcome="", prompt="")


def test_pending_is_dashed_accepted_solid_and_rejected_dotted():
    layer = create_proposal_layer(RUN, UTM30)

    pending, accepted, rejected = (fill_style(layer, s) for s in ("pending", "accepted", "rejected"))

    assert [dashed for _, dashed in pending] == [False, True]
    assert [dashed for _, dashed in accepted] == [False, False]
    assert [dashed for _, dashed in rejected] == [False, True]
    assert len({lines[1][0] for lines in (pending, accepted, rejected)}) == 3


@pytest.mark.parametrize("status", [None, "", "perhaps"])
def test_what_the_user_draws_without_a_status_is_shown_as_pending(status):
    layer = create_proposal_layer(RUN, UTM30)

    assert fill_style(layer, status) == fill_style(layer, "pending")


def test_labels_show_a_score_only_where_there_is_one():
    layer = create_proposal_layer(RUN, UTM30)

    assert layer.labelsEnabled()
    assert layer.labeling().settings().placement == QgsPalLayerSettings.Placement.OverPoint
    assert label_text(layer, label="water", score=0.8149, status="pending") == "water 0.81"
    assert label_text(layer, label="water", status="accepted") == "water"
    assert not label_text(layer, label="water", score=0.5, status="rejected")


def test_footprints_have_no_labels_and_no_fill():
    layer = create_footprint_layer(RUN, UTM30)

    assert not layer.labelsEnabled()
    assert {item.layerType() for item in layer.renderer().symbol().symbolLayers()} == {"SimpleLine"}
