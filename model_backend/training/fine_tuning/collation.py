# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows to the tensors that the model is trained on, as the engine would feed the same prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ...errors import RowInvalid
from ...inference.picture import read_picture
from ...inference.tokens import neutralise
from ..corpus.row import Row

_NO_LABEL = -100
"""Label of a token that carries no loss."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a rendered row."""

    text: str
    learned: bool
    """Whether it is an answer: the assistant's words and the token that ends them."""


def check_row(row: Row) -> None:
    """Refuses a row that cannot be trained on, before the training has begun.

    Raises:
        RowInvalid: no answer, a picture that is not there or not the user's, a special token in a text.
    """
    if not any(message.role == "assistant" for message in row.messages):
        raise RowInvalid("no answer to learn")
    for message in row.messages:
        if message.images and message.role != "user":
            raise RowInvalid(f"an image in a {message.role} message")
        if neutralise(message.text) != message.text:
            raise RowInvalid(f"a special token's marker in the {message.role}'s text: {message.text[:80]!r}")
    for path in row.images:
        if not path.is_file():
            raise RowInvalid(f"there is no picture {path}")


class Collator:
    """Puts rows side by side; called by transformers' ``Trainer``."""

    def __init__(self, processor: Any) -> None:
        self._processor = processor

    def __call__(self, rows: Sequence[Row]) -> dict[str, Tensor]:
        """``input_ids``, ``attention_mask`` and ``labels`` (rows, tokens), padded on the right, and the
        pictures of all rows as the image processor gives them.

        Raises:
            RowInvalid: the template does not keep an answer as it is.
            RequestError: a picture cannot be read.
        """
        encoded = [self._encode(row) for row in rows]
        tokens = [torch.cat([part["input_ids"][0] for part, _learned in parts]) for parts in encoded]
        labels = [
            torch.cat([_labels(part["input_ids"][0], learned) for part, learned in parts])
            for parts in encoded
        ]
        pad = self._processor.tokenizer.pad_token_id
        return {
            "input_ids": pad_sequence(tokens, batch_first=True, padding_value=pad),
            "attention_mask": pad_sequence([torch.ones_like(row) for row in tokens], batch_first=True),
            "labels": pad_sequence(labels, batch_first=True, padding_value=_NO_LABEL),
            **_pixels([part for parts in encoded for part, _learned in parts]),
        }

    def pieces(self, row: Row) -> list[Piece]:
        """The row as the checkpoint's chat template renders it, cut around its answers.

        What follows the last answer is left out: nothing is learned from it.

        Raises:
            RowInvalid: the template does not keep an answer as it is.
        """
        turns = _turns(row)
        whole = self._render(turns)
        pieces: list[Piece] = []
        done = 0
        for index, turn in enumerate(turns):
            if turn["role"] != "assistant":
                continue
            context = self._render(turns[:index], add_generation_prompt=True)
            answer = turn["content"] + self._processor.tokenizer.eos_token
            if len(context) < done or not whole.startswith(context + answer):
                raise RowInvalid(f"the chat template changes an answer: {turn['content'][:80]!r}")
            pieces += [Piece(context[done:], learned=False), Piece(answer, learned=True)]
            done = len(context) + len(answer)
        return pieces

    def _render(self, turns: list[dict[str, Any]], **options: bool) -> str:
        return str(self._processor.apply_chat_template(turns, tokenize=False, **options))

    def _encode(self, row: Row) -> list[tuple[dict[str, Tensor], bool]]:
        """Each piece by itself: the engine, too, tokenises a prompt without its answer."""
        paths = iter(row.images)
        parts = []
        for piece in self.pieces(row):
            count = piece.text.count(self._processor.image_token)
            pictures = [read_picture(path, str(path)) for path in islice(paths, count)]
            inputs = self._processor(
                text=[piece.text],
                images=[pictures] if pictures else None,
                return_tensors="pt",
                do_image_splitting=False,
            )
            parts.append((inputs, piece.learned))
        return parts


def _turns(row: Row) -> list[dict[str, Any]]:
    """In the form in which the engine hands its messages to the template."""
    return [
        {
            "role": message.role,
            "content": [*({"type": "image"} for _ in message.images), {"type": "text", "text": message.text}]
            if message.role == "user"
            else message.text,
        }
        for message in row.messages
    ]


def _labels(tokens: Tensor, learned: bool) -> Tensor:
    return tokens if learned else torch.full_like(tokens, _NO_LABEL)


def _pixels(parts: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The views of all pictures, padded to the longest."""
    seen = [part for part in parts if "pixel_values" in part]
    if not seen:
        return {}
    padded = {
        name: pad_sequence([view for part in seen for view in part[name]], batch_first=True)
        for name in ("pixel_values", "pixel_attention_mask")
    }
    return {**padded, "spatial_shapes": torch.cat([part["spatial_shapes"] for part in seen])}
