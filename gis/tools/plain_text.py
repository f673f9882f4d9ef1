# SPDX-License-Identifier: GPL-2.0-or-later
"""Names and values of the project as data for a model: one line, cut, without control characters."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

from qgis.PyQt.QtCore import QDate, QDateTime, Qt, QTime, QVariant

LONGEST = 80
"""Characters of a name or a value."""


def plain_text(text: str, most: int = LONGEST) -> str:
    """The text on one line, invisible characters (controls, marks of direction) left out, cut to a length."""
    shown = "".join(" " if _is_hidden(letter) else letter for letter in text[: 4 * most])
    line = " ".join(shown.split())
    return line if len(line) <= most else f"{line[: most - 3]}..."


def plain_value(value: Any) -> Any:
    """An attribute as JSON holds it; None for QGIS's NULL and for what is no number."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return significant(value)
    if isinstance(value, (QDate, QDateTime, QTime)):
        return value.toString(Qt.DateFormat.ISODate)
    return None if isinstance(value, QVariant) else plain_text(str(value))


def significant(number: float, digits: int = 10) -> float | None:
    """The number to so many digits; None where it is not finite."""
    return float(f"{number:.{digits}g}") if math.isfinite(number) else None


def _is_hidden(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
