# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls of tools in what a model writes: kept out of its prose, and read without running anything."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import ToolRefused
from ..tool import ToolCall, ToolDefinition, check_call
from .tokens import HALVES

CALL_START, CALL_END = "<|tool_call_start|>", "<|tool_call_end|>"
_LONGEST = 8000
"""Characters of calls that are read."""
_DEEPEST = 12
"""Brackets inside of each other."""
_BRACKETS = re.compile(r"[\[({]|[\])}]")
_LARGEST = 1e15
"""Of the numbers that are read, so that all of them can be told in JSON."""
_NOT_PLAIN = "its arguments have to be plain values, each with its name"
_SPELLINGS = {"true": True, "false": False, "null": None}
"""Words that JSON has, and Python not."""


@dataclass(frozen=True)
class Called:
    """A call as a model wrote it."""

    name: str
    """Empty where it cannot be read."""
    arguments: dict[str, Any] = field(default_factory=dict)
    fault: str | None = None
    """Why it is not to be carried out, in words for the model; None for a call that makes sense."""


class Prose:
    """What is left of a text that is still being written when the calls in it are taken out."""

    def __init__(self) -> None:
        self._waiting = ""
        self._mark = CALL_START
        """What comes next, if anything: the beginning of a call, or its end."""

    def push(self, piece: str) -> str:
        """The prose that is certain now."""
        text, prose = self._waiting + piece, []
        while self._mark in text:
            before, text = text.split(self._mark, 1)
            prose.append(before if self._mark == CALL_START else "")
            self._mark = CALL_END if self._mark == CALL_START else CALL_START
        kept = _length_of_begun(text, self._mark)
        if self._mark == CALL_START:
            prose.append(text[: len(text) - kept])
        self._waiting = text[len(text) - kept :]
        return "".join(prose)

    def flush(self) -> str:
        """What was waited with, now that nothing follows."""
        text, self._waiting = self._waiting, ""
        return text if self._mark == CALL_START else ""


def prose_of(written: str) -> str:
    """A whole text without its calls."""
    prose = Prose()
    return prose.push(written) + prose.flush()


def read_calls(written: str, definitions: Sequence[ToolDefinition]) -> list[Called]:
    """All calls in a text, in its order, those that make no sense among them, with their faults.

    A block holds Python calls with literal arguments, in a list or not, or JSON objects with ``name`` and
    ``arguments``. Nothing of it is ever evaluated. It takes time linear in the text.
    """
    return [_checked(called, definitions) for block in _blocks(written) for called in block]


def _length_of_begun(text: str, mark: str) -> int:
    """How many last characters may be the beginning of a mark."""
    longest = min(len(text), len(mark) - 1)
    return next((length for length in range(longest, 0, -1) if mark.startswith(text[-length:])), 0)


def _blocks(written: str) -> Iterator[list[Called]]:
    for part in written.split(CALL_START)[1:]:
        text, end, _ = part.partition(CALL_END)
        yield _calls_in(text.strip()) if end else [_unreadable("it was cut off before its end")]


def _calls_in(text: str) -> list[Called]:
    if len(text) > _LONGEST or _depth(text) > _DEEPEST:
        return [_unreadable("it is too long")]
    try:
        return _from_json(json.loads(text))
    except (ValueError, RecursionError):  # not JSON
        pass
    try:
        return _from_python(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return [_unreadable("it is neither a list of calls nor JSON")]


def _depth(text: str) -> int:
    depth = deepest = 0
    for bracket in _BRACKETS.finditer(text):
        depth += 1 if bracket.group() in "[({" else -1
        deepest = max(deepest, depth)
    return deepest


def _from_json(value: Any) -> list[Called]:
    return [_call_of(item) for item in (value if isinstance(value, list) else [value])]


def _call_of(item: Any) -> Called:
    if not isinstance(item, dict) or not _is_text(item.get("name")):
        return _unreadable("each needs a name")
    arguments = item.get("arguments", item.get("parameters", {}))
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments) if arguments.strip() else {}
        except (ValueError, RecursionError):
            arguments = None
    if not isinstance(arguments, dict):
        return Called(item["name"], fault="its arguments have to be an object")
    if not all(map(_is_text, arguments)) or not all(map(_is_plain, arguments.values())):
        return Called(item["name"], fault=_NOT_PLAIN)
    return Called(item["name"], arguments)


def _from_python(node: ast.expr) -> list[Called]:
    nodes = node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]
    return [_call_at(each) for each in nodes]


def _call_at(node: ast.expr) -> Called:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return _unreadable("it is neither a list of calls nor JSON")
    name, positional = node.func.id, [_literal(argument) for argument in node.args]
    named = {keyword.arg: _literal(keyword.value) for keyword in node.keywords}
    if None in named or not all(map(_is_plain, [*positional, *named.values()])):
        return Called(name, fault=_NOT_PLAIN)
    arguments = {str(key): value for key, value in named.items()}
    if positional:
        arguments[_POSITIONAL] = positional
    return Called(name, arguments)


_POSITIONAL = "*"
"""Where values without a name wait for one; no argument is called so."""


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Name) and node.id in _SPELLINGS:
        return _SPELLINGS[node.id]
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ...  # no plain value: it would have to be evaluated
    return list(value) if isinstance(value, tuple) else value


def _is_plain(value: Any) -> bool:
    """Whether it is what a tool can take: a string, a number that JSON has, a truth, nothing, or a list."""
    if isinstance(value, list):
        return all(not isinstance(item, list) and _is_plain(item) for item in value)
    if isinstance(value, (int, float)):
        return -_LARGEST <= value <= _LARGEST  # not so for what is no number
    return value is None or _is_text(value)


def _is_text(value: Any) -> bool:
    """Whether it is a string that can be written: JSON and Python spell halves of characters, too."""
    return isinstance(value, str) and not HALVES.search(value)


def _checked(called: Called, definitions: Sequence[ToolDefinition]) -> Called:
    if called.fault is not None:
        return called
    arguments = dict(called.arguments)
    positional = arguments.pop(_POSITIONAL, None)
    if positional is not None:
        tool = next((each for each in definitions if each.name == called.name), None)
        names = list(tool.parameters.get("properties", {})) if tool else []
        if len(positional) != 1 or len(names) != 1 or arguments:  # any other order would be a guess
            return Called(called.name, fault="each of its arguments needs its name")
        arguments = {names[0]: positional[0]}
    try:
        check_call(ToolCall(called.name, arguments), definitions)
    except ToolRefused as error:
        return Called(called.name, arguments, str(error))
    return Called(called.name, arguments)


def _unreadable(why: str) -> Called:
    return Called("", fault=f"the call cannot be read: {why}")
