"""Uncertainty of edges against how far they were off: what is compared, and the factor that comes of it."""

from __future__ import annotations

import numpy as np
import pytest
from lspace.model_backend.training.evaluation.edge_errors import (
    EdgeError,
    SpreadBin,
    edge_errors,
    edge_figures,
    fit_spread,
    share_within,
    spread_bins,
)
from lspace.model_backend.training.evaluation.matching import Proposed, Sample

SPREAD = (0.01, 0.02, 0.03, 0.04)
TRUE = (0.2, 0.2, 0.6, 0.6)


def edges_of(spreads, errors):
    return [EdgeError(spread, error) for spread, error in zip(spreads, errors, strict=True)]


def drawn_from(spreads, times=1.0):
    """Edges that are off as a normal distribution has it, of so many times what they say."""
    errors = np.abs(np.random.default_rng(0).normal(0, times * np.asarray(spreads)))
    return edges_of(spreads, errors.tolist())


def test_each_edge_of_a_matched_box_is_compared_with_its_own_true_edge():
    proposed = Proposed((0.2, 0.25, 0.58, 0.5), 0.9, spread=SPREAD)
    found = edge_errors([Sample((TRUE,), (proposed,))])
    assert found == [pytest.approx(pair) for pair in zip(SPREAD, (0.0, 0.05, 0.02, 0.1), strict=True)]


@pytest.mark.parametrize(
    "proposed",
    [
        Proposed((0.7, 0.7, 0.9, 0.9), 0.9, spread=SPREAD),
        Proposed(TRUE, 0.9, fits=False, spread=SPREAD),
        Proposed(TRUE, 0.9),
    ],
)
def test_boxes_that_match_nothing_or_say_nothing_of_their_edges_do_not_count(proposed):
    assert edge_errors([Sample((TRUE,), (proposed,))]) == []


@pytest.mark.parametrize("times", [0.4, 1.0, 3.0])
def test_the_factor_makes_uncertainties_as_large_as_the_errors_of_edges_it_has_not_seen(times):
    spreads = np.random.default_rng(1).uniform(0.001, 0.1, 8000)
    edges = drawn_from(spreads, times)
    factor = fit_spread(edges[::2])
    told = [edge._replace(spread=factor * edge.spread) for edge in edges[1::2]]
    assert factor == pytest.approx(times, rel=0.05)
    assert share_within(told, 1) == pytest.approx(0.683, abs=0.02)
    assert share_within(told, 2) == pytest.approx(0.954, abs=0.01)


@pytest.mark.parametrize(
    "edges",
    [
        [],
        edges_of([0.01] * 119, [0.05] * 119),
        edges_of([0.0] * 200, [0.1] * 200),
        edges_of([0.1] * 200, [0.0] * 200),
    ],
)
def test_edges_that_tell_nothing_leave_uncertainties_as_they_are(edges):
    assert fit_spread(edges) == 1.0


def test_bins_hold_equally_many_edges_by_their_uncertainty_in_points():
    bins = spread_bins(edges_of([0.04, 0.01, 0.01, 0.02], [0.03, 0.0, 0.02, 0.04]), bins=2)
    assert bins == [
        SpreadBin(2, pytest.approx(1.0), pytest.approx(2 / np.sqrt(2)), pytest.approx(1.0)),
        SpreadBin(2, pytest.approx(np.sqrt(10)), pytest.approx(5 / np.sqrt(2)), pytest.approx(3.5)),
    ]


def test_uncertainties_that_tell_small_errors_from_large_ones_show_in_the_rank_correlation():
    spreads = np.random.default_rng(1).uniform(0.001, 0.1, 2000)
    knowing = edge_figures(drawn_from(spreads))
    guessing = edge_figures(drawn_from(np.full(2000, 0.05)))
    shuffled = [
        EdgeError(float(spread), edge.error)
        for spread, edge in zip(spreads[::-1], drawn_from(spreads), strict=True)
    ]
    assert knowing["rank_correlation"] > 0.4
    assert abs(edge_figures(shuffled)["rank_correlation"]) < 0.1
    assert guessing["rank_correlation"] is None


def test_without_edges_nothing_is_told():
    assert edge_figures([]) == {
        "edges": 0,
        "spread": None,
        "error": None,
        "within": None,
        "rank_correlation": None,
        "bins": [],
    }
