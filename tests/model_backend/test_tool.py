"""Whether a call of a tool makes sense, and what is said where it does not."""

from __future__ import annotations

import math

import pytest
from lspace.model_backend.errors import RequestError, ToolRefused
from lspace.model_backend.tool import ToolCall, ToolDefinition, check_call

PROPERTIES = {
    "name": {"type": "string", "maxLength": 5},
    "mode": {"type": "string", "enum": ["new", "add"]},
    "count": {"type": "integer", "minimum": 1, "maximum": 9},
    "share": {"type": "number", "minimum": 0.5},
    "all": {"type": "boolean"},
    "labels": {"type": "array", "items": {"type": "string"}},
}
TOOL = ToolDefinition("act", "Acts.", {"type": "object", "properties": PROPERTIES, "required": ["name"]})


def checked(**arguments):
    return check_call(ToolCall("act", {"name": "a", **arguments}), (TOOL,))


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"name": "roads"},
        {"mode": "add", "count": 9, "share": 1, "all": False, "labels": []},
        {"share": 0.5, "labels": ["a", "b"]},
    ],
)
def test_arguments_of_their_kind_and_in_their_range_pass(arguments):
    assert checked(**arguments).arguments == {"name": "a", **arguments}


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"name": "a name"}, "'name' of act has to have at most 5 characters, not 'a name'"),
        ({"mode": "old"}, "'mode' of act has to be one of new, add, not 'old'"),
        ({"count": 0}, "'count' of act has to be between 1 and 9, not 0"),
        ({"count": 1.0}, "'count' of act has to be of type integer, not 1.0"),
        ({"count": True}, "'count' of act has to be of type integer, not True"),
        ({"share": 0.4}, "'share' of act has to be between 0.5 and inf, not 0.4"),
        ({"share": math.nan}, "'share' of act has to be finite, not nan"),
        ({"share": math.inf}, "'share' of act has to be finite, not inf"),
        ({"all": 1}, "'all' of act has to be of type boolean, not 1"),
        ({"labels": "a"}, "'labels' of act has to be of type array, not 'a'"),
        ({"labels": ["a", 1]}, "'labels' of act has to be a list of strings, not ['a', 1]"),
        ({"name": None}, "'name' of act has to be of type string, not None"),
        ({"colour": "red"}, "act has no argument 'colour'; it takes: name, mode, count, share, all, labels"),
    ],
)
def test_everything_else_is_refused_with_words_to_mend_it_by(arguments, fault):
    with pytest.raises(ToolRefused) as caught:
        checked(**arguments)
    assert str(caught.value) == fault


def test_a_number_that_no_float_holds_is_no_surprise():
    assert checked(share=10**400).arguments["share"] == 10**400
    with pytest.raises(ToolRefused, match="between 1 and 9, not 1000"):
        checked(count=10**400)


def test_an_unknown_tool_and_what_is_missing_are_named():
    with pytest.raises(ToolRefused, match="no tool 'erase'; there are: act"):
        check_call(ToolCall("erase", {}), (TOOL,))
    with pytest.raises(ToolRefused, match="there are: none"):
        check_call(ToolCall("act", {}), ())
    with pytest.raises(ToolRefused, match="act needs the argument 'name'"):
        check_call(ToolCall("act", {}), (TOOL,))


@pytest.mark.parametrize(
    "parameters",
    [[], {"properties": []}, {"properties": {"a": "string"}}, {"properties": {"a": {"type": "map"}}}],
)
def test_a_definition_that_is_no_schema_is_refused(parameters):
    with pytest.raises(RequestError):
        ToolDefinition.from_payload({"name": "a", "description": "b", "parameters": parameters})
    assert ToolDefinition.from_payload(TOOL.to_payload()) == TOOL
