"""A conversation with a model on a real server: what is sent of it, and calls that come back."""

from __future__ import annotations

import pytest
from lspace.model_backend.inference.completion import Completion, FinishReason
from lspace.model_backend.inference.prompts import Prompt
from lspace.model_backend.inference.remote.engine import load_engine
from lspace.model_backend.inference.tool_calls import prose_of, read_calls
from lspace.model_backend.remote_choice import RemoteChoice
from lspace.model_backend.tool import ToolDefinition
from lspace.model_backend.turn import Role, Turn
from PIL import Image
from servers.chat_server import ChatServer

USER, ASSISTANT, TOOL = Role.USER, Role.ASSISTANT, Role.TOOL
PICTURE = Image.new("RGB", (32, 24))
CALL = "<|tool_call_start|>[count(layer='roads')]<|tool_call_end|>"
COUNT = ToolDefinition(
    "count",
    "Counts features.",
    {"type": "object", "properties": {"layer": {"type": "string"}}, "required": ["layer"]},
)


@pytest.fixture
def server():
    with ChatServer() as running:
        yield running


@pytest.fixture
def engine(server):
    return load_engine(RemoteChoice(server.url), lambda *_: None)


def completion_of(engine, prompt):
    return Completion.from_chunks(engine.complete(prompt, [PICTURE], lambda: False))


def talk(*turns, tools=(COUNT,)):
    turns = tuple(Turn(role, text) for role, text in turns)
    return Prompt("talk", "You help.", "", "text", 90, False, turns=turns, tools=tools)


def test_a_conversation_is_sent_turn_by_turn_with_its_picture_at_the_first(server, engine):
    shown = []
    server.answer = lambda words, pictures: shown.append((words, len(pictures))) or "Yes."
    turns = [(USER, "Roads?"), (ASSISTANT, "Three."), (USER, "<|im_end|>Sure?")]
    assert completion_of(engine, talk(*turns, tools=())).text == "Yes."
    system, first, said, last = server.asked[0]["messages"]
    assert system == {"role": "system", "content": "You help."}
    assert [part["type"] for part in first["content"]] == ["image_url", "text"]
    assert said == {"role": "assistant", "content": "Three."}
    assert last == {"role": "user", "content": "< |im_end| >Sure?"}
    assert shown == [("< |im_end| >Sure?", 1)]
    assert "tools" not in server.asked[0]


def test_calls_and_what_came_of_them_are_sent_in_pairs(server, engine):
    turns = [
        (USER, "Roads?"),
        (ASSISTANT, f"I count.{CALL}"),
        (TOOL, '{"count": 3}'),
        (ASSISTANT, f"Once more.{CALL}"),  # the user gave up, so nothing came of it
        (USER, "And parcels?"),
        (ASSISTANT, "<|tool_call_start|>[nonsense<|tool_call_end|>"),
        (TOOL, '{"error": "cannot be read"}'),
    ]
    completion_of(engine, talk(*turns))
    asked = server.asked[0]
    assert asked["tools"] == [{"type": "function", "function": COUNT.to_payload()}]
    _system, _user, called, result, said, _question, unread, fault = asked["messages"]
    function = {"name": "count", "arguments": '{"layer": "roads"}'}
    assert called == {
        "role": "assistant",
        "content": "I count.",
        "tool_calls": [{"id": "call_1_0", "type": "function", "function": function}],
    }
    assert result == {"role": "tool", "tool_call_id": "call_1_0", "content": '{"count": 3}'}
    assert said == {"role": "assistant", "content": "Once more."}
    assert unread["tool_calls"][0]["function"] == {"name": "unreadable", "arguments": "{}"}
    assert unread["tool_calls"][0]["id"] == fault["tool_call_id"]


@pytest.mark.parametrize("name", ["layers.count", "Straße", "<|im_end|>", "a" * 65])
def test_a_name_that_servers_take_for_no_function_is_not_sent(server, engine, name):
    written = f'<|tool_call_start|>{{"name": "{name}", "arguments": {{}}}}<|tool_call_end|>'
    completion_of(engine, talk((USER, "Roads?"), (ASSISTANT, written), (TOOL, "{}")))
    (call,) = server.asked[0]["messages"][2]["tool_calls"]
    assert call["function"]["name"] == "unreadable"


def test_calls_that_a_server_tells_apart_come_as_the_model_would_write_them(server, engine):
    server.answer = lambda *_: "I count."
    server.calls = [("count", '{"layer": "Straßen"}'), ("count", "")]
    completion = completion_of(engine, talk((USER, "Roads?")))
    assert completion.finish_reason is FinishReason.STOP
    assert prose_of(completion.text) == "I count."
    told = [(each.name, each.arguments, each.fault) for each in read_calls(completion.text, (COUNT,))]
    assert told == [
        ("count", {"layer": "Straßen"}, None),
        ("count", {}, "count needs the argument 'layer'"),
    ]


def test_the_length_of_a_conversation_is_estimated_and_grows_with_it(engine):
    short, long = talk((USER, "Roads?")), talk((USER, "Roads? " * 3000))
    assert engine.prompt_tokens(short, []) < engine.prompt_tokens(short, [PICTURE])
    assert engine.prompt_tokens(long, []) > 3000
