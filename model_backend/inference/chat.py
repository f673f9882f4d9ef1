# SPDX-License-Identifier: GPL-2.0-or-later
"""A checkpoint's tokenizer and chat template, without transformers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Template, TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from ..errors import ModelInvalid, RequestError
from .prompts import Prompt
from .tokens import reserved_ids


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
    around: tuple[int, int]
    """Ids before and after a picture's tokens."""
    ends: frozenset[int]
    """Tokens that end an answer."""
    barred: tuple[int, ...]
    """Ids that are never written: an image in an answer is none, a second turn was not asked for."""

    @classmethod
    def open(cls, folder: Path) -> Chat:
        """Reads a checkpoint's files.

        Raises:
            ModelInvalid: a file is broken, or there is no chat template.
        """
        try:
            return _opened(folder)
        except (OSError, ValueError, TypeError, KeyError, TemplateError) as error:
            raise ModelInvalid(f"{folder.name} cannot be read: {error}", folder=str(folder)) from error

    def text(self, prompt: Prompt, image_count: int) -> str:
        """The whole conversation up to where the answer starts, one image marker for each picture.

        Raises:
            RequestError: the prompt's text holds an image marker of its own.
        """
        content = [{"type": "image"}] * image_count + [{"type": "text", "text": prompt.text}]
        system = [] if prompt.system is None else [{"role": "system", "content": prompt.system}]
        messages = [*system, {"role": "user", "content": content}]
        text = self.template.render(messages=messages, add_generation_prompt=True, **self.named)
        if text.count(self.image) != image_count:
            raise RequestError("the prompt's text holds an image marker of its own")
        return text

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
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=skip_special_tokens))

    def _picture(self, tokens: int) -> list[int]:
        before, after = self.around
        return [before, *[self.image_id] * tokens, after]


def _opened(folder: Path) -> Chat:
    config, settings = _json(folder / "config.json"), _json(folder / "tokenizer_config.json")
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
        around=(
            _id(tokenizer, named.get("image_start_token", "<|image_start|>")),
            _id(tokenizer, named.get("image_end_token", "<|image_end|>")),
        ),
        ends=ends,
        barred=tuple(reserved_ids(_WithAdded(tokenizer), ends)),
    )


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
    settings = _json(file) if file.is_file() else config.get("text_config", {})
    written = settings.get("eos_token_id")
    ends = written if isinstance(written, list) else [written, named]
    return frozenset(end for end in ends if end is not None)


def _template(folder: Path, settings: dict[str, Any]) -> str:
    file = folder / "chat_template.jinja"
    template = file.read_text(encoding="utf-8") if file.is_file() else settings.get("chat_template")
    if not isinstance(template, str) or not template:
        raise ModelInvalid(f"{folder.name} has no chat template", folder=str(folder))
    return template


def _environment() -> ImmutableSandboxedEnvironment:
    """As transformers has it: a template comes with the weights and is not trusted."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
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


def _json(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8")))
