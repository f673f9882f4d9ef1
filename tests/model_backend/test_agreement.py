# SPDX-License-Identifier: GPL-2.0-or-later
"""The model's agreement with itself: views there and back, and which boxes come again in them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from chips import UTM, chip_with
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.agreement import View, measure_agreement, views_of
from lspace.model_backend.errors import Cancelled, RequestError
from lspace.model_backend.overlap import iou
from lspace.model_backend.request import AgreementRequest, RunRequest
from PIL import Image
from scripted import ScriptedEngine

WIDTH, HEIGHT = 64, 48
VIEWS = views_of(WIDTH, HEIGHT)
NAMES = ["left-right", "up-down", "half turn", "right and down", "left and up"]
SHARES = st.floats(0, 1)
GRID = 224


@st.composite
def boxes(draw):
    (left, right), (top, bottom) = (sorted((draw(SHARES), draw(SHARES))) for _ in range(2))
    return left, top, right, bottom


def noise(width=WIDTH, height=HEIGHT):
    return Image.fromarray(np.random.default_rng(0).integers(1, 256, (height, width, 3), dtype=np.uint8))


def pixels_of(image, edges):
    """What lies inside a box whose edges are on pixels."""
    left, top, right, bottom = (
        round(share * side) for share, side in zip(edges, image.size * 2, strict=True)
    )
    return np.asarray(image)[top:bottom, left:right]


@pytest.mark.parametrize("view", VIEWS, ids=NAMES)
class TestAView:
    @given(edges=boxes())
    def test_brings_a_box_back_to_where_it_was(self, view, edges):
        assert view.back(view.of_box(edges)) == pytest.approx(edges)
        assert view.of_box(view.back(edges)) == pytest.approx(edges)

    def test_moves_a_box_with_its_pixels(self, view):
        edges = (16 / WIDTH, 12 / HEIGHT, 40 / WIDTH, 20 / HEIGHT)
        there = pixels_of(view.of_image(noise()), view.of_box(edges))
        here = pixels_of(noise(), edges)
        assert there.shape == here.shape == (8, 24, 3)
        assert sorted(map(tuple, there.reshape(-1, 3))) == sorted(map(tuple, here.reshape(-1, 3)))

    def test_keeps_the_pictures_size(self, view):
        assert view.of_image(noise()).size == (WIDTH, HEIGHT)

    def test_changes_the_picture(self, view):
        assert view.of_image(noise()).tobytes() != noise().tobytes()


@pytest.mark.parametrize("view", VIEWS[:3], ids=NAMES[:3])
def test_mirrored_twice_is_the_picture_itself(view):
    assert view.of_image(view.of_image(noise())).tobytes() == noise().tobytes()


def test_a_shift_and_its_opposite_leave_the_pixels_in_place_and_black_around_them():
    there, back = VIEWS[3:]
    right, down = WIDTH // 16, HEIGHT // 16
    moved = np.asarray(there.of_image(noise()))
    assert (moved[down:, right:] == np.asarray(noise())[:-down, :-right]).all()
    assert not moved[:down].any()
    assert not moved[:, :right].any()
    again = np.asarray(back.of_image(there.of_image(noise())))
    assert (again[:-down, :-right] == np.asarray(noise())[:-down, :-right]).all()


def test_images_of_another_size_are_moved_by_the_same_share():
    view = views_of(64, 64)[3]
    assert np.asarray(view.of_image(noise(32, 32)))[2:, 2:].all()
    assert not np.asarray(view.of_image(noise(32, 32)))[:2].any()


@pytest.mark.parametrize(
    ("edges", "in_sight"),
    [
        ((0.2, 0.2, 0.4, 0.4), [True] * 5),
        ((0.0, 0.0, 0.2, 0.2), [True, True, True, True, False]),
        ((0.9, 0.5, 1.0, 0.6), [True, True, True, False, True]),
        ((0.0, 0.0, 1.0, 1.0), [True, True, True, False, False]),
        ((0.9, 0.5, 1.05, 0.6), [False] * 5),
    ],
)
def test_a_box_counts_only_where_it_is_wholly_in_sight(edges, in_sight):
    assert [view.shows(edges) for view in VIEWS] == in_sight


# pixels of the grid of 224: 32..63 across, 64..79 down
SHIP = (32 / GRID, 64 / GRID, 64 / GRID, 80 / GRID)


def written(edges, label="vessel_candidate"):
    """A box as the model writes it: the far edges are the last pixels inside."""
    left, top, right, bottom = edges
    return {"label": label, "bbox": [left, top, right - 1 / GRID, bottom - 1 / GRID]}


def answers_for(*seen, label="vessel_candidate", side_px=56):
    """An answer a view: the boxes where that view shows them, or none."""
    views = views_of(side_px, side_px)
    return [
        [json.dumps([written(view.of_box(edges), label)] if edges else [])]
        for view, edges in zip(views, seen, strict=True)
    ]


def measured(engine, *boxes, chips=None, shares=None, is_cancelled=lambda: False, task="detect", **fields):
    targets = fields.pop("targets", ("vessel candidate",))
    run = RunRequest(task, chips or (chip_with(),), UTM, targets, **fields)
    on_share = (shares if shares is not None else []).append
    return measure_agreement(engine, AgreementRequest(run, boxes), on_share, is_cancelled)


@pytest.mark.parametrize("label", ["vessel candidate", "vessel_candidate"])
def test_a_box_that_comes_again_in_every_view_agrees_wholly(label):
    shares = []
    found = measured(ScriptedEngine(*answers_for(*[SHIP] * 5)), (label, SHIP), shares=shares)
    assert (found["agreement"], found["views"]) == ([1.0], 5)
    assert shares == [0.0, 0.2, 0.4, 0.6, 0.8]


def test_the_share_of_views_with_the_box_is_told():
    engine = ScriptedEngine(*answers_for(SHIP, None, SHIP, None, None))
    assert measured(engine, ("vessel candidate", SHIP))["agreement"] == [0.4]


def test_a_box_of_another_label_is_not_the_same_box():
    engine = ScriptedEngine(*answers_for(*[SHIP] * 5, label="water"))
    assert measured(engine, ("vessel candidate", SHIP))["agreement"] == [0.0]


@pytest.mark.parametrize(("wider", "agreement"), [(1.9, 1.0), (2.1, 0.0)])
def test_half_an_overlap_is_enough_and_less_is_not(wider, agreement):
    left, top, right, bottom = SHIP
    other = (left, top, left + wider * (right - left), bottom)
    assert iou(SHIP, other) == pytest.approx(1 / wider)
    engine = ScriptedEngine(*answers_for(*[other] * 5))
    assert measured(engine, ("vessel candidate", SHIP))["agreement"] == [agreement]


def test_views_that_cut_a_box_do_not_count_and_without_any_there_is_no_share():
    corner, outside = (0.0, 0.0, 0.25, 0.25), (1.5, 0.0, 1.6, 0.1)
    engine = ScriptedEngine(*answers_for(corner, corner, corner, corner, None))
    boxes = [("vessel candidate", corner), ("vessel candidate", outside)]
    assert measured(engine, *boxes)["agreement"] == [1.0, None]


def test_every_image_of_a_pair_is_seen_through_the_view_and_the_report_is_not_asked_again():
    chips = (chip_with((0, 0, 8, 8), chip_id="a"), chip_with((48, 48, 56, 56), chip_id="b"))
    engine = ScriptedEngine(*[["[]"]] * 5)
    measured(engine, ("inundation", SHIP), chips=chips, task="flood", targets=())
    assert {prompt.task for prompt in engine.prompts} == {"flood"}
    bright = (255, 0, 255)
    mirrored = engine.images[0]
    assert [mirrored[0].getpixel((52, 4)), mirrored[1].getpixel((4, 52))] == [bright, bright]
    turned = engine.images[2]
    assert [turned[0].getpixel((52, 52)), turned[1].getpixel((4, 4))] == [bright, bright]


def test_all_targets_are_asked_for_in_each_view():
    engine = ScriptedEngine(*[["[]"]] * 10)
    measured(engine, ("water", SHIP), targets=("water", "red boats"))
    assert [prompt.target for prompt in engine.prompts] == ["water", "red boats"] * 5


def test_a_task_without_boxes_has_nothing_to_compare():
    with pytest.raises(RequestError, match="asks for no boxes"):
        measured(ScriptedEngine(), ("water", SHIP), task="caption")


def test_a_cancel_between_two_tokens_ends_it():
    with pytest.raises(Cancelled):
        measured(ScriptedEngine(["[", "]"]), ("water", SHIP), is_cancelled=lambda: True)


def test_a_view_that_changes_nothing_is_none_of_them():
    assert View() not in VIEWS
