# SPDX-License-Identifier: GPL-2.0-or-later
"""The protocol: every message survives the wire, whatever is none is refused with one kind of error."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.errors import ProtocolError
from lspace.model_backend.protocol import Message, MessageType, parse_line

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MESSAGES = st.builds(
    Message,
    st.sampled_from(MessageType),
    st.integers(min_value=0),
    st.dictionaries(st.text(), JSON_VALUES, max_size=3),
)
GOOD = {"v": 2, "type": "run", "id": 7, "body": {}}


def is_message_or_refused(line):
    try:
        return isinstance(parse_line(line), Message)
    except ProtocolError:
        return True


@given(MESSAGES)
def test_any_message_comes_back_as_it_was(message):
    assert parse_line(message.to_line()) == message


@given(MESSAGES)
def test_a_message_is_exactly_one_line(message):
    line = message.to_line()
    assert line.endswith(b"\n")
    assert len(line.splitlines()) == len(line.decode().splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    ["two\nlines\r\nor more", "\u2028 \u2029 \x85 \x0b", "Málaga 海 🛰", "a folder \udcff of bytes", "\x00"],
)
def test_text_of_every_kind_stays_on_its_line(text):
    message = Message(MessageType.TEXT, 1, {"text": text})
    assert len(message.to_line().decode().splitlines()) == 1
    assert parse_line(message.to_line()) == message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_is_not_sent(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        Message(MessageType.STAGE, 1, {"share": value}).to_line()


def test_the_wire_form_is_fixed():
    line = Message(MessageType.CHIP_DONE, 3, {"chip_id": "c"}).to_line()
    assert line == b'{"v": 2, "type": "chip_done", "id": 3, "body": {"chip_id": "c"}}\n'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "not JSON"),
        (b"\n", "not JSON"),
        (b"Loading weights: 100%\n", "not JSON"),
        (b'{"v": 2, "type": "run"', "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (json.dumps(GOOD).encode("utf-16"), "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"v": 2, "type": "run", "id": 7, "body": ' + b'{"a": ' * 100_000, "not JSON"),
        (b'{"v": 2, "type": "run", "id": 7, "body": {"share": NaN}}', "not JSON"),
        (b'{"v": 2, "type": "run", "id": 7, "body": {"share": -Infinity}}', "not JSON"),
        (b'{"v": 2, "type": "run", "id": 7, "body": {"share": 1e999}}', "not JSON"),
        (b"[]", "version 2"),
        (b"null", "version 2"),
        (b'"run"', "version 2"),
    ],
)
def test_a_line_that_is_no_message_is_refused(line, reason):
    with pytest.raises(ProtocolError, match=reason):
        parse_line(line)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"v": 1}, "version 2"),
        ({"v": "2"}, "version 2"),
        ({"v": None}, "version 2"),
        ({"type": "walk"}, "unknown message type 'walk'"),
        ({"type": "RUN"}, "unknown message type"),
        ({"type": None}, "unknown message type"),
        ({"type": ["run"]}, "unknown message type"),
        ({"type": {}}, "unknown message type"),
        ({"id": "7"}, "wrong type"),
        ({"id": 7.0}, "wrong type"),
        ({"id": True}, "wrong type"),
        ({"id": None}, "wrong type"),
        ({"body": []}, "wrong type"),
        ({"body": None}, "wrong type"),
        ({"body": "{}"}, "wrong type"),
    ],
)
def test_a_message_with_a_wrong_field_is_refused(fault, reason):
    with pytest.raises(ProtocolError, match=reason):
        parse_line(json.dumps({**GOOD, **fault}).encode())


@pytest.mark.parametrize("name", ["v", "type", "id", "body"])
def test_a_message_that_lacks_a_field_is_refused(name):
    fields = {key: value for key, value in GOOD.items() if key != name}
    with pytest.raises(ProtocolError):
        parse_line(json.dumps(fields).encode())


@given(st.binary(max_size=200))
def test_bytes_raise_nothing_but_a_protocol_error(line):
    assert is_message_or_refused(line)


@given(MESSAGES, st.integers(min_value=0), st.binary(max_size=3))
def test_a_damaged_message_raises_nothing_but_a_protocol_error(message, place, piece):
    line = message.to_line()
    place %= len(line)
    assert is_message_or_refused(line[:place] + piece + line[place + 1 :])


@given(st.fixed_dictionaries(dict.fromkeys(GOOD, JSON_VALUES)))
def test_fields_of_any_type_raise_nothing_but_a_protocol_error(fields):
    assert is_message_or_refused(json.dumps({**fields, "v": 2}).encode())


def test_only_the_last_message_of_a_request_is_terminal():
    terminal = {message_type for message_type in MessageType if message_type.is_terminal()}
    assert terminal == {MessageType.RESULT, MessageType.ERROR, MessageType.CANCELLED}
