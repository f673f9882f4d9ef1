# SPDX-License-Identifier: GPL-2.0-or-later
"""A prompt and its pictures as a server is asked: the body of a request for a chat completion."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from PIL.Image import Image

from ...contract import Contract
from ..engine import Question
from ..form import known_labels
from ..prompts import Prompt
from .messages import functions_of, messages_of

Body = dict[str, Any]
_EXTRAS = ("response_format", "logprobs")
"""What not every server takes, the dearest to lose last: without it there is an answer all the same."""
_MOST_ALTERNATIVES = 20
"""That a server tells of a token's place."""


def bodies_of(model: str, contract: Contract, questions: Sequence[Question]) -> list[Body]:
    """The bodies of several questions; a picture that they share is written once."""
    written: dict[int, str] = {}
    for _prompt, images in questions:
        for image in images:
            written.setdefault(id(image), _data_url(image))
    return [
        _body(model, contract, prompt, [written[id(image)] for image in images])
        for prompt, images in questions
    ]


def plainer(body: Body) -> Iterator[tuple[frozenset[str], Body]]:
    """The body and ever plainer ones, each with what was left out of it."""
    extras = [name for name in _EXTRAS if name in body]
    for count in range(len(extras) + 1):
        for names in combinations(extras, count):
            yield frozenset(names), without(body, names)


def without(body: Body, names: Sequence[str] | frozenset[str]) -> Body:
    """The body without some of its extras."""
    left_out = {*names, "top_logprobs"} if "logprobs" in names else set(names)
    return {name: value for name, value in body.items() if name not in left_out}


def _body(model: str, contract: Contract, prompt: Prompt, pictures: Sequence[str]) -> Body:
    body: Body = {
        "model": model,
        "messages": messages_of(prompt, pictures),
        "temperature": 0,
        "max_tokens": prompt.max_new_tokens,
        "stream": True,
        "logprobs": True,
    }
    if prompt.tools:
        body["tools"] = functions_of(prompt.tools)
    if prompt.answer == "boxes":
        body["top_logprobs"] = _MOST_ALTERNATIVES
    if prompt.keep_form:
        schema = {"name": "boxes", "strict": True, "schema": box_list_schema(prompt, contract)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def box_list_schema(prompt: Prompt, contract: Contract) -> Body:
    """The trained form of a list of boxes, as far as servers can keep it.

    Limits to the coordinates are left out, since servers refuse them: what is outside is mended as always.
    """
    labels = known_labels(prompt, contract)
    label: Body = {"type": "string", "enum": list(labels)} if labels else {"type": "string"}
    box = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}
    properties = {"label": label, "bbox": box}
    item = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "array", "items": item}


def _data_url(image: Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG")
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode('ascii')}"
