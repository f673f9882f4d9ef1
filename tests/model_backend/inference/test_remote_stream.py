"""Events of servers of different makes, read as tokens."""

from __future__ import annotations

import asyncio
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.inference.completion import Completion, CompletionChunk, FinishReason
from lspace.model_backend.inference.remote.stream import Calls, NoEvent, Refusal, chunks_of, events_of


def event(content=None, tokens=None, reason=None):
    logprobs = None if tokens is None else {"content": tokens}
    choice = {"index": 0, "delta": {"content": content}, "logprobs": logprobs, "finish_reason": reason}
    return json.dumps({"choices": [choice]})


def token(text, probability=0.5, **others):
    told = [{"token": other, "logprob": math.log(share)} for other, share in others.get("others", ())]
    return {"token": text, "logprob": math.log(probability), "top_logprobs": told}


def texts(chunks):
    return [chunk.text for chunk in chunks]


def read(*lines):
    async def stream():
        for line in lines:
            yield line

    async def collect():
        return [data async for data in events_of(stream())]

    return asyncio.run(collect())


def test_an_event_is_one_data_line_or_several_and_comments_are_none():
    lines = [": ping", "", "event: x", "data: {", "data:}", "", "id: 1", "", "data: [DONE]"]
    assert read(*lines) == ["{\n}", "[DONE]"]


def test_an_event_with_several_tokens_gives_one_chunk_each():
    chunks = chunks_of(event("a12", [token("a", 0.5), token("1", 0.25), token("2", 1.0)]))
    assert texts(chunks) == ["a", "1", "2"]
    assert [chunk.logprob for chunk in chunks] == pytest.approx([math.log(0.5), math.log(0.25), 0.0])


def test_a_token_that_is_not_in_the_text_adds_none_but_keeps_its_probability():
    chunks = chunks_of(event("abc", [token("abc"), token("<|im_end|>")], "stop"))
    assert texts(chunks) == ["abc", ""]
    assert [chunk.finish_reason for chunk in chunks] == [None, FinishReason.STOP]


def test_half_characters_are_the_text_of_the_token_that_completes_them():
    chunks = chunks_of(event("xé", [token("x"), token("\\xc3"), token("\\xa9")]))
    assert texts(chunks) == ["x", "", "é"]


def test_without_probabilities_an_event_is_one_chunk():
    assert chunks_of(event("some words")) == [CompletionChunk("some words", None)]


@pytest.mark.parametrize("empty", [event(), event(""), '{"choices": []}', event(None, [])])
def test_an_event_without_text_adds_nothing(empty):
    assert chunks_of(empty) == []


@pytest.mark.parametrize(
    ("written", "reason"), [("stop", FinishReason.STOP), ("length", FinishReason.LENGTH)]
)
def test_the_reason_of_the_end_is_told_with_the_last_token_or_alone(written, reason):
    assert chunks_of(event("a", reason=written))[-1] == CompletionChunk("a", None, reason)
    assert chunks_of(event(reason=written)) == [CompletionChunk("", None, reason)]


def test_alternatives_are_told_of_pieces_of_numbers_alone_as_shares_among_them():
    others = [("7", 0.6), ("8", 0.2), ("]", 0.2)]
    (seven,) = chunks_of(event("7", [token("7", 0.6, others=others)]))
    assert dict(seven.alternatives) == pytest.approx({"7": 0.75, "8": 0.25})
    (bracket,) = chunks_of(event("]", [token("]", 0.2, others=others)]))
    assert bracket.alternatives == ()


def test_where_a_server_tells_no_alternatives_nothing_is_known_of_them():
    (seven,) = chunks_of(event("7", [token("7", 0.6)]))
    assert seven.alternatives == ()


def test_a_token_that_was_chosen_against_the_odds_is_among_its_alternatives():
    (seven,) = chunks_of(event("7", [token("7", 0.1, others=[("8", 0.3)])]))
    assert dict(seven.alternatives) == pytest.approx({"7": 0.25, "8": 0.75})


def test_an_error_in_place_of_an_event_is_a_refusal_with_its_status():
    with pytest.raises(Refusal, match="no room") as caught:
        chunks_of('{"error": {"message": "no room", "code": 429}}')
    assert caught.value.status == 429
    with pytest.raises(Refusal, match="died") as caught:
        chunks_of('{"error": "died"}')
    assert caught.value.status == 500


@pytest.mark.parametrize(
    "data",
    ["{", "[]", "1", '"x"', "{}", '{"choices": 1}', '{"choices": [1]}', "[" * 50_000, event(reason="?")],
)
def test_what_is_no_event_is_told(data):
    with pytest.raises(NoEvent):
        chunks_of(data)


@given(st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=8), st.data())
def test_however_tokens_are_told_the_text_is_that_of_the_answer(pieces, data):
    events = []
    while pieces:
        count = data.draw(st.integers(1, len(pieces)))
        group, pieces = pieces[:count], pieces[count:]
        told = [token(data.draw(st.sampled_from([piece, "?", ""]))) for piece in group]
        events.append((("".join(group)), told))
    chunks = [chunk for text, told in events for chunk in chunks_of(event(text, told))]
    assert Completion.from_chunks(chunks).text == "".join(text for text, _told in events)
    assert len(chunks) == sum(len(told) for _text, told in events)


def called(*deltas, content=None, reason=None):
    delta = {"content": content, "tool_calls": list(deltas)}
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})


def written_of(*events):
    calls = Calls()
    return Completion.from_chunks(chunk for data in events for chunk in chunks_of(data, calls))


def test_calls_of_servers_of_different_makes_are_written_alike():
    whole = {"name": "zoom", "arguments": '{"x": 1}'}
    expected = '<|tool_call_start|>{"name": "zoom", "arguments": {"x": 1}}<|tool_call_end|>'
    begun = {"index": 0, "id": "a", "function": {"name": "zoom", "arguments": '{"x"'}}
    rest = {"index": 0, "function": {"arguments": ": 1}"}}
    for events in (
        [called(begun), called(rest), called(reason="tool_calls")],
        [called({"id": "a", "function": whole}, reason="stop")],
        [called({"function": {"name": "zoom", "arguments": {"x": 1}}}), called(reason="tool_calls")],
    ):
        completion = written_of(*events)
        assert (completion.text, completion.finish_reason) == (expected, FinishReason.STOP)
    # all at the same place, told apart by their ids
    twice = [called({"index": 0, "id": each, "function": whole}) for each in "ab"]
    assert written_of(*twice, called(reason="stop")).text == expected * 2


def test_prose_before_and_behind_a_call_stays_prose():
    call = {"index": 0, "id": "a", "function": {"name": "look"}}
    completion = written_of(called(content="I look."), called(call), called(content=" Done.", reason="stop"))
    assert completion.text == (
        'I look.<|tool_call_start|>{"name": "look", "arguments": {}}<|tool_call_end|> Done.'
    )


@pytest.mark.parametrize("delta", ["x", 3, {"index": "first"}, {"function": "zoom"}, {"index": [1]}])
def test_what_is_no_call_is_no_event(delta):
    with pytest.raises(NoEvent):
        chunks_of(called(delta))
