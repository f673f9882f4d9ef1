"""How far an edge may be off, from the probabilities of other digits."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from lspace.model_backend.contract import EMBEDDED_MODEL
from lspace.model_backend.inference.completion import Completion, CompletionChunk, FinishReason
from lspace.model_backend.inference.prompts import build_prompts
from lspace.model_backend.inference.proposals import read_proposals
from lspace.model_backend.inference.spread import NumberTokens, spread_of

SURE = (("0", 0.999),)


def written(*tokens):
    """A completion of texts, or of texts with their alternatives."""
    pairs = [token if isinstance(token, tuple) else (token, ()) for token in tokens]
    return Completion.from_chunks(CompletionChunk(text, -0.1, None, others) for text, others in pairs)


def test_the_spread_of_a_number_in_one_token_is_that_of_its_alternatives():
    completion = written("[", ("0.25", (("0.25", 0.5), ("0.75", 0.5))), "]")
    assert spread_of(completion, (1, 5)) == pytest.approx(0.25)


def test_variances_of_tokens_add_up_each_with_the_digits_before_it_as_written():
    hundreds = (("12", 0.5), ("14", 0.5))
    last = (("1", 0.5), ("5", 0.5))
    completion = written(("0", SURE), ".", ("12", hundreds), ("1", last))
    assert spread_of(completion, (0, 5)) == pytest.approx(np.hypot(0.01, 0.002))


def test_digits_that_would_make_no_number_of_0_to_1_do_not_count():
    completion = written(("0", (("0", 0.6), ("7", 0.4))), ".", ("5", (("5", 0.9), ("9.1", 0.1))))
    assert spread_of(completion, (0, 3)) == 0


@pytest.mark.parametrize("tokens", [["0.5"], ["0", ".", "5"]])
def test_where_nothing_is_known_of_alternatives_there_is_no_spread(tokens):
    assert spread_of(written(*tokens), (0, 3)) is None


def test_alternatives_are_the_likely_pieces_of_numbers_among_themselves():
    numbers = NumberTokens(["a", "12", ".", "7", "", "1x", "0.5"])
    logits = np.log(np.array([0.5, 0.2, 1e-6, 0.1, 0.1, 0.05, 0.1], dtype=np.float32))
    assert dict(numbers.alternatives(logits, 1)) == pytest.approx(
        {"12": 0.5, "7": 0.25, "0.5": 0.25}, rel=1e-3
    )
    assert numbers.alternatives(logits, 0) == ()


def answer(x_min, y_min, x_max, y_max):
    """One box whose edges are as likely 0.1 further on."""
    tokens = ['[{"label": "water", "bbox": [']
    for value in (x_min, y_min, x_max, y_max):
        tokens += [(json.dumps(value), ((json.dumps(value), 0.5), (f"{value + 0.1:.1f}", 0.5))), ", "]
    return replace(written(*tokens[:-1], "]}]"), finish_reason=FinishReason.STOP)


def test_a_proposal_has_the_spread_of_each_edge():
    (proposal,) = read_proposals(answer(0.1, 0.2, 0.3, 0.4)).proposals
    assert proposal.spread == pytest.approx((0.05,) * 4)


def test_a_box_that_had_to_be_mended_has_none():
    (proposal,) = read_proposals(answer(0.3, 0.2, 0.1, 0.4)).proposals
    assert proposal.repairs
    assert proposal.spread is None


def test_an_engine_tells_the_alternatives_to_coordinates(make, chip):
    engine = make(EMBEDDED_MODEL)
    (prompt,) = build_prompts(engine.contract, "detect", ("water",), keep_form=True)
    (done,) = engine.complete_batch([(prompt, [chip()])], lambda: False)
    (first, *_) = read_proposals(done).proposals
    told = [token for token in done.tokens if token.alternatives]
    assert len(told) % 4 == 0
    assert all(0.98 < sum(share for _text, share in token.alternatives) <= 1.001 for token in told)
    assert all(0 <= edge < 0.5 for edge in first.spread)
    assert all(early.start < late.start for early, late in pairwise(told))
