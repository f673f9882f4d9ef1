"""Text arrives piece by piece without broken characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.inference.detokeniser import Detokeniser

TOKENIZER = None


@pytest.fixture(autouse=True, scope="module")
def _tokenizer(opened):
    globals()["TOKENIZER"] = opened.processor.tokenizer


def pieces(ids):
    detokeniser = Detokeniser(TOKENIZER)
    return [detokeniser.push(index) for index in ids], detokeniser.flush()


@pytest.mark.parametrize("text", ["Größe → 湖", "🛰️ sees 👩‍🚀", "plain words"])
def test_no_piece_splits_a_character(text):
    ids = TOKENIZER.encode(text, add_special_tokens=False)
    pushed, rest = pieces(ids)
    assert "\ufffd" not in "".join(pushed)
    assert "".join(pushed) == text
    assert rest == ""


def test_a_piece_arrives_with_the_token_that_completes_it():
    ids = TOKENIZER.encode("湖a", add_special_tokens=False)
    assert pieces(ids)[0] == ["", "", "湖", "a"]


def test_a_character_that_stays_incomplete_comes_out_at_the_end():
    ids = TOKENIZER.encode("a湖", add_special_tokens=False)[:-1]
    assert pieces(ids) == (["a", "", ""], "\ufffd")


@given(st.lists(st.integers(0, 1023), max_size=60))
def test_pieces_add_up_to_what_the_tokenizer_makes_of_all_tokens_at_once(ids):
    pushed, rest = pieces(ids)
    assert "".join(pushed) + rest == TOKENIZER.decode(ids, skip_special_tokens=True)
