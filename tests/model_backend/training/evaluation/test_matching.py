"""Boxes against boxes: overlap, one-to-one matching, precision, recall, average precision, best overlap."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from lspace.model_backend.overlap import iou
from lspace.model_backend.training.evaluation.matching import (
    BestIou,
    Counts,
    CurvePoint,
    Proposed,
    Sample,
    average_precision,
    count,
    hits,
    mean_best_iou,
    precision_recall,
)

GRID = 224


@st.composite
def boxes(draw):
    """Edges of at least one pixel on the trained grid."""
    left, top = draw(st.integers(0, GRID - 1)), draw(st.integers(0, GRID - 1))
    right, bottom = draw(st.integers(left + 1, GRID)), draw(st.integers(top + 1, GRID))
    return left / GRID, top / GRID, right / GRID, bottom / GRID


def proposals(scores):
    return st.lists(st.builds(Proposed, boxes(), scores, st.booleans()), max_size=5).map(tuple)


SCORES = st.sampled_from([0.1, 0.5, 0.9])
SAMPLES = st.lists(st.builds(Sample, st.lists(boxes(), max_size=4).map(tuple), proposals(SCORES)), max_size=5)
LEAST = st.sampled_from([0.25, 0.5])

LEFT_HALF = (0.0, 0.0, 0.5, 1.0)
RIGHT_HALF = (0.5, 0.0, 1.0, 1.0)
TOP_HALF = (0.0, 0.0, 1.0, 0.5)


def test_halves_that_cross_overlap_by_a_third():
    # a quarter of the frame over three quarters of it
    assert iou(LEFT_HALF, TOP_HALF) == pytest.approx(1 / 3)


def test_halves_that_only_touch_do_not_overlap():
    assert iou(LEFT_HALF, RIGHT_HALF) == 0


@given(boxes(), boxes())
def test_overlap_is_symmetric_and_within_0_and_1(one, other):
    assert iou(one, other) == iou(other, one)
    assert 0 <= iou(one, other) <= 1
    assert (iou(one, other) == pytest.approx(1)) == (one == other)


def test_of_two_proposals_on_one_box_only_the_surer_is_a_hit():
    sample = Sample((LEFT_HALF,), (Proposed(LEFT_HALF, 0.2), Proposed((0.0, 0.0, 0.5, 0.9), 0.8)))
    assert hits(sample, 0.5) == (False, True)


def test_without_scores_the_order_written_decides():
    sample = Sample((LEFT_HALF,), (Proposed((0.0, 0.0, 0.5, 0.9), None), Proposed(LEFT_HALF, None)))
    assert hits(sample, 0.5) == (True, False)


def test_an_overlap_of_exactly_the_threshold_is_a_hit():
    assert hits(Sample(((0.0, 0.0, 1.0, 1.0),), (Proposed(LEFT_HALF, 0.5),)), 0.5) == (True,)


def test_a_proposal_of_another_label_hits_nothing_and_covers_nothing():
    sample = Sample((LEFT_HALF,), (Proposed(LEFT_HALF, 0.9, fits=False),))
    assert hits(sample, 0.25) == (False,)
    assert mean_best_iou([sample]) == BestIou(0.0, 0.0)


def test_counts_add_up_over_chips():
    found = Sample((LEFT_HALF, RIGHT_HALF), (Proposed(LEFT_HALF, 0.9),))
    invented = Sample((), (Proposed(TOP_HALF, 0.8), Proposed(LEFT_HALF, 0.7)))
    counts = count([found, invented], 0.5)
    assert counts == Counts(truth=2, proposed=3, hits=1)
    assert (counts.precision, counts.recall, counts.f1) == (1 / 3, 1 / 2, 2 / 5)


def test_figures_without_a_ground_are_none():
    assert (Counts(0, 0, 0).precision, Counts(0, 0, 0).recall, Counts(0, 0, 0).f1) == (None, None, None)
    assert (Counts(0, 3, 0).recall, Counts(0, 3, 0).f1) == (None, 0)


def test_average_precision_of_right_wrong_right():
    # precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1: half the recall at 1, half at 2/3
    sample = Sample(
        (LEFT_HALF, RIGHT_HALF),
        (Proposed(LEFT_HALF, 0.9), Proposed(TOP_HALF, 0.8), Proposed(RIGHT_HALF, 0.7)),
    )
    curve = precision_recall([sample], 0.5)
    assert curve == [CurvePoint(1 / 2, 1), CurvePoint(1 / 2, 1 / 2), CurvePoint(1, 2 / 3)]
    assert average_precision(curve) == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)


def test_a_later_better_precision_is_carried_back():
    # wrong first, then two right: precision 0, 1/2, 2/3 becomes 2/3 everywhere
    sample = Sample(
        (LEFT_HALF, RIGHT_HALF),
        (Proposed(TOP_HALF, 0.9), Proposed(LEFT_HALF, 0.8), Proposed(RIGHT_HALF, 0.7)),
    )
    assert average_precision(precision_recall([sample], 0.5)) == pytest.approx(2 / 3)


def test_proposals_of_one_score_are_one_point_of_the_curve():
    sample = Sample((LEFT_HALF,), (Proposed(TOP_HALF, 0.5), Proposed(LEFT_HALF, 0.5)))
    assert precision_recall([sample], 0.5) == [CurvePoint(1, 1 / 2)]


def test_one_missing_score_leaves_no_average_precision():
    sample = Sample((LEFT_HALF,), (Proposed(LEFT_HALF, 0.9), Proposed(TOP_HALF, None)))
    assert average_precision(precision_recall([sample], 0.5)) is None


def test_average_precision_is_zero_where_nothing_was_proposed_and_none_without_truth():
    assert average_precision(precision_recall([Sample((LEFT_HALF,), ())], 0.5)) == 0
    assert average_precision(precision_recall([Sample((), (Proposed(LEFT_HALF, 0.9),))], 0.5)) is None


def test_best_overlap_of_the_largest_box_and_of_every_box():
    # the large box is half covered, the small one not at all; a chip without truth does not count
    small = (0.9, 0.9, 1.0, 1.0)
    sample = Sample((small, LEFT_HALF), (Proposed((0.0, 0.0, 0.25, 1.0), None),))
    assert mean_best_iou([sample, Sample((), (Proposed(small, None),))]) == BestIou(0.5, 0.25)
    assert mean_best_iou([Sample((), ())]) == BestIou(None, None)


@given(st.lists(st.lists(boxes(), min_size=1, max_size=4).map(tuple), min_size=1, max_size=4), LEAST)
def test_the_truth_as_its_own_proposals_is_perfect(truths, least):
    samples = [Sample(truth, tuple(Proposed(edges, 0.9) for edges in truth)) for truth in truths]
    assert count(samples, least).f1 == 1
    assert average_precision(precision_recall(samples, least)) == pytest.approx(1)
    assert mean_best_iou(samples) == pytest.approx((1, 1))


@given(st.data(), SAMPLES, LEAST)
def test_the_order_of_the_chips_changes_nothing(data, samples, least):
    shuffled = data.draw(st.permutations(samples))
    assert count(shuffled, least) == count(samples, least)
    assert precision_recall(shuffled, least) == precision_recall(samples, least)
    assert mean_best_iou(shuffled) == pytest.approx(mean_best_iou(samples))


@given(SAMPLES, LEAST)
def test_every_figure_is_within_0_and_1(samples, least):
    counts, best = count(samples, least), mean_best_iou(samples)
    area = average_precision(precision_recall(samples, least))
    figures = [counts.precision, counts.recall, counts.f1, area, *best]
    assert all(figure is None or 0 <= figure <= 1 + 1e-9 for figure in figures)


@given(SAMPLES)
def test_a_stricter_overlap_never_finds_more_boxes_by_a_proposal_each(samples):
    one_each = [replace(sample, proposed=sample.proposed[:1]) for sample in samples]
    assert count(one_each, 0.5).hits <= count(one_each, 0.25).hits


@given(boxes())
def test_swapping_the_axes_of_a_box_that_is_not_square_lowers_the_overlap(box):
    left, top, right, bottom = box
    swapped = (top, left, bottom, right)
    assume(swapped != box)
    assert mean_best_iou([Sample((box,), (Proposed(swapped, None),))]).largest < 1
