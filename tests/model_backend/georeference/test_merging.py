"""Merging: the same thing on two chips becomes one proposal, two things stay two."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from lspace.model_backend.georeference import merging
from lspace.model_backend.georeference.merging import Proposals, Thresholds, merge
from shapely.affinity import rotate, translate
from shapely.geometry import box

SHIP, WATER = "ship", "water"


def merged(*rows, iou=0.5, containment=0.8):
    """Rows of (shape, label, score, chip); for each the place of the one it went into."""
    shapes, labels, scores, chips = zip(*rows, strict=True)
    columns = np.array(shapes, object), np.array(labels), np.array(scores, float), np.array(chips)
    return merge(Proposals(*columns), Thresholds(iou, containment)).tolist()


def test_the_same_thing_on_two_chips_is_kept_once_with_the_better_score():
    rows = [(box(0, 0, 10, 10), SHIP, 0.6, "a"), (box(1, 0, 11, 10), SHIP, 0.9, "b")]
    assert merged(*rows) == [1, 1]
    assert merged(*rows[::-1]) == [0, 0]


def test_things_with_other_labels_or_on_the_same_chip_stay():
    first = (box(0, 0, 10, 10), SHIP, 0.6, "a")
    assert merged(first, (box(0, 0, 10, 10), WATER, 0.9, "b")) == [0, 1]
    assert merged(first, (box(0, 0, 10, 10), SHIP, 0.9, "a")) == [0, 1]


@pytest.mark.parametrize(("shift", "iou"), [(3, 70 / 130), (3.4, 66 / 134), (10, 0.0), (12, 0.0)])
def test_the_overlap_decides(shift, iou):
    rows = [(box(0, 0, 10, 10), SHIP, 0.9, "a"), (box(shift, 0, shift + 10, 10), SHIP, 0.6, "b")]
    assert merged(*rows) == ([0, 0] if iou >= 0.5 else [0, 1])
    if iou:
        assert merged(*rows, iou=iou - 1e-6, containment=2) == [0, 0]
        assert merged(*rows, iou=iou + 1e-6, containment=2) == [0, 1]


def test_a_piece_that_a_chip_cut_off_goes_into_the_whole():
    whole, piece = (box(0, 0, 100, 20), SHIP, 0.8, "b"), (box(0, 0, 15, 20), SHIP, 0.7, "a")
    assert merged(whole, piece) == [0, 0]
    assert merged(whole, piece, containment=2) == [0, 1]
    hanging_out = (box(-3, 0, 12, 20), SHIP, 0.7, "a")
    assert merged(whole, hanging_out, containment=0.81) == [0, 1]
    assert merged(whole, hanging_out, containment=0.79) == [0, 0]


def test_of_equal_scores_the_larger_is_kept_and_of_equal_sizes_the_earlier():
    small, large = box(0, 0, 10, 10), box(0, 0, 10, 11)
    assert merged((small, SHIP, 0.5, "a"), (large, SHIP, 0.5, "b")) == [1, 1]
    assert merged((large, SHIP, 0.5, "a"), (large, SHIP, 0.5, "b")) == [0, 0]


def test_what_has_no_score_comes_last():
    square = box(0, 0, 10, 10)
    assert merged((square, SHIP, math.nan, "a"), (square, SHIP, 0.01, "b")) == [1, 1]
    assert merged((square, SHIP, math.nan, "a"), (square, SHIP, math.nan, "b")) == [0, 0]


def test_what_was_taken_in_takes_in_nothing():
    """Three in a row: the middle one goes into the first, so the last has nothing left to go into."""
    row = [(box(4 * at, 0, 4 * at + 12, 12), SHIP, 0.9 - at / 10, str(at)) for at in range(3)]
    assert merged(*row, iou=0.45) == [0, 0, 2]


def test_slanted_shapes_are_measured_by_their_own_area():
    """Two slanted slivers side by side: their boxes are the same, they are not."""
    sliver = rotate(box(0, 0, 100, 4), 45, origin=(0, 0))
    beside = translate(sliver, 6, -6)
    assert merged((sliver, SHIP, 0.9, "a"), (beside, SHIP, 0.8, "b")) == [0, 1]
    almost = translate(sliver, 0.5, -0.5)
    assert merged((sliver, SHIP, 0.9, "a"), (almost, SHIP, 0.8, "b")) == [0, 0]


def test_a_share_is_the_same_in_degrees():
    metres = [(box(0, 0, 300, 200), SHIP, 0.9, "a"), (box(90, 10, 390, 210), SHIP, 0.8, "b")]
    degrees = [
        (shapely.transform(shape, lambda points: points / [6e4, 1.1e5] + [24, 60]), *rest)
        for shape, *rest in metres
    ]
    for iou in (0.45, 0.5, 0.55):
        assert merged(*metres, iou=iou, containment=2) == merged(*degrees, iou=iou, containment=2)


def test_a_shape_that_a_hand_has_crossed_is_no_stumbling_block():
    bow_tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    assert merged((bow_tie, SHIP, 0.9, "a"), (box(0, 0, 10, 10), SHIP, 0.8, "b")) == [0, 0]


def test_shapes_without_area_and_no_shapes_at_all_are_left_alone():
    empty, sliver = shapely.MultiPolygon(), shapely.Polygon([(0, 0), (5, 0), (0, 0)])
    rows = [
        (empty, SHIP, 0.9, "a"),
        (empty, SHIP, 0.8, "b"),
        (sliver, SHIP, 0.7, "c"),
        (sliver, SHIP, 0.6, "d"),
    ]
    assert merged(*rows) == [0, 1, 2, 3]
    nothing = np.empty(0, object), np.empty(0), np.empty(0), np.empty(0)
    assert merge(Proposals(*nothing), Thresholds()).tolist() == []


UNITS = st.integers(0, 12)
SHAPES = st.builds(
    lambda x, y, width, height, turn: rotate(box(x, y, x + width, y + height), turn),
    UNITS,
    UNITS,
    st.integers(1, 8),
    st.integers(1, 8),
    st.sampled_from([0, 0, 30]),
)
SCORES = st.sampled_from([0.2, 0.5, 0.9, math.nan])
ROWS = st.lists(
    st.tuples(SHAPES, st.sampled_from([SHIP, WATER]), SCORES, st.sampled_from("abc")), min_size=1, max_size=25
)


def one_after_the_other(rows, iou, containment):
    """The rule, put plainly: pair by pair."""

    def rank(at):
        shape, _, score, _ = rows[at]
        return (-1 if math.isnan(score) else score, shape.area, -at)

    into = list(range(len(rows)))
    order = sorted(range(len(rows)), key=rank, reverse=True)
    for place, at in enumerate(order):
        for other in order[place + 1 :]:
            if into[at] == at and into[other] == other and same(rows[at], rows[other], iou, containment):
                into[other] = at
    return into


def same(one, other, iou, containment):
    overlap = one[0].intersection(other[0]).area
    smaller = min(one[0].area, other[0].area)
    union = one[0].area + other[0].area - overlap
    fits = overlap >= iou * union or overlap >= containment * smaller
    return one[1] == other[1] and one[3] != other[3] and overlap > 0 and fits


@pytest.mark.parametrize("queries", [1, 100, 50_000])
@settings(max_examples=150, deadline=None)
@given(rows=ROWS)
def test_it_is_as_if_every_pair_were_looked_at_however_few_are_held_at_once(queries, rows):
    # not at a round share, where rounding decides
    before, merging.MOST_QUERIES = merging.MOST_QUERIES, queries
    try:
        assert merged(*rows, iou=0.3741, containment=0.7313) == one_after_the_other(rows, 0.3741, 0.7313)
    finally:
        merging.MOST_QUERIES = before


def test_a_heap_of_proposals_at_one_place_is_one(monkeypatch):
    monkeypatch.setattr(merging, "PAIRS_AT_ONCE", 2000)
    shape = box(0, 0, 10, 10)
    rows = [(shape, SHIP, at / 3000, at) for at in range(3000)]
    assert merged(*rows) == [2999] * 3000
