# SPDX-License-Identifier: GPL-2.0-or-later
"""In how many bits the parts of a model may be kept."""

from __future__ import annotations

from dataclasses import dataclass

from .linear import Kind


@dataclass(frozen=True)
class Mode:
    """The linear layers' kinds."""

    vision: Kind
    looking: Kind | None
    """Of the language model while it reads what holds pictures, where it has weights of its own for that."""
    body: Kind
    """Of the language model while it reads words and writes."""
    head: Kind
    """Of its last layer, which says what comes next."""


MODES = {
    "float32": Mode("float32", None, "float32", "float32"),
    "q8": Mode("int8", None, "int8", "int8"),
    # the head decides between digits that are nearly as good: it needs eight bits more than the rest does
    "q4": Mode("int8", "int8", "int4", "int8"),
}
"""``float32`` gives the tokens of the exact engine. ``q8`` is close to it, and a row among others gives the
same numbers as alone, to the bit. ``q4`` is the fastest; there such a row may choose another token where two
are nearly as likely."""
