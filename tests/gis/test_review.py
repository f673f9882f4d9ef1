# SPDX-License-Identifier: GPL-2.0-or-later
"""Decisions on proposals: what they leave in the layer, and how they are taken back."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("qgis")

from lspace.gis.errors import ValuesRejected
from lspace.gis.layers import SPREAD_FIELDS, Status, is_proposal_layer, make_field, proposal_layers
from lspace.gis.review.proposal_row import ProposalRow, next_pending, read_rows
from lspace.gis.review.review import Counts, Review, reviewer_name
from lspace.gis.saving.export_format import ExportFormat
from qgis.core import NULL, QgsFeature, QgsGeometry, QgsPointXY, QgsProject, QgsVectorLayer
from review_desk import detection_at, ids_of, layer_to_review, square, stream_in, values
from saved import save_layer

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

ISO_UTC = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
PENDING, ACCEPTED, REJECTED = Status.PENDING, Status.ACCEPTED, Status.REJECTED
GEODESIC_M2 = 2501.385
"""Of the first square, 50 m wide in UTM, by PROJ."""


def titles(layer):
    stack = layer.undoStack()
    return [stack.text(place) for place in range(stack.count())]


def reshape(layer, fid, shape):
    """As QGIS's tools do it."""
    layer.beginEditCommand("their tool")
    assert layer.changeGeometry(fid, shape)
    layer.endEditCommand()


def opened_again(layer, tmp_path, file_format=ExportFormat.GEOPACKAGE):
    saved = save_layer(layer, tmp_path / "kept", file_format)
    again = QgsVectorLayer(saved.uri, "again", "ogr")
    again.loadDefaultMetadata()
    assert again.isValid()
    return again


@pytest.mark.parametrize(("decide", "status"), [("accept", "accepted"), ("reject", "rejected")])
def test_a_decision_is_written_with_its_time_and_the_reviewer(decide, status):
    layer = layer_to_review()
    ids = ids_of(layer)

    getattr(Review(layer), decide)(ids[:2])

    assert values(layer, "status") == [status, status, "pending", "pending"]
    assert values(layer, "reviewer") == [reviewer_name(), reviewer_name(), NULL, NULL]
    assert reviewer_name()
    assert re.fullmatch(ISO_UTC, values(layer, "reviewed")[0])
    assert values(layer, "label")[0] == "vessel candidate"


def test_a_decision_on_many_is_undone_in_one_step_and_made_again_in_one():
    layer = layer_to_review()
    review = Review(layer)

    review.accept(ids_of(layer))
    assert len(titles(layer)) == 1
    review.undo()
    assert values(layer, "status") == ["pending"] * 4
    assert values(layer, "reviewed") == [NULL] * 4
    assert (review.can_undo, review.can_redo) == (False, True)
    review.redo()
    assert values(layer, "status") == ["accepted"] * 4


def test_decisions_stay_in_the_edit_buffer_until_they_are_saved():
    layer = layer_to_review()

    Review(layer).accept(ids_of(layer))

    assert layer.isModified()
    assert [f["status"] for f in layer.dataProvider().getFeatures()] == ["pending"] * 4
    assert layer.commitChanges()
    assert [f["status"] for f in layer.dataProvider().getFeatures()] == ["accepted"] * 4


def test_taking_a_decision_back_leaves_no_trace_of_it():
    layer = layer_to_review()
    review = Review(layer)
    review.reject(ids_of(layer))

    review.reset(ids_of(layer)[:1])

    assert values(layer, "status") == ["pending", "rejected", "rejected", "rejected"]
    assert (values(layer, "reviewed")[0], values(layer, "reviewer")[0]) == (NULL, NULL)


def test_relabelling_keeps_what_the_model_said():
    layer = layer_to_review()

    Review(layer).relabel(ids_of(layer)[:1], "pier")

    assert values(layer, "label")[0] == "pier"
    assert values(layer, "orig_label")[0] == "vessel candidate"
    assert values(layer, "status")[0] == "pending"
    assert values(layer, "reviewer")[0] == reviewer_name()


def test_counts_and_labels_follow_decisions_undo_and_new_boxes():
    layer = layer_to_review()
    review = Review(layer)
    assert review.counts() == Counts(pending=4)

    review.accept(ids_of(layer)[:1])
    review.reject(ids_of(layer)[1:2])
    assert review.counts() == Counts(pending=2, accepted=1, rejected=1)
    review.undo()
    assert review.counts() == Counts(pending=3, accepted=1)
    stream_in(layer, detection_at(9, "Barge"))
    assert review.counts() == Counts(pending=4, accepted=1)
    assert review.labels() == ["Barge", "tree cover", "vessel candidate", "water"]


