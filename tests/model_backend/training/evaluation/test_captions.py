"""Shares read out of captions: the trained wording, other wordings, and the distance from the truth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.contract import load_contracts
from lspace.model_backend.training.corpus.wording import caption, report
from lspace.model_backend.training.evaluation.captions import (
    CaptionSample,
    classes_of,
    dominant_right,
    is_trained_caption,
    is_trained_report,
    largest_classes,
    read_shares,
    share_error,
)

LSPACE = load_contracts()["lspace"]
MINI = load_contracts()["lspace-mini"]
CONTRACTS = pytest.mark.parametrize("contract", [LSPACE, MINI], ids=lambda contract: contract.name)
TRAINED = (
    "This satellite imagery is dominated by shrub and scrub (~60%), water (~2%), and snow and ice (<1%)."
)
NOTHING = LSPACE.task("caption").none


def test_a_contract_s_classes_are_its_land_cover_targets():
    assert classes_of(MINI) == ("water", "tree cover", "built areas")


def test_the_trained_caption_is_read_with_below_one_as_a_half():
    assert read_shares(TRAINED, LSPACE) == {"shrub and scrub": 60, "water": 2, "snow and ice": 0.5}


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("Mostly water (75 %); then tree cover ( ~20.5% ).", {"water": 75, "tree cover": 20.5}),
        ("The scene shows Water (~5%) and bare ground (~3%)", {"water": 5, "bare ground": 3}),
        ("water (~5%), water (~90%)", {"water": 5}),
        ("shrubland (~40%), water (~5%)", {"water": 5}),
        ("underwater (~40%), a lake of water (~5%)", {"water": 5}),
        (NOTHING, {}),
    ],
)
def test_other_wordings_are_read_as_far_as_they_name_classes(text, shares):
    assert read_shares(text, LSPACE) == shares


@pytest.mark.parametrize(
    "text", ["", "A harbour with ships.", "water 40%", "snowland (~40%)", "[]", "No clear land cover."]
)
def test_a_caption_without_the_share_of_a_class_cannot_be_read(text):
    assert read_shares(text, LSPACE) is None


@CONTRACTS
@given(st.data())
def test_what_the_trained_wording_writes_is_of_the_trained_form(contract, data):
    names = data.draw(st.lists(st.sampled_from(classes_of(contract)), unique=True))
    text = caption(contract, {name: data.draw(st.floats(0, 1)) for name in names})
    assert is_trained_caption(text, contract)


@pytest.mark.parametrize(
    "text",
    [
        TRAINED + " ",
        TRAINED.replace("~60%", "~61%"),
        TRAINED.replace("~60%", "60%"),
        TRAINED.replace(", and", " and"),
        TRAINED.replace("shrub and scrub", "scrubland"),
        # the smaller share first
        "This satellite imagery is dominated by water (~2%) and tree cover (~40%).",
        "This satellite imagery is dominated by water (~2%), and water (~2%).",
    ],
)
def test_a_caption_that_differs_in_anything_is_not_of_the_trained_form(text):
    assert is_trained_caption(TRAINED, LSPACE)
    assert not is_trained_caption(text, LSPACE)


def test_a_report_is_of_the_trained_form_whatever_its_facts():
    task = LSPACE.task("wildfire_report")
    text = report(task, found=True, count=3, percent=7, pixels=412)
    assert is_trained_report(text, task)
    assert is_trained_report(task.none, task)
    assert not is_trained_report(text + " Really.", task)
    assert not is_trained_report(text.replace("(s)", "s"), task)


def test_the_share_error_counts_every_class_that_either_leaves_out():
    # |60-40| + |10-0| + |0-0.5| over three classes
    sample = CaptionSample({"water": 60, "tree cover": 10}, {"water": 40, "built areas": 0.5})
    assert share_error([sample], classes_of(MINI)) == pytest.approx(30.5 / 3)
    assert share_error([], classes_of(MINI)) is None


@given(st.dictionaries(st.sampled_from(classes_of(LSPACE)), st.floats(0, 100)))
def test_the_truth_itself_has_no_error_and_is_right_about_the_dominant_class(truth):
    samples = [CaptionSample(truth, truth)]
    assert share_error(samples, classes_of(LSPACE)) == 0
    assert dominant_right(samples) == 1


@pytest.mark.parametrize(
    ("truth", "written", "right"),
    [
        ({"water": 60, "tree cover": 40}, {"tree cover": 30, "water": 35}, 1),
        ({"water": 60, "tree cover": 40}, {"tree cover": 50, "water": 50}, 0),
        ({"water": 50, "tree cover": 50}, {"tree cover": 50, "water": 50}, 1),
        ({"water": 60}, {}, 0),
        ({"water": 0}, {}, 1),
        ({"water": 0}, {"water": 5}, 0),
    ],
)
def test_the_dominant_class_is_the_first_with_the_largest_share(truth, written, right):
    assert dominant_right([CaptionSample(truth, written)]) == right


def test_no_class_is_the_largest_where_all_have_nothing():
    assert largest_classes({"water": 0.0, "tree cover": 0.0}) == []
