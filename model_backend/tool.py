# SPDX-License-Identifier: GPL-2.0-or-later
"""Tools that a model may call: what they are called with, and whether a call makes sense."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .errors import ToolRefused
from .record import read_record

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
}


@dataclass(frozen=True)
class ToolDefinition:
    """A tool as the model is told of it."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON Schema of an object: ``properties`` of type string, integer, number, boolean or array of strings,
    with ``enum``, ``minimum``, ``maximum`` and ``maxLength``, and which of them are ``required``."""

    def to_payload(self) -> dict[str, Any]:
        """The definition as JSON-ready values, as a chat template prints it."""
        return asdict(self)

    @classmethod
    def from_payload(cls, payload: Any) -> ToolDefinition:
        """Reads what ``to_payload`` wrote; RequestError for anything else."""
        return read_record(cls, payload, {"parameters": _schema})


@dataclass(frozen=True)
class ToolCall:
    """A tool, and what the model wants it called with."""

    name: str
    arguments: dict[str, Any]


def check_call(call: ToolCall, definitions: Sequence[ToolDefinition]) -> ToolCall:
    """The call, if there is such a tool and all arguments are of their kind and in their range.

    Raises:
        ToolRefused: what is wrong, in words that the model can mend it by.
    """
    tool = next((each for each in definitions if each.name == call.name), None)
    if tool is None:
        names = ", ".join(each.name for each in definitions) or "none"
        raise ToolRefused(f"there is no tool {call.name[:80]!r}; there are: {names}", tool=call.name)
    properties = tool.parameters.get("properties", {})
    for name in tool.parameters.get("required", ()):
        if name not in call.arguments:
            raise ToolRefused(f"{tool.name} needs the argument {name!r}", tool=tool.name, argument=name)
    for name, value in call.arguments.items():
        if name not in properties:
            known = ", ".join(properties) or "none"
            words = f"{tool.name} has no argument {name[:80]!r}; it takes: {known}"
            raise ToolRefused(words, tool=tool.name, argument=name)
        fault = _fault(value, properties[name])
        if fault:
            words = f"{name!r} of {tool.name} {fault}, not {_shown(value)}"
            raise ToolRefused(words, tool=tool.name, argument=name)
    return call


def _fault(value: Any, schema: Mapping[str, Any]) -> str:
    """What a value should be and is not; empty where it is."""
    kind = schema.get("type", "string")
    if type(value) not in _KINDS[kind]:  # bool is an int to isinstance
        return f"has to be of type {kind}"
    if kind == "array" and not all(isinstance(item, str) for item in value):
        return "has to be a list of strings"
    if "enum" in schema and value not in schema["enum"]:
        return f"has to be one of {', '.join(map(str, schema['enum']))}"
    if kind == "string" and len(value) > schema.get("maxLength", math.inf):
        return f"has to have at most {schema['maxLength']} characters"
    return _number_fault(value, schema) if kind in ("integer", "number") else ""


def _number_fault(value: float, schema: Mapping[str, Any]) -> str:
    if not abs(value) < math.inf:  # as math.isfinite, which large integers are too much for
        return "has to be finite"
    least, most = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    return "" if least <= value <= most else f"has to be between {least} and {most}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _schema(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not isinstance(value.get("properties", {}), dict):
        raise TypeError("has to be a schema of an object")
    for schema in value.get("properties", {}).values():
        if not isinstance(schema, dict) or schema.get("type", "string") not in _KINDS:
            raise ValueError(f"a parameter's type has to be one of {', '.join(_KINDS)}")
    return value
