"""The facts of a report are those of its layers and its conversation, and no others."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("qgis.core")

from exchanges import answer, area, exchange, picture
from lspace.gis.layers import Status
from lspace.gis.provenance import ChipRecord, Run
from lspace.gis.reporting.caveats import CaveatKind, caveats_of, overclaims
from lspace.gis.reporting.report import compose
from lspace.gis.reporting.reported_proposal import count_overlapping
from lspace.gis.runs.run_progress import RunOutcome
from planted import HARBOUR, crs_of
from reports import ACCEPTED, REJECTED, proposal_layer

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

VESSEL = "vessel candidate"


def asked(*answers, chips=None, **fields):
    return exchange(*(answers or (answer(),)), chips=[picture()] if chips is None else chips, **fields)


def kinds(report):
    return {caveat.kind for caveat in caveats_of(report)}


def values(report, kind):
    return next(caveat.values for caveat in caveats_of(report) if caveat.kind is kind)


def test_nothing_asked_and_no_layer_is_an_empty_report():
    report = compose([], [])
    assert report.is_empty
    assert report.findings == ()
    assert caveats_of(report) == ()


def test_numbers_are_those_of_the_layer_status_by_status():
    layer = proposal_layer(
        asked().run,
        ((VESSEL, 0, 0, 100), {"score": 0.9, "support": 0.5, "agreement": 0.4, **ACCEPTED}),
        ((VESSEL, 300, 0, 200), {"score": 0.2, **ACCEPTED}),
        ((VESSEL, 600, 0, 300), {}),
        ((VESSEL, -600, 0, 400), {"score": 0.01, **REJECTED}),
        (("water", 0, 600, 50), {}),
    )
    vessels, water = compose([layer], []).findings
    assert [len(vessels.of(status)) for status in Status] == [1, 2, 1]
    assert vessels.area_m2(Status.ACCEPTED) == 100**2 + 200**2
    assert vessels.area_m2(Status.PENDING) == 300**2
    assert vessels.spread("score").values == (0.9, 0.2)
    assert vessels.spread("score").total == 3
    assert vessels.spread("support").values == (0.5,)
    assert vessels.spread("agreement").values == (0.4,)
    assert water.spread("score").values == ()


def test_an_area_that_one_box_lacks_is_not_summed():
    layer = proposal_layer(asked().run, ((VESSEL, 0, 0, 100), ACCEPTED), ((VESSEL, 300, 0, 100), ACCEPTED))
    fid = next(layer.getFeatures()).id()
    assert layer.dataProvider().changeAttributeValues({fid: {layer.fields().indexOf("area_m2"): None}})
    (finding,) = compose([layer], []).findings
    assert finding.area_m2(Status.ACCEPTED) is None


def test_decisions_that_are_not_saved_yet_count():
    layer = proposal_layer(asked().run, ((VESSEL, 0, 0, 100), {}))
    fid = next(layer.getFeatures()).id()
    assert layer.startEditing()
    assert layer.changeAttributeValue(fid, layer.fields().indexOf("status"), "accepted")
    assert len(compose([layer], []).of(Status.ACCEPTED)) == 1


@pytest.mark.parametrize("crs", ["EPSG:32604", "EPSG:3857", "EPSG:4326", "custom"])
def test_a_proposal_lies_where_it_lies_in_any_crs(crs):
    layer = proposal_layer(asked().run, ((VESSEL, 0, 0, 100), ACCEPTED), crs=crs)
    (proposal,) = compose([layer], []).proposals
    assert proposal.lonlat == pytest.approx((HARBOUR.x(), HARBOUR.y()), abs=1e-4)


def test_only_boxes_that_share_ground_overlap():
    layer = proposal_layer(
        asked().run,
        ((VESSEL, 0, 0, 100), ACCEPTED),
        ((VESSEL, 50, 0, 100), ACCEPTED),
        ((VESSEL, 400, 0, 100), ACCEPTED),
    )
    report = compose([layer], [])
    assert count_overlapping(report.proposals) == 2
    assert values(report, CaveatKind.OVERLAPPING) == {"count": 2, "total": 3}


def test_boxes_of_two_labels_may_share_ground():
    layer = proposal_layer(asked().run, ((VESSEL, 0, 0, 100), ACCEPTED), (("water", 0, 0, 900), ACCEPTED))
    assert CaveatKind.OVERLAPPING not in kinds(compose([layer], []))


def test_the_area_is_that_of_the_exchange():
    (place,) = compose([], [asked(aoi=area(2300, 1600))]).areas
    assert place.lonlat == pytest.approx((HARBOUR.x(), HARBOUR.y()), abs=1e-4)
    assert place.size_m is not None


def test_without_an_exchange_the_area_is_what_the_pictures_showed():
    layer = proposal_layer(asked().run, ((VESSEL, 0, 0, 100), {}))
    (place,) = compose([layer], []).areas
    assert place.size_m == pytest.approx((1280, 1280), rel=1e-3)


def test_a_picture_whose_record_makes_no_sense_is_no_area():
    broken = replace(ChipRecord.of(picture()), transform=(0, 0, 0, 0, 0, 0))
    run = replace(asked().run, chips=(broken,))
    assert compose([proposal_layer(run)], []).areas == ()


def test_a_run_is_told_once_by_its_exchange_and_its_layer():
    one = asked()
    report = compose([proposal_layer(one.run, ((VESSEL, 0, 0, 100), {}))], [one])
    assert [run.run_id for run in report.runs] == [one.run.run_id]
    assert len(report.observations) == 1


def test_a_layer_that_does_not_say_where_it_comes_from_is_named():
    layer = proposal_layer(asked().run, ((VESSEL, 0, 0, 100), {}))
    metadata = layer.metadata()
    metadata.setHistory(["lspace-run: {damaged"])
    layer.setMetadata(metadata)
    report = compose([layer], [])
    assert values(report, CaveatKind.NO_RECORD) == {"layers": (layer.name(),)}
    assert report.runs == ()


@pytest.mark.parametrize(("gsd", "is_off"), [(22.9, False), (33.0, False), (10.0, True), (40.0, True)])
def test_pictures_off_the_trained_scale_are_counted(gsd, is_off):
    report = compose([], [asked(chips=[picture(gsd_m=gsd)])])
    assert (CaveatKind.OFF_SCALE in kinds(report)) is is_off


def test_nothing_is_said_of_the_scale_of_a_model_nobody_knows():
    report = compose([], [asked(run={"model": "my-own"})])
    assert report.observations[0].scale is None
    assert CaveatKind.OFF_SCALE not in kinds(report)
    assert CaveatKind.SCALE_UNKNOWN in kinds(report)


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (lambda: asked(chips=[picture(valid_share=0.3)]), CaveatKind.MOSTLY_EMPTY),
        (lambda: asked(chips=[picture(date=None)]), CaveatKind.DATE_UNKNOWN),
        (lambda: asked(answer(trained=False)), CaveatKind.WORDING_UNTRAINED),
        (lambda: asked(answer(finished=False)), CaveatKind.ANSWER_CUT),
        (lambda: asked(answer("A confirmed vessel.")), CaveatKind.OVERCLAIM),
        (lambda: asked(outcome=RunOutcome.CRASHED), CaveatKind.RUN_BROKEN),
        (lambda: asked(run={"random_weights": True}), CaveatKind.RANDOM_MODEL),
        (lambda: asked(run={"model": "lspace-mini"}), CaveatKind.DEMONSTRATION_MODEL),
        (lambda: asked(run={"task": "wildfire"}), CaveatKind.LEARNED_FROM_INDICES),
    ],
)
def test_a_limit_is_told_where_it_holds_and_only_there(one, kind):
    assert kind in kinds(compose([], [one()]))
    assert kind not in kinds(compose([], [asked()]))


def test_missing_scores_and_evidence_are_counted_among_what_was_not_rejected():
    layer = proposal_layer(
        asked().run,
        ((VESSEL, 0, 0, 100), {"score": 0.9, "support": 0.0, **ACCEPTED}),
        ((VESSEL, 300, 0, 100), {}),
        ((VESSEL, 600, 0, 100), REJECTED),
    )
    report = compose([layer], [])
    assert values(report, CaveatKind.SCORE_MISSING) == {"count": 1, "total": 2}
    assert values(report, CaveatKind.SUPPORT_MISSING) == {"count": 1, "total": 2}
    assert values(report, CaveatKind.PENDING) == {"count": 1, "total": 3}


def test_areas_that_do_not_touch_are_pointed_out():
    far = area()
    far.polygon.translate(50_000, 0)
    assert CaveatKind.AREAS_APART in kinds(compose([], [asked(), asked(aoi=far)]))
    assert CaveatKind.AREAS_APART not in kinds(compose([], [asked(), asked(aoi=area(500, 500))]))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A vessel candidate, possibly a ship.", ()),
        ("Confirmed: this proves it, CONFIRMED.", ("confirmed", "proves")),
        ("No certainty; uncertain, improved.", ()),
        ("Illegal fishing, certainly.", ("illegal", "certainly")),
    ],
)
def test_words_that_claim_too_much_are_found(text, found):
    assert overclaims(text) == found


def test_a_layer_from_before_the_review_fields_can_be_reported():
    layer = proposal_layer(asked().run, ((VESSEL, 0, 0, 100), {}))
    names = ("support", "agreement", "reviewed", "reviewer", "orig_label")
    assert layer.dataProvider().deleteAttributes([layer.fields().indexOf(name) for name in names])
    layer.updateFields()
    (proposal,) = compose([layer], []).proposals
    assert proposal.row.support is None


def test_a_record_without_pictures_is_no_observation():
    run = Run("ground", "lspace", "0123abc", "cpu", "float32", crs_of("EPSG:32604").toWkt())
    report = compose([proposal_layer(replace(run, chips=(ChipRecord.of(picture()),)))], [])
    assert len(report.observations) == 1
    assert compose([], [replace(asked(), run=run)]).observations == ()
