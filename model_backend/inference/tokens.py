# SPDX-License-Identifier: GPL-2.0-or-later
"""Special tokens: kept out of what a user writes."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"<(?=\|)|(?<=\|)>|<(?=/?(?:image|think)>)")


def neutralise(text: str) -> str:
    """The text with every string broken up that the tokenizer would read as a special token.

    ``<|im_end|>`` or ``<image>`` typed by a user would otherwise end the turn or ask for an image
    that is not there. A space is put inside, so that the words stay readable.
    """
    return _SPECIAL.sub(lambda match: match.group() + " " if match.group() == "<" else " >", text)
