# SPDX-License-Identifier: GPL-2.0-or-later
"""An answer as it grows: each box is told once, as soon as it is whole, none is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.contract import load_contracts
from lspace.model_backend.errors import Cancelled
from lspace.model_backend.inference.answers import ask
from lspace.model_backend.inference.completion import FinishReason
from lspace.model_backend.inference.prompts import build_prompts
from lspace.model_backend.inference.proposals import Outcome, read_proposals
from scripted import ScriptedEngine

LSPACE = load_contracts()["lspace"]
WATER = build_prompts(LSPACE, "detect", ("water",))[0]
CAPTION = build_prompts(LSPACE, "caption", ())[0]
ONE = '{"label": "water", "bbox": [0.1, 0.2, 0.3, 0.4]}'
TWO = '{"label": "water", "bbox": [0.5, 0.6, 0.7, 0.8]}'
PICTURE = object()


def steps_of(*pieces, prompt=WATER, ending=FinishReason.STOP, is_cancelled=lambda: False):
    return list(ask(ScriptedEngine(pieces, ending=ending), prompt, [PICTURE], is_cancelled))


def boxes_told(steps):
    return [[proposal.box for proposal in step.new_proposals] for step in steps]


def test_a_box_is_told_with_the_token_that_completes_it():
    steps = steps_of("[", ONE[:20], ONE[20:-2], "]", "}", ", ", TWO, "]")
    assert boxes_told(steps) == [[], [], [], [], [(0.1, 0.2, 0.3, 0.4)], [], [(0.5, 0.6, 0.7, 0.8)], []]


def test_boxes_of_one_token_are_told_together():
    assert boxes_told(steps_of(f"[{ONE}, {TWO}]")) == [[(0.1, 0.2, 0.3, 0.4), (0.5, 0.6, 0.7, 0.8)]]


def test_a_box_is_told_once():
    assert boxes_told(steps_of(ONE, ONE, ONE)) == [[(0.1, 0.2, 0.3, 0.4)], [], []]


def test_a_box_that_is_still_open_is_told_when_the_answer_ends():
    steps = steps_of('[{"label": "water", "bbox": [0.1, 0.2, 0.3, 0.4]', "", "")
    assert boxes_told(steps) == [[], [], [(0.1, 0.2, 0.3, 0.4)]]
    assert steps[-1].reading.proposals[0].repairs


def test_a_box_without_a_label_takes_the_target():
    (step,) = steps_of("[[0.1, 0.2, 0.3, 0.4]]")
    assert [proposal.label for proposal in step.new_proposals] == ["water"]


def test_prose_is_not_searched_for_boxes():
    steps = steps_of("Water at ", ONE, prompt=CAPTION)
    assert [(step.reading, step.new_proposals) for step in steps] == [(None, ()), (None, ())]
    assert steps[-1].completion.text == "Water at " + ONE


def test_an_answer_of_one_token_without_brackets_is_read_all_the_same():
    (step,) = steps_of("nothing here")
    assert step.reading.outcome is Outcome.PROSE


@pytest.mark.parametrize("ending", FinishReason)
def test_only_the_last_step_has_a_finish_reason(ending):
    steps = steps_of("a", "b", "c", ending=ending)
    assert [step.completion.finish_reason for step in steps] == [None, None, ending]


def test_the_engine_is_shown_the_prompt_and_the_picture():
    engine = ScriptedEngine(["[]"])
    list(ask(engine, WATER, [PICTURE], lambda: False))
    assert (engine.prompts, engine.images) == ([WATER], [[PICTURE]])


def test_a_cancel_comes_through():
    with pytest.raises(Cancelled):
        steps_of("a", "b", is_cancelled=lambda: True)


PIECES = st.sampled_from(
    [
        ONE,
        TWO,
        "[",
        "]",
        "{",
        "}",
        ", ",
        '"',
        '"label": "x"',
        '"bbox": [0.1, 0.2, 0.3, 0.9]',
        "0.5",
        " no ",
        "\n",
    ]
)


@given(st.lists(PIECES, min_size=1, max_size=12), st.sampled_from(FinishReason))
def test_what_was_told_step_by_step_is_what_the_whole_answer_says(pieces, ending):
    steps = steps_of(*pieces, ending=ending)
    told = [proposal for step in steps for proposal in step.new_proposals]
    whole = read_proposals(steps[-1].completion, "water")
    assert tuple(told) == whole.proposals
    assert steps[-1].reading == whole
    assert "".join(step.piece for step in steps) == steps[-1].completion.text == "".join(pieces)
    assert len(steps[-1].completion.tokens) == len(pieces)