def test_what_others_change_is_seen_too():
    layer = layer_to_review()
    review, first = Review(layer), ids_of(layer)[0]
    review.counts()
    assert layer.startEditing()

    assert layer.changeAttributeValue(first, layer.fields().indexOf("status"), "accepted")
    assert review.counts().accepted == 1
    assert layer.deleteFeature(first)
    assert review.counts() == Counts(pending=3)
    assert layer.rollBack()
    assert review.counts() == Counts(pending=4)


def test_a_hundred_changes_are_told_once(qtbot):
    layer = layer_to_review([("water", None)] * 100)
    review = Review(layer)
    told = []
    review.changed.connect(lambda: told.append(review.counts().accepted))

    review.accept(ids_of(layer))

    qtbot.waitUntil(lambda: bool(told), timeout=20_000)
    qtbot.wait(20)
    assert told == [100]


def test_a_changed_shape_gets_its_area_on_the_ellipsoid_in_the_same_undo_step():
    layer = layer_to_review()
    review, first = Review(layer), ids_of(layer)[0]
    assert layer.startEditing()

    reshape(layer, first, square(0))
    assert layer.getFeature(first)["area_m2"] == pytest.approx(GEODESIC_M2, rel=1e-5)
    assert layer.getFeature(first)["reviewer"] == reviewer_name()
    assert titles(layer) == ["their tool"]
    review.undo()
    assert layer.getFeature(first)["area_m2"] == 2500.0
    assert layer.getFeature(first)["reviewer"] == NULL
    review.redo()
    assert layer.getFeature(first)["area_m2"] == pytest.approx(GEODESIC_M2, rel=1e-5)


def test_a_changed_shape_loses_the_uncertainty_of_the_model_s_edges_until_it_is_undone():
    layer = layer_to_review()
    spread_m = {layer.fields().indexOf(name): 4.0 + place for place, name in enumerate(SPREAD_FIELDS)}
    review, first = Review(layer), ids_of(layer)[0]
    assert layer.dataProvider().changeAttributeValues({first: spread_m})
    assert layer.startEditing()
    assert review.rows()[first].spread_m == (4.0, 5.0, 6.0, 7.0)

    reshape(layer, first, square(0))
    assert review.rows()[first].spread_m is None
    assert values(layer, "sd_top_m")[0] == NULL
    review.undo()
    assert review.rows()[first].spread_m == (4.0, 5.0, 6.0, 7.0)


def test_both_halves_of_a_split_proposal_get_their_area():
    layer = layer_to_review()
    review, first = Review(layer), ids_of(layer)[0]
    assert layer.startEditing()
    middle = square(0).boundingBox().center()
    layer.beginEditCommand("Features split")
    line = [QgsPointXY(middle.x(), middle.y() - 100), QgsPointXY(middle.x(), middle.y() + 100)]
    layer.selectByIds([first])
    assert layer.splitFeatures(line, False) == QgsGeometry.OperationResult.Success
    layer.endEditCommand()

    assert values(layer, "area_m2")[:2] == [pytest.approx(GEODESIC_M2 / 2, rel=1e-4)] * 2
    for _ in range(2):
        while review.can_undo:
            review.undo()
        assert values(layer, "area_m2") == [2500.0] * 4
        while review.can_redo:
            review.redo()
        assert values(layer, "area_m2")[:2] == [pytest.approx(GEODESIC_M2 / 2, rel=1e-4)] * 2


def test_what_the_reviewer_draws_is_measured_and_is_to_be_reviewed():
    layer = layer_to_review()
    review = Review(layer)
    assert layer.startEditing()
    drawn = QgsFeature(layer.fields())
    drawn.setGeometry(square(0))
    layer.beginEditCommand("Feature added")
    assert layer.addFeature(drawn)
    layer.endEditCommand()

    assert review.rows()[drawn.id()].area_m2 == pytest.approx(GEODESIC_M2, rel=1e-5)
    assert review.rows()[drawn.id()].status is PENDING


def test_a_command_that_is_given_up_leaves_nothing_to_measure():
    layer = layer_to_review()
    Review(layer)
    assert layer.startEditing()
    drawn = QgsFeature(layer.fields())
    drawn.setGeometry(square(0))
    layer.beginEditCommand("Feature added")
    assert layer.addFeature(drawn)
    layer.destroyEditCommand()
    reshape(layer, ids_of(layer)[0], square(0))

    assert titles(layer) == ["their tool"]


