"""Token rows hold every question's true answer, and point at where it can be seen."""

from __future__ import annotations

import numpy as np
import pytest
from lspace.model_backend.training.corpus.truth import Region
from lspace.model_backend.training.mini.batch import NOT_ASKED, Batcher
from lspace.model_backend.training.mini.lesson import Lesson, Question, Teacher

SHIP = (30, 60, 50, 110)  # cells 1 of 8 across, 2 to 3 down
LAKE = (0, 112, 55, 223)


@pytest.fixture
def lesson():
    cells = np.zeros((56, 56), bool)
    cells[28:, :14] = True
    return Lesson(
        picture=np.zeros((256, 256, 3), np.uint8),
        cover=np.zeros((64, 64), np.uint8),
        regions=((Region(LAKE, cells),), (), ()),
        ships=(SHIP,),
        questions=(
            Question("vessels", "vessel candidate", (SHIP,)),
            Question("ground", "water", (LAKE,)),
            Question("ground", "tree cover"),
            Question("caption", "", text="This satellite imagery is dominated by water (~100%)."),
        ),
    )


@pytest.fixture
def batch(vocabulary, lesson):
    return Batcher(vocabulary).collate([lesson])


def answers(vocabulary, batch):
    labels, segments = batch["labels"][0], batch["segment"][0]
    return [
        vocabulary.tokenizer.decode(
            labels[(segments == number) & (labels != NOT_ASKED)].tolist(), skip_special_tokens=False
        )
        for number in range(1, segments.max() + 1)
    ]


def test_each_question_is_followed_by_its_answer_and_the_end(vocabulary, batch):
    assert answers(vocabulary, batch) == [
        '[{"label": "vessel_candidate", "bbox": [0.1339, 0.2679, 0.2232, 0.4911]}]<|im_end|>',
        '[{"label": "water", "bbox": [0.0, 0.5, 0.2455, 0.9955]}]<|im_end|>',
        "[]<|im_end|>",
        "This satellite imagery is dominated by water (~100%).<|im_end|>",
    ]


def test_every_question_starts_right_behind_the_picture(batch, vocabulary):
    opening = len(Batcher(vocabulary).opening)
    for number in range(1, 5):
        positions = batch["position"][0][batch["segment"][0] == number]
        assert positions.tolist() == list(range(opening, opening + len(positions)))


def test_a_coordinate_is_looked_for_in_the_cells_at_its_edge(batch):
    cells = [np.argwhere(mask.reshape(8, 8)).tolist() for mask in batch["looked_at"]]
    ship, lake = cells[:4], cells[4:]
    assert ship == [[[2, 1], [3, 1]], [[2, 1]], [[2, 1], [3, 1]], [[3, 1]]]
    assert lake[0] == [[4, 0], [5, 0], [6, 0], [7, 0]]
    assert lake[1] == [[4, 0], [4, 1]]
    assert lake[2] == [[4, 1], [5, 1], [6, 1], [7, 1]]
    assert lake[3] == [[7, 0], [7, 1]]


def test_an_image_token_knows_the_box_of_what_lies_in_it(batch):
    boxes = batch["boxes"][0].reshape(8, 8, 4, 4)
    assert tuple(boxes[2, 1, 3]) == SHIP
    assert tuple(boxes[5, 1, 0]) == LAKE
    assert (boxes[0, 7] == NOT_ASKED).all()


def test_every_lesson_that_is_drawn_can_be_batched(vocabulary, dark):
    teacher = Teacher(vocabulary.contract, [dark], [])
    random = np.random.default_rng(0)
    lessons = [teacher.cover(random) for _ in range(5)]
    assert len(Batcher(vocabulary).collate(lessons)["ids"]) == 5
