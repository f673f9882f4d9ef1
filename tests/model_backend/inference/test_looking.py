"""What is read of pictures and questions once, and what of it is kept."""

from __future__ import annotations

import numpy as np
import pytest
from lspace.model_backend.errors import Cancelled
from lspace.model_backend.inference.looking import Looker, digest_of

HEAD = list(range(100, 110))
SHARED = list(range(200, 220))


class Notes:
    """A context that is the list of all it has read."""

    rows = 1

    def __init__(self, tokens):
        self.tokens = list(tokens)

    @property
    def size(self):
        return len(self.tokens)

    def copy(self):
        return Notes(self.tokens)


class Reader:
    """A network that computes nothing; its logits are the length of what was read."""

    def __init__(self):
        self.looks, self.reads = 0, []

    def look(self, tokens, pictures):
        self.looks += 1
        return Notes(tokens)

    def read(self, context, tokens):
        self.reads.append(tokens.shape[1])
        context.tokens += tokens[0].tolist()
        return np.array([[len(context.tokens)]], dtype=np.float32)


@pytest.fixture
def reader():
    return Reader()


def ask(looker, *tail, picture="one"):
    ids = [*HEAD, *tail]
    context, logits = looker.read(ids, len(HEAD), [], picture, lambda: False)
    assert context.tokens == ids
    assert logits[0, 0] == len(ids)


def test_a_picture_is_looked_at_once(reader):
    looker = Looker(reader)
    for tail in ([1, 2], [3], [1, 2]):
        ask(looker, *tail)
    assert (reader.looks, looker.hits, looker.misses) == (1, 2, 1)


def test_what_questions_begin_with_is_read_once_where_they_are_told_together(reader):
    looker = Looker(reader)
    tails = [[*SHARED, 1, 2, 3], [*SHARED, 4, 5], [*SHARED, 6]]
    looker.expect("one", [[*HEAD, *tail] for tail in tails])
    for tail in tails:
        ask(looker, *tail)
    assert reader.reads == [len(SHARED), 3, 2, 1]


def test_it_is_noticed_when_a_question_begins_like_a_former_one(reader):
    looker = Looker(reader)
    for last in (1, 2, 3):
        ask(looker, *SHARED, last)
    assert reader.reads == [21, 20, 1, 1]


def test_a_few_common_words_are_not_worth_a_reading_of_their_own(reader):
    looker = Looker(reader)
    for last in (1, 2, 3):
        ask(looker, 7, 7, 7, last)
    assert reader.reads == [4, 4, 4]


def test_the_same_question_again_costs_its_last_token(reader):
    looker = Looker(reader)
    for _ in range(3):
        ask(looker, *SHARED)
    assert reader.reads[0] == len(SHARED)
    assert reader.looks == 1


def test_only_so_much_is_kept_and_the_oldest_goes_first(reader):
    looker = Looker(reader, kept_bytes=2 * len(HEAD))
    for picture in ("one", "two", "one", "three", "one"):
        ask(looker, 1, picture=picture)
    assert reader.looks == 3
    ask(looker, 1, picture="two")
    assert reader.looks == 4


def test_a_context_that_is_too_large_to_keep_pushes_none_out(reader):
    looker = Looker(reader, kept_bytes=len(HEAD) + 5)
    for tail in ([1], [*SHARED, 1], [*SHARED, 2], [2]):
        ask(looker, *tail)
    assert (reader.looks, looker.hits) == (1, 3)


def test_a_context_that_is_too_large_to_keep_is_used_all_the_same(reader):
    looker = Looker(reader, kept_bytes=1)
    ask(looker, *SHARED, 1)
    ask(looker, *SHARED, 2)
    assert reader.looks == 2


def test_a_cancel_comes_before_the_question_is_read(reader):
    looker = Looker(reader)
    with pytest.raises(Cancelled):
        looker.read([*HEAD, 1], len(HEAD), [], "one", lambda: True)
    assert reader.reads == []


def test_pictures_are_told_apart_by_size_and_colour(chip):
    pictures = [[chip(0)], [chip(1)], [chip(0, 112, 448)], [chip(0), chip(1)], [chip(1), chip(0)], []]
    assert len({digest_of(each) for each in pictures}) == len(pictures)
    assert digest_of([chip(0).convert("RGBA")]) == digest_of([chip(0)])
