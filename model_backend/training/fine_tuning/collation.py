# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows to the tensors that the model is trained on, as the engine would feed the same prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ...errors import RowInvalid
from ...inference.chat import Chat
from ...inference.patches import Cutter, Patches
from ...inference.picture import read_picture
from ...inference.prompts import Prompt
from ...inference.tokens import neutralise, neutralise_but
from ...inference.tool_calls import CALL_END, CALL_START
from ...turn import Role, Turn
from ..corpus.conversation import check_turns
from ..corpus.row import Message, Row
from .architecture import Architecture

_NO_LABEL = -100
"""Label of a token that carries no loss."""
_PADDING = 0
"""Behind all that is read, so that any token would do."""
_NEXT = Turn(Role.USER, "And now?")
"""A question that might follow: what was said before it is read once more."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a rendered row."""

    text: str
    learned: bool
    """Whether it is an answer: the assistant's words and the token that ends them."""


def check_row(row: Row) -> None:
    """Refuses a row that cannot be trained on, before the training has begun.

    Raises:
        RowInvalid: no answer, turns out of order, a call that makes no sense, a picture that is not there or
            not the user's, a special token in a text.
    """
    if not any(message.role == "assistant" for message in row.messages):
        raise RowInvalid("no answer to learn")
    check_turns(row)
    for message in row.messages:
        if message.images and message.role != "user":
            raise RowInvalid(f"an image in a {message.role} message")
        if _without_marks(message) != message.text:
            raise RowInvalid(f"a special token's marker in the {message.role}'s text: {message.text[:80]!r}")
    for path in row.images:
        if not path.is_file():
            raise RowInvalid(f"there is no picture {path}")


@dataclass(frozen=True)
class _Encoded:
    """A row as the model reads it."""

    tokens: list[int]
    labels: list[int]
    pictures: list[Patches]


class Collator:
    """Puts rows side by side; called by transformers' ``Trainer``.

    Args:
        cutter: of the checkpoint's pictures, as the engine has it.
    """

    def __init__(self, chat: Chat, cutter: Cutter, architecture: Architecture) -> None:
        self._chat = chat
        self._cutter = cutter
        self._architecture = architecture

    def __call__(self, rows: Sequence[Row]) -> dict[str, Tensor]:
        """``input_ids``, ``attention_mask`` and ``labels`` (rows, tokens), padded on the right, and the
        pictures of all rows as the model takes them.

        Raises:
            RowInvalid: the template does not keep an answer as it is.
            RequestError: a picture cannot be read.
        """
        encoded = [self._encode(row) for row in rows]
        tokens = [torch.tensor(each.tokens) for each in encoded]
        labels = [torch.tensor(each.labels) for each in encoded]
        pictures = [picture for each in encoded for picture in each.pictures]
        return {
            "input_ids": pad_sequence(tokens, batch_first=True, padding_value=_PADDING),
            "attention_mask": pad_sequence([torch.ones_like(row) for row in tokens], batch_first=True),
            "labels": pad_sequence(labels, batch_first=True, padding_value=_NO_LABEL),
            **(self._architecture.join(pictures) if pictures else {}),
        }

    def pieces(self, row: Row) -> list[Piece]:
        """The row as the engine hands it to the model, cut around its answers.

        What follows the last answer is left out: nothing is learned from it.

        Raises:
            RowInvalid: the template does not keep an answer as it is.
            RequestError: it leaves the row's tools out.
        """
        turns = tuple(Turn(Role(each.role), each.text) for each in row.messages if each.role != "system")
        whole = self._context(row, (*turns, _NEXT))
        pieces: list[Piece] = []
        done = 0
        for index, turn in enumerate(turns):
            if turn.role is not Role.ASSISTANT:
                continue
            context = self._context(row, turns[:index])
            answer = turn.text + self._chat.named["eos_token"]
            if len(context) < done or not whole.startswith(context + answer):
                raise RowInvalid(f"the chat template changes an answer: {turn.text[:80]!r}")
            pieces += [Piece(context[done:], learned=False), Piece(answer, learned=True)]
            done = len(context) + len(answer)
        return pieces

    def _context(self, row: Row, turns: tuple[Turn, ...]) -> str:
        """What the model reads before it says something."""
        prompt = Prompt("", row.system, "", "text", 1, trained=True, turns=turns, tools=row.tools)
        return self._chat.text(prompt, len(row.images))

    def _encode(self, row: Row) -> _Encoded:
        """Each piece by itself: the engine, too, tokenises a prompt without its answer."""
        pictures = [self._cutter.cut(read_picture(path, str(path))) for path in row.images]
        counts = iter([picture.tokens for picture in pictures])
        tokens: list[int] = []
        labels: list[int] = []
        for piece in self.pieces(row):
            ids = self._chat.ids(piece.text, counts)
            tokens += ids
            labels += ids if piece.learned else [_NO_LABEL] * len(ids)
        return _Encoded(tokens, labels, pictures)


def _without_marks(message: Message) -> str:
    """The text without special tokens, but for those around the assistant's calls."""
    if message.role == "assistant":
        return neutralise_but(message.text, (CALL_START, CALL_END))
    return neutralise(message.text)
