# SPDX-License-Identifier: GPL-2.0-or-later
"""Sizes on the ground in the unit that suits them."""

from __future__ import annotations

from .words import tr


def sides_words(width_m: float, height_m: float) -> str:
    """Width by height, metres or kilometres."""
    if max(width_m, height_m) < 1000:
        return tr("{width:.0f} x {height:.0f} m").format(width=width_m, height=height_m)
    return tr("{width:.1f} x {height:.1f} km").format(width=width_m / 1000, height=height_m / 1000)
