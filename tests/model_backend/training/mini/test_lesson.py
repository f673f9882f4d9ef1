"""What a lesson says of its picture is true in the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lspace.model_backend.training.mini.harbour import cut_ships, load_harbours
from lspace.model_backend.training.mini.lesson import SEEN_PX, Mix, Teacher

DATA = Path(__file__).resolve().parents[3] / "data"
SCALE = SEEN_PX / 224


@pytest.fixture
def teacher(vocabulary, dark):
    seen = load_harbours(DATA, left_out=("honolulu",))
    return Teacher(vocabulary.contract, [dark], cut_ships(seen))


def bright_box(picture):
    """Edges of what stands out, in pixels of the trained picture."""
    grey = picture.astype(float).mean(axis=-1)
    ys, xs = np.nonzero(grey > (grey.max() + np.median(grey)) / 2)
    return np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]) / SCALE


@pytest.mark.parametrize("seed", range(12))
def test_a_pasted_thing_lies_in_its_box_however_the_picture_was_turned(teacher, seed):
    lesson = teacher.targets(1, 0.65, np.random.default_rng(seed))
    (box,) = lesson.ships
    edges = np.array([box[0], box[1], box[2] + 1, box[3] + 1])
    found = bright_box(lesson.picture)
    overlap = np.prod(np.clip(np.minimum(edges, found)[2:] - np.maximum(edges, found)[:2], 0, None))
    assert overlap > 0.5 * np.prod(found[2:] - found[:2])
    assert (found[:2] > edges[:2] - 3).all()
    assert (found[2:] < edges[2:] + 3).all()


def test_the_box_of_a_region_ends_where_its_class_ends(teacher):
    rng, seen = np.random.default_rng(0), set()
    for lesson in (teacher.cover(rng) for _ in range(12)):
        for number in (number for number in (0, 2) if lesson.regions[number]):
            cells = np.argwhere(lesson.cover == number)
            box = np.array(lesson.regions[number][0].box)
            found = np.array([*cells.min(0)[::-1], *(cells.max(0)[::-1] + 1)]) * 224 / 64
            assert np.abs(box + np.array([0, 0, 1, 1]) - found).max() <= 4
            seen.add(tuple(box))
    assert len(seen) >= 6  # on all sides of the picture


def test_the_answer_to_a_class_question_is_the_boxes_of_its_regions(teacher):
    rng, asked = np.random.default_rng(3), 0
    for lesson in (teacher.cover(rng) for _ in range(12)):
        for question in (question for question in lesson.questions if question.target == "water"):
            assert question.boxes == tuple(region.box for region in lesson.regions[0])
            asked += bool(question.boxes)
    assert asked >= 3


def test_the_same_numbers_give_the_same_lesson(teacher):
    first, second = (teacher.draw(Mix(0.4, 2, 0.3), np.random.default_rng(5)) for _ in range(2))
    assert (first.picture == second.picture).all()
    assert first.questions == second.questions


def test_real_ships_are_cut_out_brighter_or_darker_than_the_water_around(vocabulary):
    cutouts = cut_ships(load_harbours(DATA, left_out=("honolulu",)))
    assert cutouts
    for cutout in cutouts:
        margin = cutout.margin
        inside = np.abs(cutout.difference[margin:-margin, margin:-margin]).mean()
        border = np.abs(np.concatenate([cutout.difference[0], cutout.difference[-1]])).mean()
        assert inside > 3 * border
