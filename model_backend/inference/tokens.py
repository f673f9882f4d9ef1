# SPDX-License-Identifier: GPL-2.0-or-later
"""Special tokens: kept out of what a user writes, and out of what the model may write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_SPECIAL = re.compile(r"<(?=\|)|(?<=\|)>|<(?=/?(?:image|think)>)")
HALVES = re.compile("[\ud800-\udfff]")
"""Of characters; alone they are no text, and no tokenizer reads them."""
_RESERVED = re.compile(r"<\|.*\|>|<image>")


def neutralise(text: str) -> str:
    """The text with every string broken up that the tokenizer would read as a special token.

    ``<|im_end|>`` or ``<image>`` typed by a user would otherwise end the turn or ask for an image
    that is not there. A space is put inside, so that the words stay readable. Halves of characters, of which
    JSON and QGIS may have some, are marked as unreadable.
    """
    whole = HALVES.sub("\N{REPLACEMENT CHARACTER}", text)
    return _SPECIAL.sub(lambda match: match.group() + " " if match.group() == "<" else " >", whole)


def neutralise_but(text: str, kept: Sequence[str]) -> str:
    """As ``neutralise``, but these special tokens stay."""
    marks = re.compile(f"({'|'.join(map(re.escape, kept))})")
    parts = marks.split(text)
    return "".join(part if place % 2 else neutralise(part) for place, part in enumerate(parts))


def reserved_ids(tokenizer: Any, keep: frozenset[int]) -> list[int]:
    """Ids of the special tokens that must not be written: all but those in ``keep``.

    An image marker in an answer stands for no image, and a second turn was not asked for.
    """
    added = tokenizer.added_tokens_decoder.items()
    special = (key for key, token in added if token.special or _RESERVED.fullmatch(token.content))
    return sorted(set(special) - keep)
