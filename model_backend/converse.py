# SPDX-License-Identifier: GPL-2.0-or-later
"""A conversation gone on with: what the model says next, told as events."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

from PIL.Image import Image

from .contract import Contract, Talk
from .errors import RequestError
from .inference.completion import Completion
from .inference.engine import Engine
from .inference.prompts import Prompt
from .inference.tool_calls import Prose, prose_of, read_calls
from .place import image_of
from .protocol import MessageType
from .request import ConverseRequest
from .run import Event
from .turn import Role, Turn

TASK = "talk"
"""Of a prompt that is a conversation; no contract has a task of this name."""


def converse(engine: Engine, request: ConverseRequest, is_cancelled: Callable[[], bool]) -> Iterator[Event]:
    """Yields a ``stage``, the prose as it is written, and the ``result``.

    The oldest exchanges that do not fit into what the model can read are left out; ``left_out`` in the
    result says how many turns. Images stay with the first turn that is left.

    Raises:
        RequestError: the model cannot converse, or not with so many images, or not with tools, or not even
            the last exchange fits.
        BackendError: whatever ends it; what was told stays valid.
    """
    talk = _checked(engine.contract, request)
    images = [image_of(chip) for chip in request.chips]
    prompt, left_out = _fitting(engine, request, talk, images)
    yield MessageType.STAGE, {"stage": "reading", "chip_id": "", "task": TASK, "target": None}
    completion, prose = Completion(), Prose()
    for chunk in engine.complete(prompt, images, is_cancelled):
        completion = completion.extended(chunk)
        piece = prose.push(chunk.text) + (prose.flush() if chunk.finish_reason else "")
        yield MessageType.TEXT, _text(piece, len(completion.tokens))
    reason = completion.finish_reason
    yield (
        MessageType.RESULT,
        {
            "written": completion.text,
            "said": prose_of(completion.text),
            "calls": [asdict(called) for called in read_calls(completion.text, request.tools)],
            "finish_reason": reason.value if reason else None,
            "left_out": left_out,
            "tokens": len(completion.tokens),
        },
    )


def _checked(contract: Contract, request: ConverseRequest) -> Talk:
    talk, count = contract.talk, len(request.chips)
    if talk is None:
        raise RequestError(f"{contract.title} answers single questions only")
    if count > talk.most_images:
        noun = "image" if talk.most_images == 1 else "images"
        words = f"{contract.title} looks at {talk.most_images} {noun} in a conversation, not at {count}"
        raise RequestError(words, images=count)
    if request.tools and not talk.tools:
        raise RequestError(f"{contract.title} was not trained to call tools")
    if request.max_new_tokens is not None and request.max_new_tokens < 1:
        raise RequestError("an answer needs at least one token", max_new_tokens=request.max_new_tokens)
    return talk


def _fitting(
    engine: Engine, request: ConverseRequest, talk: Talk, images: Sequence[Image]
) -> tuple[Prompt, int]:
    """The prompt with as many of the last exchanges as fit, and how many turns are left out."""
    begins = [place for place, turn in enumerate(request.turns) if turn.role is Role.USER]
    limit = talk.context_tokens

    def room(begin: int) -> int:
        prompt = _prompt(request, talk, request.turns[begin:])
        return limit - engine.prompt_tokens(prompt, images) - prompt.max_new_tokens

    first = 0 if room(begins[0]) >= 0 else bisect_left(begins, 0, lo=1, key=room)
    if first == len(begins):
        needed = limit - room(begins[-1])
        words = f"the question needs {needed} tokens, answer included; {limit} are possible"
        raise RequestError(words, needed=needed, limit=limit)
    return _prompt(request, talk, request.turns[begins[first] :]), begins[first]


def _prompt(request: ConverseRequest, talk: Talk, turns: tuple[Turn, ...]) -> Prompt:
    return Prompt(
        task=TASK,
        system=talk.system if request.system is None else request.system,
        text="",
        answer="text",
        max_new_tokens=request.max_new_tokens or talk.max_new_tokens,
        trained=False,
        turns=turns,
        tools=request.tools,
    )


def _text(piece: str, tokens: int) -> dict[str, object]:
    return {"chip_id": "", "target": None, "text": piece, "tokens": tokens, "boxes": 0}
