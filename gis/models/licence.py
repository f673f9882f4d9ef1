# SPDX-License-Identifier: GPL-2.0-or-later
"""What the files of a model say of their licence."""

from __future__ import annotations

import re
from pathlib import Path

_IN_CARD = re.compile(r"^license(?:_name)?:\s*(\S.*?)\s*$", re.MULTILINE)
"""A line in the front matter of a model card as the hub has them."""
_MOST_READ = 16_000
_MOST_SHOWN = 100
"""Characters."""


def told_licence(folder: Path) -> str:
    """The licence that a folder's model card names, else its licence file begins with; or nothing."""
    card = _read(folder / "README.md")
    if card.startswith("---"):
        named = _IN_CARD.findall(card[3:].partition("\n---")[0])
        if named:
            return ", ".join(dict.fromkeys(named))[:_MOST_SHOWN]
    for path in sorted(folder.glob("LICEN[CS]E*")):
        lines = [line.strip() for line in _read(path).splitlines()]
        if any(lines):
            return next(filter(None, lines))[:_MOST_SHOWN]
    return ""


def _read(path: Path) -> str:
    """The beginning of a text; empty where there is none."""
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(_MOST_READ)
    except OSError:
        return ""
