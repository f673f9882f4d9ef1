# SPDX-License-Identifier: GPL-2.0-or-later
"""What a server streams: lines to events, events to tokens."""

from __future__ import annotations

import json
import math
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..completion import Alternatives, CompletionChunk, FinishReason
from ..tool_calls import CALL_END, CALL_START

END = "[DONE]"
_DIGITS = re.compile(r"\d+\.?\d*|\.\d*")
_LEAST = 1e-3
"""Alternatives that are less likely are left out."""


class NoEvent(ValueError):
    """What came is no event of a chat completion."""


class Refusal(Exception):
    """The server tells of an error where an event was due; ``status`` as of HTTP, 500 where it tells none."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def events_of(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    """The data of server-sent events; comments, by which a server keeps a line open, are no events."""
    data: list[str] = []
    async for line in lines:
        name, _, value = line.partition(":")
        if name == "data":
            data.append(value.removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []
    if data:
        yield "\n".join(data)


class Calls:
    """Calls of tools, which a server tells apart from the text, as the model would have written them."""

    def __init__(self) -> None:
        self._key: tuple[int, str] | None = None
        """Place and id of the call that is being written, if any."""
        self._has_arguments = False

    def push(self, deltas: Sequence[dict[str, Any]]) -> str:
        """The text of more pieces of calls."""
        return "".join(map(self._piece, deltas))

    def close(self) -> str:
        """What ends the call that is being written."""
        is_open, self._key = self._key is not None, None
        return ("" if self._has_arguments else "{}") + "}" + CALL_END if is_open else ""

    def _piece(self, delta: dict[str, Any]) -> str:
        function, begin = delta.get("function") or {}, ""
        known = self._key[1] if self._key else ""
        key = int(delta.get("index") or 0), str(delta.get("id") or known)
        if key != self._key:
            name = json.dumps(str(function.get("name") or ""))
            begin = f'{self.close()}{CALL_START}{{"name": {name}, "arguments": '
            self._key, self._has_arguments = key, False
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments)
        self._has_arguments = self._has_arguments or bool(arguments.strip())
        return begin + arguments


def chunks_of(data: str, calls: Calls | None = None) -> list[CompletionChunk]:
    """The tokens of one event; none where it tells only that an answer has begun, or what it cost.

    Args:
        calls: those of the events before it.

    Raises:
        NoEvent: something else than an event of a chat completion.
        Refusal: an error takes the place of the answer.
    """
    try:
        event = json.loads(data)
        if event.get("error"):
            raise _refusal(event["error"])
        calls = calls or Calls()
        return [chunk for choice in event["choices"][:1] for chunk in _chunks(choice, calls)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise NoEvent("it sends something else than the events of a chat completion") from error


def _chunks(choice: dict[str, Any], calls: Calls) -> list[CompletionChunk]:
    delta, reason = choice.get("delta") or {}, choice.get("finish_reason")
    text = delta.get("content") or ""
    tokens = (choice.get("logprobs") or {}).get("content") or []
    chunks = list(_tokens(text, tokens)) if tokens else [CompletionChunk(text, None)] if text else []
    if text:  # prose behind a call
        chunks[0] = replace(chunks[0], text=calls.close() + chunks[0].text)
    called = calls.push(delta.get("tool_calls") or ()) + (calls.close() if reason else "")
    if reason is None and not called:
        return chunks
    *before, last = chunks or [CompletionChunk("", None)]
    return [*before, replace(last, text=last.text + called, finish_reason=_reason(reason))]


def _reason(told: str | None) -> FinishReason | None:
    return FinishReason({"tool_calls": "stop"}.get(told, told)) if told else None


def _tokens(text: str, tokens: Sequence[dict[str, Any]]) -> Iterator[CompletionChunk]:
    """One chunk a token; what the tokens' own texts do not tell, such as half a character, is the last's."""
    for place, token in enumerate(tokens):
        piece = token["token"] if text.startswith(token["token"]) else ""
        text = text[len(piece) :]
        if place == len(tokens) - 1:
            piece += text
        yield CompletionChunk(piece, _logprob(token), alternatives=_alternatives(token))


def _logprob(token: dict[str, Any]) -> float:
    return min(float(token["logprob"]), 0.0)


def _alternatives(token: dict[str, Any]) -> Alternatives:
    """Those that are pieces of numbers, with their shares among each other; none where none were told."""
    others = [each for each in token.get("top_logprobs") or () if _DIGITS.fullmatch(each["token"])]
    if not others or not _DIGITS.fullmatch(token["token"]):
        return ()
    weights = {each["token"]: math.exp(_logprob(each)) for each in (token, *others)}
    total = math.fsum(weights.values())
    shares = ((text, weight / total) for text, weight in weights.items()) if total else ()
    return tuple((text, share) for text, share in shares if share >= _LEAST)


def _refusal(error: Any) -> Refusal:
    told = error if isinstance(error, dict) else {"message": error}
    status = told.get("code")
    return Refusal(status if isinstance(status, int) else 500, str(told.get("message") or ""))
