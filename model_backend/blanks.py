# SPDX-License-Identifier: GPL-2.0-or-later
"""The blanks in the wording of a prompt, and what they are filled with."""

from __future__ import annotations

import re
from collections.abc import Sequence

TARGET_BLANK, QUESTION_BLANK = "{target}", "{question}"
"""Where a prompt takes what is looked for, and the user's own question."""
UNKNOWN_DATE = "an unknown date"
"""What a prompt says in place of a date that nobody knows."""
_BLANKS = re.compile(r"\{(target|question|date_t0|date_t1)\}")


def fill_blanks(
    wording: str, target: str | None, dates: Sequence[str | None] = (), *, question: str = ""
) -> str:
    """The wording with its blanks filled; a blank for which there is nothing stays.

    Args:
        dates: of the images, the earlier first; ISO, or None where unknown.
    """
    # in one go, so that braces in the user's words stay words; not str.format: prompts hold JSON's braces
    first, last = (dates[0], dates[-1]) if dates else (None, None)
    fillings = {
        "target": target,
        "question": question,
        "date_t0": first or UNKNOWN_DATE,
        "date_t1": last or UNKNOWN_DATE,
    }
    return _BLANKS.sub(lambda blank: fillings[blank[1]] or blank[0], wording)
