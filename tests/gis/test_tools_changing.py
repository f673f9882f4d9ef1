"""Tools that move, select, edit, detect and export: what they change, and how it is taken back."""

from __future__ import annotations

import os

import pytest

pytest.importorskip("qgis")

from lspace.gis.errors import TargetUnknown, WorkerCrashed
from lspace.gis.review.review import Review
from lspace.gis.runs.run_progress import RunEnd, RunOutcome
from lspace.model_backend.errors import ToolRefused
from map_tools import ParcelsDesk, call_of, parcels
from planted import crs_of
from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsPointXY,
    QgsProject,
    QgsVectorLayer,
)
from review_desk import ids_of, layer_to_review, values

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

BOX = {"west": -4.0, "south": 37.0, "east": -3.999, "north": 37.001}


@pytest.fixture
def desk(qtbot):
    desk = ParcelsDesk()
    qtbot.addWidget(desk.canvas)
    return desk


@pytest.fixture
def review(desk):
    desk.reviewed = layer_to_review()
    QgsProject.instance().addMapLayer(desk.reviewed)
    return desk


def contents(layer):
    return {each.id(): (each.attributes(), bytes(each.geometry().asWkb())) for each in layer.getFeatures()}


def test_only_what_changes_a_layer_a_file_or_the_project_asks_first(desk):
    asking = {"detect", "decide_proposal", "add_proposal", "export_layer"}

    assert desk.toolbox.plan(call_of("detect", target="vessel")).changes
    assert not desk.toolbox.plan(call_of("zoom_to_layer", layer="parcels")).changes
    assert asking < {tool.name for tool in desk.toolbox.definitions}


def test_a_selection_is_made_at_once_and_the_former_one_comes_back(desk, qtbot):
    ids = sorted(desk.layer.allFeatureIds())
    desk.layer.selectByIds(ids[:1])

    outcome = desk.run(qtbot, "select_features", layer="parcels", expression='"value" >= 2')

    assert (outcome.result["count"], sorted(desk.layer.selectedFeatureIds())) == (2, ids[2:])
    assert outcome.undo()
    assert desk.layer.selectedFeatureIds() == ids[:1]
    QgsProject.instance().removeMapLayer(desk.layer.id())
    assert not outcome.undo()


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:32630", "custom"])
@pytest.mark.parametrize("rotation", [0.0, 30.0])
def test_the_map_moves_to_a_place_and_back(desk, qtbot, crs, rotation):
    place = (-157.95, 21.36) if crs == "custom" else (-3.5, 37.5)
    desk.canvas.setDestinationCrs(crs_of(crs))
    desk.canvas.setRotation(rotation)
    before = desk.canvas.mapSettings().extent()
    lonlat = QgsCoordinateReferenceSystem("EPSG:4326")
    to_map = QgsCoordinateTransform(lonlat, crs_of(crs), QgsProject.instance())

    outcome = desk.run(qtbot, "zoom_to_coordinates", longitude=place[0], latitude=place[1], width_m=1000)

    middle, wanted = desk.canvas.mapSettings().extent().center(), to_map.transform(QgsPointXY(*place))
    units = 1e-6 if crs == "EPSG:4326" else 0.1
    assert (middle.x(), middle.y()) == pytest.approx((wanted.x(), wanted.y()), abs=units)
    assert outcome.undo()
    after = desk.canvas.mapSettings().extent()
    assert after.center().distance(before.center()) < units
    assert after.width() == pytest.approx(before.width())


def test_a_place_on_the_antimeridian_can_be_shown_and_a_pole_in_mercator_not(desk, qtbot):
    desk.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    outcome = desk.run(qtbot, "zoom_to_coordinates", longitude=180, latitude=10, width_m=1000)

    assert not outcome.failed
    assert desk.canvas.mapSettings().extent().center().x() == pytest.approx(180)
    desk.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    with pytest.raises(ToolRefused, match="cannot be shown"):
        desk.toolbox.plan(call_of("zoom_to_coordinates", longitude=0, latitude=90))


def test_the_map_moves_to_features_and_stays_where_none_match(desk, qtbot):
    outcome = desk.run(qtbot, "zoom_to_features", layer="parcels", expression='"value" = 2')
    there = desk.canvas.mapSettings().extent()

    assert outcome.result["count"] == 1
    assert there.contains(QgsPointXY(500_650, 4_100_050))
    assert not there.contains(QgsPointXY(500_050, 4_100_050))
    missed = desk.run(qtbot, "zoom_to_features", layer="parcels", expression='"value" > 99')
    assert missed.failed
    assert desk.canvas.mapSettings().extent() == there