@pytest.mark.parametrize("file_format", [f for f in ExportFormat if f is not ExportFormat.KML])
def test_a_saved_layer_that_is_opened_again_can_be_reviewed_on(tmp_path, file_format):
    layer = layer_to_review()
    Review(layer).accept(ids_of(layer)[:1])
    again = opened_again(layer, tmp_path, file_format)
    review = Review(again)
    assert is_proposal_layer(again)
    assert review.counts() == Counts(pending=3, accepted=1)
    assert re.fullmatch(ISO_UTC, review.rows()[ids_of(again)[0]].reviewed)

    review.reject(ids_of(again)[1:2])
    review.relabel(ids_of(again)[2:3], "pier")
    assert again.commitChanges()

    assert values(again, "status") == ["accepted", "rejected", "pending", "pending"]
    assert [values(again, name)[2] for name in ("label", "orig_label")] == ["pier", "water"]
    assert review.counts() == Counts(pending=2, accepted=1, rejected=1)


def test_a_layer_that_cannot_be_written_refuses():
    layer = layer_to_review()
    layer.setReadOnly(True)
    review = Review(layer)

    for decide in (review.accept, review.reject, review.reset, lambda ids: review.relabel(ids, "pier")):
        with pytest.raises(ValuesRejected):
            decide(ids_of(layer))
    with pytest.raises(ValuesRejected):
        review.start_editing()

    assert not layer.isEditable()
    assert values(layer, "status") == ["pending"] * 4


def test_a_layer_of_an_older_version_gets_the_fields_that_it_lacks():
    layer = layer_to_review()
    columns = [layer.fields().indexOf(name) for name in ("reviewed", "reviewer", "orig_label")]
    assert layer.dataProvider().deleteAttributes(columns)
    layer.updateFields()
    review = Review(layer)
    assert review.counts() == Counts(pending=4)

    review.relabel(ids_of(layer)[:1], "pier")
    review.relabel(ids_of(layer)[:1], "jetty")
    review.accept(ids_of(layer)[:1])

    assert (values(layer, "label")[0], values(layer, "orig_label")[0]) == ("jetty", "vessel candidate")
    assert values(layer, "reviewer") == [reviewer_name(), NULL, NULL, NULL]
    assert layer.commitChanges()
    assert review.rows()[ids_of(layer)[0]].orig_label == "vessel candidate"


def test_what_was_deleted_meanwhile_is_passed_over():
    layer = layer_to_review()
    review, ids = Review(layer), ids_of(layer)
    assert layer.startEditing()
    assert layer.deleteFeature(ids[0])

    review.accept(ids)
    review.relabel(ids, "pier")

    assert review.counts() == Counts(accepted=3)
    assert review.labels() == ["pier"]


def test_a_review_ends_with_its_layer():
    layer = layer_to_review()
    review = Review(layer)
    QgsProject.instance().addMapLayer(layer)

    QgsProject.instance().clear()

    with pytest.raises(RuntimeError):
        review.counts()


def test_rows_read_null_as_none_and_lack_nothing_that_a_user_added():
    layer = layer_to_review()
    assert layer.dataProvider().addAttributes([make_field("checked_by", str)])
    layer.updateFields()

    row = read_rows(layer)[ids_of(layer)[2]]

    assert (row.label, row.score, row.area_m2, row.status) == ("water", None, 2500.0, PENDING)
    assert (row.orig_label, row.prompt, row.reviewed) == ("water", "detect the vessels", None)


def rows(*statuses):
    return [ProposalRow(fid, status) for fid, status in enumerate(statuses, start=10)]


@pytest.mark.parametrize(
    ("after", "step", "found"),
    [
        (10, 1, 12),
        (12, 1, 13),
        (13, 1, 12),
        (None, 1, 12),
        (None, -1, 13),
        (12, -1, 13),
        (13, -1, 12),
        (99, 1, 12),
    ],
)
def test_the_next_pending_one_comes_round_the_ends(after, step, found):
    assert next_pending(rows(ACCEPTED, REJECTED, PENDING, PENDING), after, step) == found


def test_the_last_pending_one_is_its_own_next():
    assert next_pending(rows(ACCEPTED, PENDING), 11) == 11
    assert next_pending(rows(ACCEPTED, REJECTED), 11) is None
    assert next_pending([], None) is None


def test_the_projects_proposal_layers_come_newest_first():
    older, newer = (layer_to_review(created=f"2026-01-0{day}T10:00:00Z") for day in (1, 2))
    QgsProject.instance().addMapLayers(
        [newer, older, QgsVectorLayer("Point?field=status", "theirs", "memory")]
    )

    assert proposal_layers(QgsProject.instance()) == [newer, older]
