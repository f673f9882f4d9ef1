# SPDX-License-Identifier: GPL-2.0-or-later
"""Scores: geometric means of the right tokens, or none at all."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.inference.completion import Completion, CompletionChunk
from lspace.model_backend.inference.scores import score_of


def completion(*pieces):
    return Completion.from_chunks(CompletionChunk(text, logprob) for text, logprob in pieces)


def test_mean_over_touched_tokens_only():
    answer = completion(('"', -9.0), ("tree", -0.1), (" cover", -0.3), ('"', -9.0))
    assert score_of(answer, [(1, 11)]) == pytest.approx(math.exp(-0.2))


def test_a_token_counts_once_and_by_any_of_its_characters():
    answer = completion(("[0.12", -0.5), ("34]", -1.5), ("x", -9.0))
    assert score_of(answer, [(1, 2), (3, 7)]) == pytest.approx(math.exp(-1.0))


def test_tokens_without_text_belong_to_the_character_that_follows():
    answer = completion(("a", -9.0), ("", -1.0), ("é", -3.0), ("", -9.0), ("b", -9.0))
    assert score_of(answer, [(1, 2)]) == pytest.approx(math.exp(-2.0))


@pytest.mark.parametrize("unknown", [None, math.nan])
def test_an_unknown_probability_means_no_score(unknown):
    answer = completion(("a", -0.1), ("b", unknown))
    assert score_of(answer, [(0, 2)]) is None
    assert score_of(answer, [(0, 1)]) == pytest.approx(math.exp(-0.1))


def test_nothing_touched_means_no_score():
    assert score_of(Completion("abc"), [(0, 3)]) is None
    assert score_of(completion(("abc", -0.1)), []) is None
    assert score_of(completion(("abc", -0.1)), [(3, 9)]) is None


def test_an_impossible_token_scores_nothing():
    assert score_of(completion(("a", -math.inf)), [(0, 1)]) == 0.0


@given(
    st.lists(st.tuples(st.text(max_size=3), st.floats(-50, 1e-6)), max_size=20),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4),
)
def test_scores_are_shares(pieces, spans):
    answer = completion(*pieces)
    score = score_of(answer, spans)
    touched = [
        token.logprob
        for token in answer.tokens
        if any(
            token.start < end and (token.end > start or start <= token.start == token.end)
            for start, end in spans
        )
    ]
    assert (score is None) == (not touched)
    assert score is None or 0 <= score <= 1
    assert score is None or score == pytest.approx(min(1.0, math.exp(sum(touched) / len(touched))))
