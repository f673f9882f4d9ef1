# SPDX-License-Identifier: GPL-2.0-or-later
"""A checkpoint's tokenizer and chat template, without transformers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Template, TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import Node
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from ..errors import ModelInvalid, RequestError
from ..tool import ToolDefinition
from ..turn import Role, Turn
from .model_files import read_settings, reporting_broken_files
from .n2_eye import MODEL_TYPE
from .prompts import Prompt
from .tokens import neutralise, neutralise_but, reserved_ids
from .tool_calls import CALL_END, CALL_START

Message = dict[str, Any]
"""One turn as chat templates take it."""


@dataclass(frozen=True)
class Chat:
    """How a checkpoint's model is talked to: from prompts to token ids, and back to text."""

    tokenizer: Tokenizer
    template: Template
    named: dict[str, str]
    """The texts of the special tokens that the template may use, such as ``bos_token``."""
    image: str
    """The text that stands for a picture."""
    image_id: int
    around: tuple[int, int] | None
    """Ids before and after a picture's tokens; None where nothing stands there."""
    ends: frozenset[int]
    """Tokens that end an answer."""
    barred: tuple[int, ...]
    """Ids that are never written: an image in an answer is none, a second turn was not asked for."""
    marks: Mapping[int, str] = field(default_factory=dict)
    """Special tokens that are part of what is written, and their texts."""

    @classmethod
    def open(cls, folder: Path) -> Chat:
        """Reads a checkpoint's files.

        Raises:
            ModelInvalid: a file is broken, or there is no chat template.
        """
        with reporting_broken_files(folder, TemplateError):
            return _opened(folder)

    def text(self, prompt: Prompt, image_count: int) -> str:
        """The whole conversation up to where the answer starts, one image marker for each picture.

        Raises:
            RequestError: the prompt's text holds an image marker of its own, tools are not told, or the
                template does not take such turns.
        """
        messages = messages_of(prompt, [{"type": "image"}] * image_count)
        text = self.render(messages, prompt.tools)
        if image_count and self.image not in text:  # a template that knows texts only
            messages = messages_of(prompt, self.image * image_count)
            text = self.render(messages, prompt.tools)
        if text.count(self.image) != image_count:
            raise RequestError("the prompt's text holds an image marker of its own")
        if prompt.tools and text == self.render(messages):
            raise RequestError("the chat template of this model leaves tools out")
        return text

    def render(
        self, messages: Sequence[Message], tools: Sequence[ToolDefinition] = (), ends_open: bool = True
    ) -> str:
        """The text of messages; ``ends_open`` has it end where the model's next turn starts.

        Raises:
            RequestError: the template does not take such messages.
        """
        told = [tool.to_payload() for tool in tools] or None
        try:
            return self.template.render(
                messages=messages, tools=told, add_generation_prompt=ends_open, **self.named
            )
        except (TemplateError, TypeError, ValueError) as error:  # its own refusals are the first
            raise RequestError(f"the chat template of this model refuses: {error}") from error

    def for_calls(self) -> Chat:
        """The same, where calls of tools may be written, their marks with them."""
        ids = {mark: self.tokenizer.token_to_id(mark) for mark in (CALL_START, CALL_END)}
        marks = {token: mark for mark, token in ids.items() if token is not None}
        if len(marks) < len(ids):
            raise RequestError("the tokenizer of this model has no marks for calls of tools")
        barred = tuple(token for token in self.barred if token not in marks)
        return replace(self, barred=barred, marks=marks)

    def ids(self, text: str, image_tokens: Iterable[int] = ()) -> list[int]:
        """Token ids of a text; each of its image markers becomes as many image tokens as are given for it.

        Special tokens are cut out before the rest is tokenised: a text may be cut in two behind one of them.
        """
        counts = iter(image_tokens)
        ids: list[int] = []
        for token in self.tokenizer.encode(text, add_special_tokens=False).ids:
            ids += self._picture(next(counts)) if token == self.image_id else [token]
        return ids

    def decode(
        self, ids: Sequence[int], skip_special_tokens: bool = True, clean_up_tokenization_spaces: bool = False
    ) -> str:
        """The text of token ids."""
        if clean_up_tokenization_spaces:
            raise ValueError("spaces are part of what a model writes")
        runs = groupby(ids, key=lambda token: self.marks.get(token) if skip_special_tokens else None)
        return "".join(
            str(self.tokenizer.decode(list(run), skip_special_tokens=skip_special_tokens))
            if mark is None
            else mark * len(list(run))
            for mark, run in runs
        )

    def head(self, ids: Sequence[int]) -> int:
        """How many of the ids end with the last picture, at least one."""
        last = self.image_id if self.around is None else self.around[1]
        return len(ids) - ids[::-1].index(last) if last in ids else 1

    def _picture(self, tokens: int) -> list[int]:
        picture = [self.image_id] * tokens
        return picture if self.around is None else [self.around[0], *picture, self.around[1]]


