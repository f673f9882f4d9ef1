# SPDX-License-Identifier: GPL-2.0-or-later
"""A prompt as the messages of a chat completion: what was said, calls of tools apart from the prose."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from ...tool import ToolDefinition
from ...turn import Role, Turn
from ..prompts import Prompt
from ..tokens import neutralise
from ..tool_calls import Called, prose_of, read_calls

Message = dict[str, Any]
_NAME = re.compile("[A-Za-z0-9_-]{1,64}")
"""Of a function; servers refuse a whole conversation that has another one in it."""
_LETTERS_A_TOKEN = 3
_TOKENS_A_PICTURE = 256


def messages_of(prompt: Prompt, pictures: Sequence[str]) -> list[Message]:
    """The messages of a prompt; pictures, as URLs, stand before the user's first words."""
    system = [] if prompt.system is None else [{"role": "system", "content": prompt.system}]
    first, *others = _told(prompt) or [{"role": "user", "content": prompt.text}]
    content: list[Message] = [{"type": "image_url", "image_url": {"url": url}} for url in pictures]
    content.append({"type": "text", "text": first["content"]})
    return [*system, {**first, "content": content}, *others]


def functions_of(tools: Sequence[ToolDefinition]) -> list[Message]:
    """The tools of a prompt."""
    return [{"type": "function", "function": tool.to_payload()} for tool in tools]


def estimated_tokens(prompt: Prompt, picture_count: int) -> int:
    """About how many tokens a prompt has, rather too many: a server does not tell."""
    letters = len(json.dumps([messages_of(prompt, ()), functions_of(prompt.tools)], ensure_ascii=False))
    return letters // _LETTERS_A_TOKEN + picture_count * _TOKENS_A_PICTURE


def _told(prompt: Prompt) -> list[Message]:
    messages: list[Message] = []
    place, turns = 0, prompt.turns
    while place < len(turns):
        turn = turns[place]
        begin = place + (turn.role is not Role.TOOL)
        results = list(takewhile(lambda each: each.role is Role.TOOL, turns[begin:]))
        if turn.role is Role.USER:
            messages.append({"role": "user", "content": neutralise(turn.text)})
        if turn.role is Role.ASSISTANT or results:
            said = turn.text if turn.role is Role.ASSISTANT else ""
            messages += _spoken(said, results, prompt.tools, f"call_{place}")
        place = begin + len(results)
    return messages


def _spoken(said: str, results: Sequence[Turn], tools: Sequence[ToolDefinition], name: str) -> list[Message]:
    """What the model said, and what it was told of its calls: servers take no call without a result."""
    calls = read_calls(said, tools)[: len(results)]
    calls += [Called("")] * (len(results) - len(calls))
    names = [f"{name}_{place}" for place in range(len(results))]
    message: Message = {"role": "assistant", "content": neutralise(prose_of(said))}
    if calls:
        message["tool_calls"] = [_call(*each) for each in zip(names, calls, strict=True)]
    answers = [
        {"role": "tool", "tool_call_id": each, "content": neutralise(result.text)}
        for each, result in zip(names, results, strict=True)
    ]
    return [message, *answers]


def _call(name: str, called: Called) -> Message:
    arguments = neutralise(json.dumps(called.arguments, ensure_ascii=False))
    written = called.name if _NAME.fullmatch(called.name) else "unreadable"
    function = {"name": written, "arguments": arguments}
    return {"id": name, "type": "function", "function": function}
