"""A conversation gone on with: by scripted engines, and by the real worker with tiny models."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from chips import chip_with
from conversation import ROOT, Conversation
from lspace.model_backend.contract import load_contracts
from lspace.model_backend.converse import converse
from lspace.model_backend.errors import Cancelled, RequestError
from lspace.model_backend.inference.completion import FinishReason
from lspace.model_backend.protocol import MessageType
from lspace.model_backend.request import ConverseRequest
from lspace.model_backend.tool import ToolDefinition
from lspace.model_backend.turn import Role, Turn
from scripted import ScriptedEngine

USER, ASSISTANT, TOOL = Role.USER, Role.ASSISTANT, Role.TOOL
STAGE, TEXT, RESULT = MessageType.STAGE, MessageType.TEXT, MessageType.RESULT
COUNT = ToolDefinition(
    "count",
    "Counts features.",
    {"type": "object", "properties": {"layer": {"type": "string"}}, "required": ["layer"]},
)
EYE = load_contracts()["n2-eye"]
QUESTION = Turn(USER, "How many roads?")


class Talking(ScriptedEngine):
    """One with N2-Eye's contract, to which a word is a token, and a picture ten."""

    contract = EYE

    def prompt_tokens(self, prompt, images):
        return sum(len(turn.text.split()) for turn in prompt.turns) + 10 * len(images)


def never():
    return False


def go_on(engine, *turns, **fields):
    """The events, and the result."""
    *events, (kind, result) = converse(engine, ConverseRequest(turns or (QUESTION,), **fields), never)
    assert kind is RESULT
    return events, result


def limited_to(tokens):
    engine = Talking(["Yes."])
    engine.contract = replace(EYE, talk=replace(EYE.talk, context_tokens=tokens, max_new_tokens=4))
    return engine


# what is told


def test_prose_is_told_as_it_is_written_and_calls_are_in_the_result():
    call = "<|tool_call_start|>[count(layer='roads'), count()]<|tool_call_end|>"
    pieces = ["I count", " them. ", call[:9], call[9:40], call[40:] + "One", " moment."]
    events, result = go_on(Talking(pieces), tools=(COUNT,))
    stage, *texts = events
    assert stage == (STAGE, {"stage": "reading", "chip_id": "", "task": "talk", "target": None})
    assert [kind for kind, _body in texts] == [TEXT] * len(pieces)
    assert [body["text"] for _kind, body in texts] == ["I count", " them. ", "", "", "One", " moment."]
    assert [body["tokens"] for _kind, body in texts] == [1, 2, 3, 4, 5, 6]
    assert result == {
        "written": "".join(pieces),
        "said": "I count them. One moment.",
        "calls": [
            {"name": "count", "arguments": {"layer": "roads"}, "fault": None},
            {"name": "count", "arguments": {}, "fault": "count needs the argument 'layer'"},
        ],
        "finish_reason": "stop",
        "left_out": 0,
        "tokens": 6,
    }


def test_a_call_that_the_budget_cut_is_a_fault_and_no_prose():
    engine = Talking(["Well. ", "<|tool_call_start|>", "[count("], ending=FinishReason.LENGTH)
    events, result = go_on(engine, tools=(COUNT,))
    assert "".join(body["text"] for kind, body in events if kind is TEXT) == result["said"] == "Well. "
    assert result["finish_reason"] == "length"
    assert "cut off" in result["calls"][0]["fault"]


def test_what_looks_like_the_beginning_of_a_call_is_told_when_nothing_follows():
    events, result = go_on(Talking(["a <", "|tool"]))
    assert "".join(body["text"] for kind, body in events if kind is TEXT) == result["said"] == "a <|tool"


def test_the_model_is_asked_with_all_that_was_said_and_with_its_own_system_prompt():
    engine = Talking(["Three."], ["Three."])
    turns = (QUESTION, Turn(ASSISTANT, "..."), Turn(TOOL, '{"count": 3}'))
    go_on(engine, *turns, chips=(chip_with(),), tools=(COUNT,), max_new_tokens=7)
    go_on(engine, *turns, system="Be brief.")
    asked, brief = engine.prompts
    assert (asked.turns, asked.tools, asked.max_new_tokens) == (turns, (COUNT,), 7)
    assert (asked.system, brief.system) == (EYE.talk.system, "Be brief.")
    assert brief.max_new_tokens == EYE.talk.max_new_tokens
    assert [image.size for image in engine.images[0]] == [(56, 56)]


def test_it_stops_where_it_is_cancelled():
    with pytest.raises(Cancelled):
        list(converse(Talking(["a", "b"]), ConverseRequest((QUESTION,)), lambda: True))


# what does not fit


LONG = (
    Turn(USER, "one two three"),
    Turn(ASSISTANT, "four five"),
    Turn(TOOL, "six"),
    Turn(ASSISTANT, "seven"),
    Turn(USER, "eight nine"),
    Turn(ASSISTANT, "ten"),
    Turn(USER, "eleven twelve"),
)


