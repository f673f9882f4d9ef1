"""What a report says: observation before claims, numbers of the layer, careful words, quotations as such."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from exchanges import answer, exchange, picture
from lspace.gis.reporting.caveats import Caveat, CaveatKind
from lspace.gis.reporting.report import compose
from lspace.gis.reporting.report_document import (
    Heading,
    Listing,
    MapFigure,
    Notice,
    Paragraph,
    Pictures,
    Quotation,
    Table,
)
from lspace.gis.reporting.report_html import page_of
from lspace.gis.reporting.reported_proposal import Spread
from lspace.gis.runs.run_progress import RunOutcome
from lspace.ui.report.caveat_words import caveat_words
from lspace.ui.report.report_numbers import area_words, label_words, place_words, size_words, spread_words
from lspace.ui.report.report_tables import MOST_ROWS
from lspace.ui.report.report_words import ReportParts, ReportPictures, document_of
from reports import ACCEPTED, REJECTED, proposal_layer

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

VESSEL = "vessel candidate"
DENIAL = "No clear burn-scar regions are detected above threshold in this optical comparison."


def asked(*answers, **fields):
    return exchange(*(answers or (answer(),)), **{"chips": [picture()], **fields})


def told(layers=(), exchanges=(), pictures=None, **parts):
    return document_of(compose(layers, exchanges), ReportParts(**parts), pictures)


def blocks(document, kind):
    return [block for block in document.blocks if isinstance(block, kind)]


def table(document, caption):
    return next(block for block in blocks(document, Table) if block.caption.startswith(caption))


def prose(document):
    kept = (Heading, Paragraph, Notice)
    return " ".join(block.text for block in document.blocks if isinstance(block, kept))


def headings(document):
    return [block.text for block in blocks(document, Heading)]


def test_what_was_observed_stands_before_what_is_claimed():
    layer = proposal_layer(asked().run, ((VESSEL, 0, 0, 100), {}))
    document = told([layer], [asked()])
    order = [type(block).__name__ for block in document.blocks]
    shown, claimed = (document.blocks.index(table(document, start)) for start in ("Pictures", "Proposals by"))
    assert shown < order.index("MapFigure") < claimed
    assert order[0] == "Notice"


def test_the_table_of_findings_has_the_numbers_of_the_layer():
    layer = proposal_layer(
        asked().run,
        ((VESSEL, 0, 0, 100), {"score": 0.9, "support": 0.5, "agreement": 0.4, **ACCEPTED}),
        ((VESSEL, 300, 0, 200), {"score": 0.21, **ACCEPTED}),
        ((VESSEL, 600, 0, 30), {}),
        ((VESSEL, -600, 0, 400), {"score": 0.01, **REJECTED}),
    )
    (row,) = table(told([layer]), "Proposals by").rows
    assert row == (
        VESSEL,
        "2",
        "5.00 ha",
        "1",
        "900 m²",
        "1",
        "0.21 to 0.90 (2 of 3)",
        "50 % (1 of 3)",
        "40 % (1 of 3)",
    )


def test_each_accepted_proposal_is_listed_with_its_evidence_and_its_reviewer():
    values = {"score": 0.9, "support": 0.5, "sup_index": "NDWI > 0.05", "agreement": 0.4, "agree_n": 5}
    layer = proposal_layer(
        asked().run, ((VESSEL, 0, 0, 100), {**values, **ACCEPTED}), (("water", 0, 0, 50), ACCEPTED)
    )
    best, other = table(told([layer]), "Accepted").rows
    assert best[:3] == (VESSEL, "0.90", "1.00 ha")
    assert best[3].startswith("21.35")
    assert best[4:] == ("50 %, NDWI > 0.05", "40 % of 5 views", "2026-03-02 08:00:00, Ada")
    assert (other[1], other[4], other[5]) == ("none", "not measured", "not measured")


def test_a_relabelled_proposal_says_what_the_model_said():
    layer = proposal_layer(asked().run, (("ship", 0, 0, 100), {"orig_label": VESSEL, **ACCEPTED}))
    assert table(told([layer]), "Accepted").rows[0][0] == "ship (the model said: vessel candidate)"


def test_a_review_that_has_not_begun_is_called_so():
    layer = proposal_layer(asked().run, ((VESSEL, 0, 0, 100), {}))
    document = told([layer])
    assert "Nothing has been reviewed: all 1 proposals are pending." in prose(document)
    assert "None was accepted." in prose(document)


def test_no_candidate_is_no_evidence_of_absence():
    boxes = answer("[]", has_boxes=True)
    document = told([], [asked(boxes, title="Vessels", outcome=RunOutcome.NOTHING_FOUND)])
    assert "Vessels: no candidates were emitted by this run." in prose(document)
    assert prose(document).count("That is not the same as none being there.") == 2


def test_a_report_that_there_is_nothing_is_quoted_once_even_without_the_models_words():
    denial = answer(DENIAL, negative=True, task="wildfire_report")
    for with_words in (True, False):
        (quotation,) = blocks(told([], [asked(denial)], model_text=with_words), Quotation)
        assert quotation.text == DENIAL
        assert "not evidence that there is nothing" in quotation.note


def test_the_models_words_are_quotations_with_their_prompt_and_can_be_left_out():
    one = asked(answer("Two confirmed ships.", prompt="Look!", trained=False, finished=False))
    (quotation,) = blocks(told([], [one]), Quotation)
    assert quotation.text == "Two confirmed ships."
    assert "Look!" in quotation.origin
    for note in (
        "not in the trained wording",
        "broke off",
        "Nothing here confirms what it says with: confirmed.",
    ):
        assert note in quotation.note
    assert "Two confirmed ships." not in page_of(told([], [one], model_text=False))


def test_lists_of_boxes_are_no_quotations():
    assert blocks(told([], [asked(answer('[{"label": "water"}]', has_boxes=True), boxes=1)]), Quotation) == []


def test_pending_proposals_can_be_left_out_of_the_list_but_not_of_the_count():
    layer = proposal_layer(asked().run, ((VESSEL, 0, 0, 100), {}), ((VESSEL, 300, 0, 100), ACCEPTED))
    assert "Pending proposals" in headings(told([layer]))
    without = told([layer], pending=False)
    assert "Pending proposals" not in headings(without)
    assert "pending: 1." in prose(without)


def test_the_map_can_be_left_out():
    assert blocks(told([], [asked()]), MapFigure)
    assert not blocks(told([], [asked()], map=False), MapFigure)


def test_only_pictures_at_hand_are_shown():
    one, other = picture(1), picture(2)
    pictures = ReportPictures(chips={one.chip_id: one.png})
    (shown,) = blocks(told([], [asked(chips=[one, other])], pictures), Pictures)
    assert [each.png for each in shown.pictures] == [one.png]


def test_limits_are_told_and_a_random_model_first():
    (limits,) = blocks(told([], [asked(run={"random_weights": True})]), Listing)[1:2]
    assert "never trained" in limits.items[0]
    assert any("Optical imagery only" in item for item in limits.items)


def test_the_provenance_names_model_revision_prompts_crs_and_pictures():
    one = asked(answer(prompt="Inspect this."))
    document = told([proposal_layer(one.run, ((VESSEL, 0, 0, 100), {}))], [one])
    (run,) = table(document, "Runs").rows
    assert run[0] == one.run.run_id
    assert run[3:6] == ("NuTonic/lspace", "0123abc", "cpu, float32")
    assert "EPSG:32604" in run[6]
    assert any("Inspect this." in block.items for block in blocks(document, Listing))
    assert one.run.chips[0].chip_id in prose(document)
    assert "LSpace 0.1" in prose(document)


def test_a_list_that_is_too_long_says_how_many_are_missing():
    count = MOST_ROWS + 3
    squares = [((VESSEL, 20 * number, 0, 10), ACCEPTED) for number in range(count)]
    document = told([proposal_layer(asked().run, *squares)])
    assert len(table(document, "Accepted").rows) == MOST_ROWS
    assert "3 more are not listed here." in prose(document)
    assert table(document, "Proposals by").rows[0][1] == str(count)


def test_signs_that_turn_text_around_are_taken_out():
    layer = proposal_layer(asked().run, (("wa\u202eter\x00", 0, 0, 100), ACCEPTED))
    assert table(told([layer]), "Accepted").rows[0][0] == "water"


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("vessel_candidate", "vessel candidate"),
        ("burn_scar", "possible burn scar"),
        ("inundation", "possible inundation"),
        ("land_transition", "possible land transition"),
        ("water", "water"),
        ("ship", "ship"),
        ("", "without a label"),
    ],
)
def test_labels_claim_no_more_than_a_model_can(label, words):
    assert label_words(label) == words


@pytest.mark.parametrize(
    ("area", "words"),
    [
        (None, "not measured"),
        (0.0, "0 m²"),
        (9_999.4, "9999 m²"),
        (10_000.0, "1.00 ha"),
        (999_999.0, "100.00 ha"),
        (2_500_000.0, "2.50 km²"),
    ],
)
def test_areas_are_in_handy_units(area, words):
    assert area_words(area) == words


def test_places_have_hemispheres_and_unknown_ones_are_called_so():
    assert place_words((-157.9463, 21.356)) == "21.35600° N, 157.94630° W"
    assert place_words((18.4, -33.9)) == "33.90000° S, 18.40000° E"
    assert place_words(None) == "place not known"
    assert size_words(None) == "size not known"


def test_what_was_not_measured_is_never_zero():
    assert spread_words(Spread((), 3), str) == "not measured"
    assert spread_words(Spread((), 0), str) == "none"
    assert spread_words(Spread((0.0,), 1), "{:.1f}".format) == "0.0"


@pytest.mark.parametrize("kind", CaveatKind)
def test_every_limit_has_a_sentence(kind):
    values = {"count": 1, "total": 2, "models": "m{0}", "words": ("w{1}",), "layers": ("l{x}", "k")}
    sentence = caveat_words(Caveat(kind, values))
    assert sentence.endswith(".")
    assert "('" not in sentence
