# SPDX-License-Identifier: GPL-2.0-or-later
"""The pictures on buttons, loaded by path."""

from __future__ import annotations

from ..model_backend.contract import RESOURCES


def icon_path() -> str:
    """The plugin's icon."""
    return str(RESOURCES / "icon.svg")