def test_an_empty_layer_is_not_zoomed_to(desk):
    QgsProject.instance().addMapLayer(QgsVectorLayer("Point?crs=EPSG:4326", "empty", "memory"))

    with pytest.raises(ToolRefused, match="nothing to zoom to"):
        desk.toolbox.plan(call_of("zoom_to_layer", layer="empty"))


def test_a_decision_is_signed_and_undone_to_the_last_byte(review, qtbot):
    layer = review.reviewed
    before, fid = contents(layer), ids_of(layer)[1]
    plan = review.toolbox.plan(call_of("decide_proposal", number=fid, status="accepted"))

    assert (plan.facts["from"], plan.facts["to"], plan.facts["number"]) == ("pending", "accepted", fid)
    assert contents(layer) == before
    outcome = review.carry_out(qtbot, plan)

    assert values(layer, "status") == ["pending", "accepted", "pending", "pending"]
    assert "asked by the model" in values(layer, "reviewer")[1]
    assert outcome.undo()
    assert contents(layer) == before
    assert not layer.isEditable()


def test_undo_leaves_the_users_own_edits_alone(review, qtbot):
    layer = review.reviewed
    first, second, *_ = ids_of(layer)
    assert layer.startEditing()
    outcome = review.run(qtbot, "decide_proposal", number=first, status="rejected")
    Review(layer).accept([second])

    assert outcome.undo()

    assert values(layer, "status") == ["pending", "accepted", "pending", "pending"]
    assert values(layer, "reviewed")[0] == NULL
    assert layer.isEditable()
    assert layer.isModified()


def test_undo_is_too_late_once_the_user_has_decided_otherwise(review, qtbot):
    layer = review.reviewed
    first = ids_of(layer)[0]
    outcome = review.run(qtbot, "decide_proposal", number=first, status="rejected")
    Review(layer).accept([first])

    assert not outcome.undo()
    assert values(layer, "status")[0] == "accepted"


@pytest.mark.parametrize("is_reviewed", [False, True])
def test_an_added_proposal_is_accepted_has_no_score_and_goes_again(review, qtbot, is_reviewed):
    layer = review.reviewed
    before, desk_review = contents(layer), Review(layer) if is_reviewed else None
    outcome = review.run(qtbot, "add_proposal", label="pier", **BOX)

    added = layer.getFeature(outcome.result["number"])
    assert (added["label"], added["status"], added["score"], added["task"]) == (
        "pier",
        "accepted",
        NULL,
        "conversation",
    )
    assert added["area_m2"] == pytest.approx(89 * 111, rel=0.02)
    assert not any(each["label"] == "pier" for each in layer.dataProvider().getFeatures())
    assert outcome.undo()
    assert contents(layer) == before
    assert not layer.isEditable()
    del desk_review


@pytest.mark.parametrize("side", [{"west": -3.0}, {"north": 36.0}, {"east": 10.0}])
def test_a_box_that_is_none_is_refused(review, side):
    with pytest.raises(ToolRefused):
        review.toolbox.plan(call_of("add_proposal", label="pier", **{**BOX, **side}))


def test_proposals_are_not_decided_on_without_a_review_or_where_nothing_can_be_written(review):
    review.reviewed.setReadOnly(True)
    fid = ids_of(review.reviewed)[0]

    with pytest.raises(ToolRefused, match="read-only"):
        review.toolbox.plan(call_of("decide_proposal", number=fid, status="accepted"))
    review.reviewed = None
    with pytest.raises(ToolRefused, match="under review"):
        review.toolbox.plan(call_of("decide_proposal", number=fid, status="accepted"))


def test_what_changed_since_the_user_was_asked_is_not_done(review, qtbot):
    fid = ids_of(review.reviewed)[0]
    plan = review.toolbox.plan(call_of("decide_proposal", number=fid, status="accepted"))
    review.reviewed.setName("another")

    outcome = review.carry_out(qtbot, plan)

    assert outcome.failed
    assert values(review.reviewed, "status") == ["pending"] * 4


def test_a_layer_that_went_between_plan_and_start_is_a_fault(desk, qtbot):
    plan = desk.toolbox.plan(call_of("count_features", layer="parcels"))
    QgsProject.instance().removeMapLayer(desk.layer.id())

    outcome = desk.carry_out(qtbot, plan)

    assert outcome.failed
    assert "no layer" in outcome.result["error"]


def test_a_cancelled_count_ends_once_and_says_so_if_it_was_in_time(desk, qtbot):
    QgsProject.instance().removeMapLayer(desk.layer.id())
    QgsProject.instance().addMapLayer(parcels(20_000))
    plan = desk.toolbox.plan(call_of("count_features", layer="parcels", expression='"value" > 1'))

    desk.toolbox.start(plan)
    desk.toolbox.cancel()
    qtbot.waitUntil(lambda: bool(desk.outcomes), timeout=30_000)

    assert desk.outcomes[0].failed
    assert "gave up" in desk.outcomes[0].result["error"]
    assert not desk.run(qtbot, "list_layers").failed
    assert len(desk.outcomes) == 2


