"""The trained form of a list of boxes, character by character."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.inference.completion import Completion, CompletionChunk, FinishReason
from lspace.model_backend.inference.grammar import Coordinates, Grammar, State
from lspace.model_backend.inference.proposals import read_proposals

LABELS = ("water", "tree cover")
KNOWN, FREE = Grammar(LABELS), Grammar(())
GRAMMARS = {"known labels": KNOWN, "own words": FREE}
COORDINATES = Coordinates(json.dumps(round(pixel / 224, 4)) for pixel in range(224))
EDGE = st.integers(0, 9999).map(lambda step: step / 10_000)


def box(x_min, y_min, x_max, y_max, label="water"):
    return {"label": label, "bbox": [x_min, y_min, x_max, y_max]}


def is_list(grammar, text):
    state = grammar.after(State(), text)
    return state is not None and state.is_end


def reading_of(text):
    return read_proposals(Completion().extended(CompletionChunk(text, -0.1, FinishReason.STOP)))


@st.composite
def boxes(draw):
    (x_min, x_max), (y_min, y_max) = (sorted([draw(EDGE), draw(EDGE)]) for _ in range(2))
    return box(x_min, y_min, x_max, y_max, draw(st.sampled_from(LABELS)))


@given(st.lists(boxes(), max_size=4, unique_by=json.dumps))
def test_what_json_writes_of_boxes_in_order_is_allowed(found):
    points = [each for each in found if len(set(each["bbox"])) == 1]
    assert is_list(KNOWN, json.dumps(found)) is not bool(points)
    assert is_list(FREE, json.dumps(found)) is not bool(points)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([box(0.3, 0.1, 0.2, 0.4)]),
        json.dumps([box(0.1, 0.5, 0.2, 0.4)]),
        json.dumps([box(0.1, 0.1, 0.2, 0.4)] * 2),
        json.dumps([box(0.5, 0.5, 0.5, 0.5)]),
        json.dumps([box(0.1, 0.1, 0.2, 1.1)]),
        json.dumps([box(1.0, 0.1, 1.0, 0.4)]),
        json.dumps([box(0.12345, 0.1, 0.2, 0.4)]),
        json.dumps([box(0, 0, 1, 1)]),
        json.dumps([box(0.1, 0.1, 0.2, 0.4, "fire")]),
        json.dumps([box(0.1, 0.1, 0.2, 0.4)], separators=(",", ":")),
        json.dumps([box(0.1, 0.1, 0.2, 0.4)])[:-1],
        '[{"label": "water", "bbox": [0.1, 0.2, 0.3]}]',
        "[ ]",
        "",
    ],
)
def test_anything_else_is_not(text):
    assert not is_list(KNOWN, text)


def test_the_same_box_of_another_label_may_come():
    assert is_list(KNOWN, json.dumps([box(0.1, 0.1, 0.2, 0.4), box(0.1, 0.1, 0.2, 0.4, "tree cover")]))


@pytest.mark.parametrize("label", ["red boats", "Fähre", "off-shore rig", "5 cars", "fisher's hut"])
def test_own_words_may_be_a_label(label):
    text = json.dumps([box(0.1, 0.1, 0.2, 0.4, label)], ensure_ascii=False)
    assert is_list(FREE, text)
    assert reading_of(text).proposals[0].repairs == ()


@pytest.mark.parametrize("label", ["", " boats", "boats ", "red  boats", 'a"b', "[boats]", "x" * 99, "\\n"])
def test_a_label_that_would_have_to_be_mended_may_not(label):
    assert not is_list(FREE, json.dumps([box(0.1, 0.1, 0.2, 0.4, label)]))


@pytest.mark.parametrize("grammar", GRAMMARS.values(), ids=GRAMMARS)
@given(data=st.data())
def test_whatever_is_chosen_there_is_a_way_on_and_the_list_needs_no_mending(grammar, data):
    state, text = State(), ""
    while not state.is_end and len(text) < 400:
        choices = grammar.choices(state)
        if choices is None:
            typed = data.draw(st.sampled_from(["a", "b", "Z", "7", " ", '"', "-"]))
            choices = typed if grammar.after(state, typed) else '"' if grammar.after(state, '"') else "x"
        assert choices
        text += (chosen := data.draw(st.sampled_from(choices)))
        state = grammar.after(state, chosen)
    if state.is_end:
        reading = reading_of(text)
        assert len(reading.proposals) == len(json.loads(text))
        assert not reading.dropped
        assert all(not proposal.repairs for proposal in reading.proposals)


def test_a_box_that_can_only_come_again_comes_again():
    rim = [box(0.5, 0.9999, 0.6, 0.9999), box(0.5, 0.9999, 0.6, 1.0)]
    assert is_list(KNOWN, json.dumps([*rim, rim[0]]))


def test_the_only_way_goes_up_to_the_next_choice():
    start = Grammar(("water",)).after(State(), "[{")
    text, fork = Grammar(("water",)).only_way(start)
    assert text == '"label": "water", "bbox": [0.'
    assert KNOWN.choices(fork) == "0123456789"


@pytest.mark.parametrize("grammar", GRAMMARS.values(), ids=GRAMMARS)
def test_every_choice_has_an_ending_that_begins_with_it(grammar):
    text = '[{"label": "water", "bbox": [0.1, 0.25, 0.1295, 0.9955]}, {"label": "tree cover", "bbox": [0.5, '
    for length in range(len(text)):
        state = grammar.after(State(), text[:length])
        choices = grammar.choices(state)
        if choices is None or len(choices) > 1:
            endings = list(grammar.endings(state, COORDINATES))
            assert all(grammar.after(state, ending) for ending in endings)
            assert choices is None or {ending[0] for ending in endings} == set(choices)


@pytest.mark.parametrize(
    ("begun", "likely"),
    [
        ("[", '{"label": "'),
        ('[{"label": "water", "bbox": [', "0."),
        ('[{"label": "water", "bbox": [0.508', "9, 0."),
        ('[{"label": "water", "bbox": [0.5', ""),
        (
            '[{"label": "water", "bbox": [0.0134, 0.5089, 0.1, 0.607',
            '1]}, {"label": "water", "bbox": [0.',
        ),
        ('[{"label": "water", "bbox": [0.0134, 0.5089, 0.1234', ", 0."),
    ],
)
@pytest.mark.parametrize("grammar", GRAMMARS.values(), ids=GRAMMARS)
def test_what_is_likely_is_the_only_trained_number_and_one_more_box_of_the_label(grammar, begun, likely):
    assert grammar.likely(grammar.after(State(), begun), COORDINATES) == likely


def test_nothing_is_likely_after_the_end():
    assert KNOWN.likely(KNOWN.after(State(), "[]"), COORDINATES) == ""