@pytest.mark.parametrize(("limit", "left_out"), [(26, 0), (25, 4), (19, 4), (18, 6), (16, 6)])
def test_the_oldest_exchanges_go_and_the_picture_stays(limit, left_out):
    engine = limited_to(limit)  # 12 words, 4 to answer with, 10 for the picture
    _events, result = go_on(engine, *LONG, chips=(chip_with(),))
    assert result["left_out"] == left_out
    assert engine.prompts[0].turns == LONG[left_out:]
    assert len(engine.images[0]) == 1


def test_a_question_that_does_not_fit_alone_is_refused_with_numbers():
    with pytest.raises(RequestError, match="needs 16 tokens, answer included; 15 are possible"):
        go_on(limited_to(15), *LONG, chips=(chip_with(),))


# what is refused


def test_more_pictures_than_the_model_looks_at_are_refused():
    with pytest.raises(RequestError, match="N2-Eye looks at 1 image in a conversation, not at 2"):
        go_on(Talking(["x"]), chips=(chip_with(), chip_with(chip_id="other")))


@pytest.mark.parametrize(
    ("contract", "fields", "words"),
    [
        ("lspace", {"tools": (COUNT,)}, "not trained to call tools"),
        ("lspace-mini", {}, "single questions only"),
        ("n2-eye", {"max_new_tokens": 0}, "at least one token"),
    ],
)
def test_what_the_model_cannot_do_is_refused(contract, fields, words):
    engine = Talking(["x"])
    engine.contract = load_contracts()[contract]
    with pytest.raises(RequestError, match=words):
        go_on(engine, **fields)


@pytest.mark.parametrize(
    "turns",
    [
        [],
        [{"role": "assistant", "text": "Hello"}],
        [{"role": "user", "text": "a"}, {"role": "assistant", "text": "b"}],
        [{"role": "system", "text": "a"}],
        [{"role": "user"}],
        [{"role": "user", "text": 3}],
        "a",
    ],
)
def test_turns_that_are_no_conversation_are_refused(turns):
    with pytest.raises(RequestError):
        ConverseRequest.from_payload({"turns": turns})


def test_a_request_is_read_as_it_was_written():
    turns = (QUESTION, Turn(ASSISTANT, "..."), Turn(TOOL, "{}"))
    request = ConverseRequest(turns, (chip_with(),), (COUNT,), "Be brief.", 7)
    assert ConverseRequest.from_payload(request.to_payload()) == request


# the real worker


@pytest.fixture(scope="module")
def tiny_eye(tmp_path_factory):
    folder = tmp_path_factory.mktemp("eye") / "tiny"
    command = [sys.executable, "-m", "model_backend", "random-checkpoint", str(folder), "--model", "n2-eye"]
    subprocess.run(command, cwd=ROOT, check=True)
    return folder


@pytest.fixture(params=["n2-eye", "lspace"])
def worker(request, tiny, tiny_eye, tmp_path):
    talk = Conversation([sys.executable, "-m", "model_backend", "worker"])
    talk.next()
    folder = tiny_eye if request.param == "n2-eye" else tiny
    choice = {"model": str(folder), "device": "cpu", "precision": "float32", "cache_dir": str(tmp_path)}
    talk.send(MessageType.LOAD, 1, choice)
    assert talk.until_end_of(1)[-1].body["contract"] == request.param
    yield talk
    talk.kill()


def said_by(worker, request_id, *turns, **fields):
    request = ConverseRequest(turns, **{"chips": (chip_with(),), "max_new_tokens": 12, **fields})
    worker.send(MessageType.CONVERSE, request_id, request.to_payload())
    return worker.until_end_of(request_id)


def test_a_real_model_goes_on_and_keeps_to_its_words_when_asked_again(worker):
    *events, result = said_by(worker, 2, QUESTION)
    assert [event.type for event in events] == [STAGE] + [TEXT] * (len(events) - 1)
    assert result.type is RESULT
    assert "".join(event.body["text"] for event in events[1:]) == result.body["said"]
    assert result.body["tokens"] == len(events) - 1
    assert result.body["seconds"] > 0
    turns = (QUESTION, Turn(ASSISTANT, result.body["written"]), Turn(USER, "And where?"))
    further, again = (said_by(worker, number, *turns)[-1].body for number in (3, 4))
    assert further["written"] == again["written"]
    assert (further["calls"], further["left_out"]) == ([], 0)


def test_the_worker_refuses_and_goes_on(worker):
    chips = tuple(chip_with(chip_id=str(number)) for number in range(5))
    assert said_by(worker, 2, QUESTION, chips=chips)[-1].body["code"] == "request"
    long = Turn(USER, "word " * 40_000)
    refused = said_by(worker, 3, long)[-1].body
    assert (refused["code"], refused["values"]["limit"]) == ("request", 32768)
    assert said_by(worker, 4, QUESTION, chips=())[-1].type is RESULT