def test_a_detection_tells_labels_and_scores_and_its_layers_go_again(desk, qtbot):
    plan = desk.toolbox.plan(call_of("detect", target="vessel"))
    desk.toolbox.start(plan)
    found = layer_to_review()
    QgsProject.instance().addMapLayer(found)
    (targets, done), layer_id = desk.searches[0], found.id()

    done(RunEnd(RunOutcome.FINISHED, proposals=found, boxes=4))

    result = desk.outcomes[0].result
    assert (targets, result["count"], result["scores"]) == (("vessel",), 4, [0.35, 0.81])
    assert result["by_label"] == {"vessel candidate": 2, "water": 1, "tree cover": 1}
    assert "proposals" in result["note"]
    assert desk.outcomes[0].undo()
    assert QgsProject.instance().mapLayer(layer_id) is None


def test_a_detection_that_fails_is_told_without_its_paths(desk):
    desk.toolbox.start(desk.toolbox.plan(call_of("detect", target="vessel")))
    error = WorkerCrashed("gone", path="/home/somebody")
    desk.searches[0][1](RunEnd(RunOutcome.CRASHED, error=error))

    assert desk.outcomes[0].failed
    assert "/home" not in str(desk.outcomes[0].result)


def test_an_unknown_target_is_told_with_those_that_are_known(desk):
    def refuse(targets, done):
        raise TargetUnknown("can look for: vessel", known=("vessel",))

    desk.detect = refuse
    desk.toolbox.start(desk.toolbox.plan(call_of("detect", target="unicorn")))

    assert desk.outcomes[0].result == {"error": "can look for: vessel"}


def test_giving_up_a_detection_cancels_it_and_waits_for_its_end(desk):
    desk.toolbox.start(desk.toolbox.plan(call_of("detect", target="vessel")))
    desk.toolbox.cancel()

    assert (desk.cancels, desk.outcomes) == (1, [])
    desk.searches[0][1](RunEnd(RunOutcome.CANCELLED))
    assert "gave up" in desk.outcomes[0].result["error"]


@pytest.mark.parametrize("format_name", ["shapefile", "geopackage", "geojson", "flatgeobuf", "kml"])
def test_a_layer_is_exported_beside_the_project_and_the_file_goes_again(desk, qtbot, tmp_path, format_name):
    assert QgsProject.instance().write(str(tmp_path / "project.qgz"))
    QgsProject.instance().removeMapLayer(desk.layer.id())
    QgsProject.instance().addMapLayer(parcels(3))
    before = set(os.listdir(tmp_path))

    outcome = desk.run(qtbot, "export_layer", layer="parcels", format=format_name, file_name="out put")

    assert not outcome.failed, outcome.result
    assert outcome.result["count"] == 3
    assert (tmp_path / outcome.result["file"]).is_file()
    assert outcome.undo()
    assert set(os.listdir(tmp_path)) == before


def test_a_file_that_was_changed_since_is_not_taken_away(desk, qtbot, tmp_path):
    assert QgsProject.instance().write(str(tmp_path / "project.qgz"))
    outcome = desk.run(qtbot, "export_layer", layer="parcels", format="geojson", file_name="out")
    (tmp_path / "out.geojson").write_text("mine")

    assert not outcome.undo()
    assert (tmp_path / "out.geojson").read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["../out", "/tmp/out", "a/b", "a\\b", "..", ".hidden", "c:out", "CON", "out\n"]
)
def test_a_file_outside_of_the_projects_folder_is_refused(desk, tmp_path, name):
    assert QgsProject.instance().write(str(tmp_path / "project.qgz"))

    call = call_of("export_layer", layer="parcels", format="geojson", file_name=name)
    if name == "out\n":  # a blank at the end is cut
        assert desk.toolbox.plan(call).facts["file"] == "out.geojson"
        return
    with pytest.raises(ToolRefused, match="file name"):
        desk.toolbox.plan(call)


def test_no_file_is_replaced_and_an_unsaved_project_has_no_folder(desk, tmp_path):
    call = call_of("export_layer", layer="parcels", format="geojson", file_name="out")
    with pytest.raises(ToolRefused, match="not saved yet"):
        desk.toolbox.plan(call)
    assert QgsProject.instance().write(str(tmp_path / "project.qgz"))
    (tmp_path / "out.geojson").write_text("mine")

    with pytest.raises(ToolRefused, match="already") as refusal:
        desk.toolbox.plan(call)
    assert str(tmp_path) not in refusal.value.args[0]
    assert (tmp_path / "out.geojson").read_text() == "mine"
