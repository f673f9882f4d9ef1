# SPDX-License-Identifier: GPL-2.0-or-later
"""lspace-mini: the recipe of the small embedded model."""

from .recipe import add_arguments, main

__all__ = ["add_arguments", "main"]
