"""Every answer of the contract can be written with the words there are, and read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.contract import load_contracts
from lspace.model_backend.trained_boxes import written_boxes
from lspace.model_backend.training.corpus.wording import caption
from lspace.model_backend.training.mini.vocabulary import Vocabulary

CONTRACT = load_contracts()["lspace-mini"]
WORDS = Vocabulary(CONTRACT)
PIXELS = st.tuples(*[st.integers(0, 223)] * 4)


def decoded(tokens):
    return WORDS.tokenizer.decode(tokens, skip_special_tokens=True)


@given(st.lists(PIXELS, max_size=8), st.sampled_from([target.label for target in CONTRACT.targets]))
def test_boxes_are_ten_tokens_each_and_spell_the_trained_text(boxes, label):
    text = written_boxes([(label, box) for box in boxes], CONTRACT.box)
    tokens = WORDS.boxes(label, boxes)
    assert decoded(tokens) == text
    assert WORDS.read(text) == tokens[:-1]
    assert len(tokens) == (11 if boxes else 1) + 1 + 10 * max(0, len(boxes) - 1)


@given(st.tuples(st.floats(0.01, 1), st.floats(0, 1), st.floats(0, 1)))
def test_a_caption_is_read_word_by_word(shares):
    text = caption(CONTRACT, dict(zip(["water", "built areas", "tree cover"], shares, strict=True)))
    tokens = WORDS.read(text)
    assert decoded(tokens) == text
    assert all(token < len(WORDS.words) for token in tokens)


@pytest.mark.parametrize("task", CONTRACT.tasks.values(), ids=lambda task: task.name)
def test_a_prompt_has_no_letter_that_must_be_spelled(task):
    assert all(token < len(WORDS.words) for token in WORDS.read(task.prompt.replace("{target}", "water")))


@given(st.text(max_size=30).filter(lambda text: "<" not in text))
def test_any_other_text_can_be_spelled(text):
    assert decoded(WORDS.read(text)) == text


def test_neighbouring_coordinates_are_neighbouring_tokens():
    assert WORDS.read("0.0") == [WORDS.first_coordinate]
    assert WORDS.read("0.9955") == [WORDS.first_coordinate + 223]
    assert WORDS.read("0.0045") == [WORDS.first_coordinate + 1]
