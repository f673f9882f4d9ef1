# SPDX-License-Identifier: GPL-2.0-or-later
"""Colours of text that stay readable in every theme."""

from __future__ import annotations

from qgis.PyQt.QtGui import QColor

LEAST_CONTRAST = 4.5
"""Of text and what lies behind it (WCAG 2.1, 1.4.3)."""
STEPS = 10


def contrast(one: QColor, other: QColor) -> float:
    """1 for equal colours to 21 for black and white (WCAG 2.1, relative luminance)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def mixed(one: QColor, other: QColor, share: float) -> QColor:
    """Between the two; ``share`` is that of the other, 0..1."""
    levels = (round((1 - share) * a + share * b) for a, b in zip(one.getRgb()[:3], other.getRgb()[:3]))
    return QColor(*levels)


def readable(colour: QColor, text: QColor, behind: QColor) -> QColor:
    """The colour, or as little of the text's own mixed into it as makes it readable."""
    mixes = (mixed(colour, text, step / STEPS) for step in range(STEPS + 1))
    return next((mix for mix in mixes if contrast(mix, behind) >= LEAST_CONTRAST), text)


def _luminance(colour: QColor) -> float:
    red, green, blue = (_linear(level / 255) for level in colour.getRgb()[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(level: float) -> float:
    """Light of an sRGB level."""
    return level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4
