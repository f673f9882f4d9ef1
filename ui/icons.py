# SPDX-License-Identifier: GPL-2.0-or-later
"""The pictures on buttons, loaded by path."""

from __future__ import annotations

from pathlib import Path

_RESOURCES = Path(__file__).resolve().parent.parent / "resources"


def icon_path(name: str = "icon") -> str:
    """A picture by its name; by default the plugin's icon."""
    return str(_RESOURCES / f"{name}.svg")
