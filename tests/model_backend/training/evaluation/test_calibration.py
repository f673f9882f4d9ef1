"""Scores against outcomes: bins, and the expected calibration error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.training.evaluation.calibration import (
    Bin,
    equal_mass,
    equal_width,
    expected_calibration_error,
)

OUTCOMES = st.lists(st.tuples(st.sampled_from([0.0, 0.05, 0.31, 0.5, 0.77, 1.0]), st.booleans()), max_size=40)
BINNINGS = pytest.mark.parametrize("binning", [equal_mass, equal_width])


def test_two_bins_of_equal_mass_worked_by_hand():
    bins = equal_mass([0.9, 0.1, 0.2, 0.8], [True, False, True, True], bins=2)
    assert bins == [Bin(2, pytest.approx(0.15), 0.5), Bin(2, pytest.approx(0.85), 1.0)]
    assert expected_calibration_error(bins) == pytest.approx((0.35 + 0.15) / 2)


def test_bins_of_equal_width_leave_out_the_empty_ones_and_keep_the_upper_end():
    bins = equal_width([0.05, 1.0, 0.95], [False, True, False])
    assert bins == [Bin(1, 0.05, 0.0), Bin(2, pytest.approx(0.975), 0.5)]


def test_bins_of_equal_mass_differ_by_one_at_most():
    assert [part.count for part in equal_mass(np.linspace(0, 1, 23), [True] * 23)] == [3] * 3 + [2] * 7


def test_fewer_proposals_than_bins_make_as_many_bins():
    assert len(equal_mass([0.2, 0.4], [True, False])) == 2


@BINNINGS
def test_there_is_no_error_without_scores(binning):
    assert binning([], []) == []
    assert expected_calibration_error([]) is None


@BINNINGS
def test_calibrated_scores_have_hardly_any_error(binning):
    random = np.random.default_rng(0)
    scores = random.uniform(size=20_000)
    right = random.uniform(size=20_000) < scores
    assert expected_calibration_error(binning(scores, right)) < 0.02


@BINNINGS
def test_the_error_of_over_confident_scores_is_the_gap(binning):
    # nine in ten are claimed, six in ten are right
    scores, right = [0.9] * 100, [True] * 60 + [False] * 40
    assert expected_calibration_error(binning(scores, right)) == pytest.approx(0.3)


@BINNINGS
@given(OUTCOMES, st.randoms())
def test_the_order_of_the_proposals_changes_nothing(binning, outcomes, random):
    def bins(pairs):
        found = binning([score for score, _ in pairs], [right for _, right in pairs])
        return [
            (part.count, pytest.approx(part.mean_score), pytest.approx(part.share_right)) for part in found
        ]

    shuffled = (
        binning(*map(list, zip(*random.sample(outcomes, len(outcomes)), strict=True))) if outcomes else []
    )
    assert [(part.count, part.mean_score, part.share_right) for part in shuffled] == bins(outcomes)


@BINNINGS
@given(OUTCOMES)
def test_bins_hold_every_proposal_once_and_the_error_is_within_0_and_1(binning, outcomes):
    bins = binning([score for score, _ in outcomes], [right for _, right in outcomes])
    assert sum(part.count for part in bins) == len(outcomes)
    assert sum(part.count * part.share_right for part in bins) == pytest.approx(sum(r for _, r in outcomes))
    error = expected_calibration_error(bins)
    assert error is None if not outcomes else 0 <= error <= 1
