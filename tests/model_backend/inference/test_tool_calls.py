"""Calls of tools are read without running anything, and never told as prose."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lspace.model_backend.inference.tool_calls import CALL_END, CALL_START, Prose, prose_of, read_calls
from lspace.model_backend.tool import ToolDefinition

ZOOM = ToolDefinition(
    "zoom",
    "Moves the map.",
    {
        "type": "object",
        "properties": {
            "longitude": {"type": "number", "minimum": -180, "maximum": 180},
            "latitude": {"type": "number", "minimum": -90, "maximum": 90},
        },
        "required": ["longitude", "latitude"],
    },
)
DESCRIBE = ToolDefinition(
    "describe",
    "Describes a layer.",
    {"type": "object", "properties": {"layer": {"type": "string"}}, "required": ["layer"]},
)
LIST = ToolDefinition("list_layers", "Lists layers.", {"type": "object", "properties": {}})
TOOLS = (ZOOM, DESCRIBE, LIST)


def call(text, before="", after=""):
    return f"{before}{CALL_START}{text}{CALL_END}{after}"


def only(text):
    (called,) = read_calls(call(text), TOOLS)
    return called


@pytest.mark.parametrize(
    "text",
    [
        "[zoom(longitude=-157.87, latitude=21.3)]",
        "zoom(longitude=-157.87, latitude=21.3)",
        '[{"name": "zoom", "arguments": {"longitude": -157.87, "latitude": 21.3}}]',
        '{"name": "zoom", "arguments": "{\\"longitude\\": -157.87, \\"latitude\\": 21.3}"}',
        '{"name": "zoom", "parameters": {"latitude": 21.3, "longitude": -157.87}}',
        " [ zoom( latitude = 21.3 , longitude = -157.87 ) ] ",
    ],
)
def test_a_call_is_read_as_python_or_json(text):
    called = only(text)
    assert (called.name, called.arguments, called.fault) == (
        "zoom",
        {"longitude": -157.87, "latitude": 21.3},
        None,
    )


def test_several_calls_and_blocks_are_read_in_their_order():
    written = call("[list_layers(), describe(layer='roads')]", "I look. ") + call("describe('parcels')")
    assert [(each.name, each.arguments, each.fault) for each in read_calls(written, TOOLS)] == [
        ("list_layers", {}, None),
        ("describe", {"layer": "roads"}, None),
        ("describe", {"layer": "parcels"}, None),  # its only argument
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[erase(layer='roads')]", "there is no tool 'erase'"),
        ("[zoom(longitude=1.0)]", "needs the argument 'latitude'"),
        ("[zoom(longitude=1.0, latitude=91)]", "between -90 and 90"),
        ("[zoom(longitude='east', latitude=2)]", "of type number"),
        ("[zoom(longitude=True, latitude=2)]", "of type number"),
        ("[zoom(longitude=1e999, latitude=2)]", "plain values"),
        (f"[zoom(longitude=1{'0' * 400}, latitude=2)]", "plain values"),
        (f"[zoom(longitude=0x{'f' * 5000}, latitude=2)]", "plain values"),
        ('{"name": "zoom", "arguments": {"longitude": NaN, "latitude": 2}}', "plain values"),
        ('{"name": "zoom", "arguments": "{\\"longitude\\": -1e999}"}', "plain values"),
        ('{"name": "describe", "arguments": {"layer": {"name": "a"}}}', "plain values"),
        ("[describe(layer=[['a']])]", "plain values"),
        ("[describe(layer={'a': 1})]", "plain values"),
        ("[describe(layer=b'a')]", "plain values"),
        ("[describe(layer='a', style='b')]", "has no argument 'style'"),
        ("[zoom(1.0, 2.0)]", "needs its name"),
        ("[describe(layer=__import__('os').getcwd())]", "plain values"),
        ("[describe(layer='a' + 'b')]", "plain values"),
        ("[describe(**{'layer': 'a'})]", "plain values"),
        ("[os.system(layer='a')]", "cannot be read"),
        ("[(lambda: 1)()]", "cannot be read"),
        ("[describe(layer='a'", "cannot be read"),
        ("describe", "cannot be read"),
        ("", "cannot be read"),
        ("42", "needs a name"),
        ('{"name": "\\ud800"}', "needs a name"),
        ('{"name": "describe", "arguments": {"layer": "\\ud800"}}', "plain values"),
        ('{"name": "describe", "arguments": {"\\udfff": "a"}}', "plain values"),
        ("[describe(layer='\\ud83d')]", "plain values"),
        ('{"name": "describe", "arguments": ["a"]}', "an object"),
        ("[" * 50_000, "too long"),
        ("[" * 500 + "]" * 500, "too long"),
        # brackets in strings make the depth look small
        ('["]",' * 1200 + "1" + "]" * 1200, "cannot be read"),
    ],
)
def test_what_makes_no_sense_is_a_fault_with_a_reason(text, fault):
    assert fault in only(text).fault


def test_a_block_without_an_end_is_no_call():
    (called,) = read_calls(f"Well. {CALL_START}[list_layers()]", TOOLS)
    assert "cut off" in called.fault


def test_nothing_of_a_call_is_run(tmp_path):
    trap = tmp_path / "trap"
    only(f"[describe(layer=open({str(trap)!r}, 'w'))]")
    only(f"open({str(trap)!r}, 'w')")
    assert not trap.exists()


@settings(max_examples=300)
@given(st.text() | st.text(alphabet="[]{}()'\"=,.:abz019-_ \\"))
@example("[zoom(longitude=" + "-" * 3000 + "1, latitude=2)]")
@example("9" * 7000)
@example('{"name":"zoom","arguments":{"longitude":' + '["]",' * 1100 + "1" + "]" * 1100 + "}}")
@example('{"name":"zoom","arguments":{"longitude":' + '["]",' * 600 + "1" + "]" * 600 + "}}")
def test_whatever_a_model_writes_gives_calls_or_faults(text):
    names = {tool.name for tool in TOOLS}
    for called in read_calls(call(text), TOOLS):
        assert called.fault or called.name in names
        json.dumps(asdict(called), allow_nan=False)  # as it is told


def test_prose_is_what_stands_outside_of_the_calls():
    written = call("[list_layers()]", "First. ", " Then.") + call("x") + " Last."
    assert prose_of(written) == "First.  Then. Last."


@given(
    st.lists(st.sampled_from([CALL_START, CALL_END, "<|", "<|tool_", "call", " a b", "|>", "<"])), st.data()
)
def test_prose_is_the_same_in_whatever_pieces_it_comes(parts, data):
    written = "".join(parts)
    prose, told, rest = Prose(), [], written
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        told.append(prose.push(rest[:size]))
        rest = rest[size:]
    assert "".join(told) + prose.flush() == prose_of(written)
    assert CALL_START not in "".join(told)
