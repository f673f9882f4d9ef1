# SPDX-License-Identifier: GPL-2.0-or-later
"""Token ids to text, piece by piece."""

from __future__ import annotations

from typing import Any

_INCOMPLETE = "\N{REPLACEMENT CHARACTER}"


class Detokeniser:
    """Turns a growing list of tokens into text without ever splitting a character.

    A byte-level token may hold part of a character; such tokens wait until the rest has arrived. The
    pieces add up to what the tokenizer makes of all tokens at once, without special tokens.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._waiting: list[int] = []

    def push(self, token: int) -> str:
        """The text that is complete now; empty while a character is not."""
        self._waiting.append(token)
        text = self._text()
        if text.endswith(_INCOMPLETE):
            return ""
        self._waiting.clear()
        return text

    def flush(self) -> str:
        """What is left, an unfinished character as U+FFFD."""
        text = self._text()
        self._waiting.clear()
        return text

    def _text(self) -> str:
        return str(
            self._tokenizer.decode(
                self._waiting, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )
