"""Answers without a look at the picture, and which chips they cannot answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.training.evaluation.matching import BestIou, Proposed, Sample, mean_best_iou
from lspace.model_backend.training.evaluation.trivial import (
    FULL_FRAME,
    always,
    is_partial,
    majority_class,
    mean_shares,
    prior_box,
)

QUARTERS = st.integers(0, 4).map(lambda number: number / 4)
CLASSES = ("water", "tree cover", "built areas")


def sample(*truth):
    return Sample(truth, (Proposed((0.0, 0.0, 0.1, 0.1), 0.5),))


def test_the_prior_box_is_the_median_of_each_edge_over_all_chips():
    samples = [
        sample((0.0, 0.1, 0.5, 0.9), (0.2, 0.2, 0.6, 0.8)),
        sample((0.4, 0.0, 1.0, 0.7)),
        sample(),
    ]
    assert prior_box(samples) == (0.2, 0.1, 0.6, 0.8)


def test_there_is_no_prior_box_without_truth():
    assert prior_box([sample()]) is None


def test_a_trivial_answer_takes_the_place_of_the_proposals_on_every_chip():
    truth = (0.0, 0.0, 0.5, 1.0)
    answered = always(FULL_FRAME, [sample(truth), sample()])
    assert answered == [
        Sample((truth,), (Proposed(FULL_FRAME, None),)),
        Sample((), (Proposed(FULL_FRAME, None),)),
    ]
    assert mean_best_iou(answered) == BestIou(0.5, 0.5)


@pytest.mark.parametrize(
    ("truth", "partial"),
    [
        ([(0.0, 0.0, 1.0, 0.59)], True),
        ([(0.0, 0.0, 1.0, 0.6)], False),
        # the largest box decides
        ([(0.0, 0.0, 0.1, 0.1), (0.0, 0.0, 1.0, 0.9)], False),
        ([], False),
    ],
)
def test_a_chip_is_partial_where_its_largest_box_is_far_from_the_full_frame(truth, partial):
    assert is_partial(sample(*truth)) is partial


def test_the_majority_class_is_the_one_most_often_largest_not_the_one_with_most_ground():
    truths = [{"water": 51.0, "tree cover": 49.0}] * 2 + [{"water": 0.0, "tree cover": 100.0}]
    assert majority_class(truths, CLASSES) == {"water": 100.0}


def test_a_tie_goes_to_the_class_that_the_contract_names_first():
    truths = [{"built areas": 90.0}, {"tree cover": 60.0}]
    assert majority_class(truths, CLASSES) == {"tree cover": 100.0}


def test_there_is_no_majority_class_where_no_chip_has_any():
    assert majority_class([{"water": 0.0}], CLASSES) == {}


def test_mean_shares_count_a_class_that_is_not_there_as_none():
    truths = [{"water": 80.0, "tree cover": 20.0}, {"water": 40.0}]
    assert mean_shares(truths, CLASSES) == {"water": 60.0, "tree cover": 10.0, "built areas": 0.0}


@given(st.lists(st.tuples(QUARTERS, QUARTERS, QUARTERS, QUARTERS), min_size=1, max_size=6), st.randoms())
def test_the_order_of_the_boxes_does_not_move_the_prior_box(truth, random):
    shuffled = random.sample(truth, len(truth))
    assert prior_box([sample(*truth)]) == prior_box([sample(edges) for edges in shuffled])
