# SPDX-License-Identifier: GPL-2.0-or-later
"""The smallest pieces of a written answer: brackets, separators, strings, words, numbers.

A model's JSON is often broken, so nothing here insists on balance: a quote that does not close before
the next bracket is taken for a slip and passed over, and every other character is skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

TRIM_MARK = "[trimmed]"
"""Where long training answers were cut; whatever follows is not part of the answer."""


class Kind(Enum):
    """What a lexeme is."""

    OPEN = auto()
    CLOSE = auto()
    ASSIGN = auto()
    """``:`` or ``=``."""
    SEPARATE = auto()
    """``,`` or ``;``."""
    STRING = auto()
    WORD = auto()
    NUMBER = auto()
    """Anything that begins like a number; it may still not be one."""
    TRIM = auto()


class Lexeme(NamedTuple):
    """One piece and its place, in characters; ``text`` and place leave a string's quotes out."""

    kind: Kind
    text: str
    start: int
    end: int
    quote: str = ""


_PIECE = re.compile(
    r"""(?P<TRIM>\[trimmed\])
    | (?P<OPEN>[\[({])
    | (?P<CLOSE>[\])}])
    | (?P<ASSIGN>[:=])
    | (?P<SEPARATE>[,;])
    | (?P<quote>"|(?<!\w)')                # after a letter it is an apostrophe
    | (?P<NUMBER>[-+]?\.?\d[\w.+%-]*)
    | (?P<WORD>[^\W\d]\w*)
    """,
    re.VERBOSE,
)
_KINDS = Kind.__members__
# A string never crosses a bracket or a line: one lost quote must not swallow the boxes after it.
_STRING_BODY = {quote: re.compile(rf"[^{quote}\[\]{{}}\n]*") for quote in "\"'"}
_WORD_CHARACTER = re.compile(r"\w")


def lexemes(text: str, complete: bool) -> Iterator[Lexeme]:
    """The pieces of a text in order, in time linear in its length.

    With ``complete`` false the text may go on: a last piece that more text could change is held back,
    so the pieces of a text begin with the pieces of each of its beginnings.
    """
    position = 0
    while match := _PIECE.search(text, position):
        if match.lastgroup == "quote":
            lexeme = _string(text, match.end(), match.group())
            if lexeme is None:
                position = match.end()
                continue
            if lexeme.end == len(text) and not complete:
                return
            position = min(lexeme.end + 1, len(text))
        else:
            lexeme = Lexeme(_KINDS[match.lastgroup or ""], match.group(), match.start(), match.end())
            if not complete and _may_change(lexeme, text):
                return
            position = lexeme.end
        yield lexeme
        if lexeme.kind is Kind.TRIM:
            return


def _may_change(lexeme: Lexeme, text: str) -> bool:
    if lexeme.kind in (Kind.WORD, Kind.NUMBER):
        return lexeme.end == len(text)
    return lexeme.text == "[" and TRIM_MARK.startswith(text[lexeme.start : lexeme.start + len(TRIM_MARK)])


def _string(text: str, start: int, quote: str) -> Lexeme | None:
    """The string that begins at ``start``, up to the end of the text if it is open there; None for a slip.

    A string without a letter or digit is what stands between two strings after a lost quote.
    """
    match = _STRING_BODY[quote].match(text, start)
    end = match.end() if match else start
    body = text[start:end]
    is_open = end == len(text)
    if not is_open and (text[end] != quote or (body and not _WORD_CHARACTER.search(body))):
        return None
    return Lexeme(Kind.STRING, body, start, end, quote)