def messages_of(prompt: Prompt, pictures: str | list[Message]) -> list[Message]:
    """What a chat template takes; pictures, as parts or as text, stand before the user's first words."""
    messages: list[Message] = [
        {"role": turn.role.value, "content": _content(turn)} for turn in prompt.turns
    ] or [{"role": Role.USER.value, "content": prompt.text}]
    words = messages[0]["content"]
    if isinstance(pictures, str):
        messages[0]["content"] = pictures + words
    elif pictures:
        messages[0]["content"] = [*pictures, {"type": "text", "text": words}]
    system = [] if prompt.system is None else [{"role": "system", "content": prompt.system}]
    return [*system, *messages]


def _content(turn: Turn) -> str:
    """What was said, with no special token in it but those around the model's own calls."""
    kept = (CALL_START, CALL_END) if turn.role is Role.ASSISTANT else ()
    return neutralise_but(turn.text, kept) if kept else neutralise(turn.text)


def _opened(folder: Path) -> Chat:
    config, settings = read_settings(folder / "config.json"), read_settings(folder / "tokenizer_config.json")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    named = {
        name: _text(value) for name, value in settings.items() if name.endswith("_token") and _text(value)
    }
    image = named.get("image_token", "<image>")
    ends = _ends(folder, config, tokenizer.token_to_id(named.get("eos_token", "")))
    return Chat(
        tokenizer=tokenizer,
        template=_environment().from_string(_template(folder, settings)),
        named=named,
        image=image,
        image_id=_id(tokenizer, image),
        around=None if config.get("model_type") == MODEL_TYPE else _around(tokenizer, named),
        ends=ends,
        barred=tuple(reserved_ids(_WithAdded(tokenizer), ends)),
    )


def _around(tokenizer: Tokenizer, named: dict[str, str]) -> tuple[int, int]:
    start = named.get("image_start_token", "<|image_start|>")
    return _id(tokenizer, start), _id(tokenizer, named.get("image_end_token", "<|image_end|>"))


@dataclass(frozen=True)
class _WithAdded:
    """A tokenizer as transformers would show it to ``reserved_ids``."""

    tokenizer: Tokenizer

    @property
    def added_tokens_decoder(self) -> dict[int, Any]:
        return dict(self.tokenizer.get_added_tokens_decoder())


def _ends(folder: Path, config: dict[str, Any], named: int | None) -> frozenset[int]:
    """As the settings for generation say; a list of them counts alone."""
    file = folder / "generation_config.json"
    settings = read_settings(file) if file.is_file() else config.get("text_config", {})
    written = settings.get("eos_token_id")
    ends = written if isinstance(written, list) else [written, named]
    return frozenset(end for end in ends if end is not None)


def _template(folder: Path, settings: dict[str, Any]) -> str:
    file = folder / "chat_template.jinja"
    template = file.read_text(encoding="utf-8") if file.is_file() else settings.get("chat_template")
    if not isinstance(template, str) or not template:
        raise ModelInvalid(f"{folder.name} has no chat template", folder=str(folder))
    return template


class _Generation(Extension):
    """The tag that templates have around what a model says: only training asks for that."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[Node]:
        """What stands inside of the tag."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> ImmutableSandboxedEnvironment:
    """As transformers has it: a template comes with the weights and is not trusted."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _Generation]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = _now
    return environment


def _tojson(value: Any, **options: Any) -> str:
    return json.dumps(value, **{"ensure_ascii": False, **options})


def _raise(message: str) -> None:
    raise TemplateError(message)


def _now(form: str) -> str:
    return datetime.now().strftime(form)


def _id(tokenizer: Tokenizer, text: str) -> int:
    index = tokenizer.token_to_id(text)
    if index is None:
        raise ValueError(f"the tokenizer has no {text}")
    return int(index)


def _text(value: Any) -> str:
    """A special token is written as its text, or as a dictionary with it."""
    return str(value.get("content", "")) if isinstance(value, dict) else str(value or "")
