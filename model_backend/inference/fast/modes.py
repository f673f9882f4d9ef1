# SPDX-License-Identifier: GPL-2.0-or-later
"""In how many bits the parts of a model may be kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["float32", "int8", "int4"]
"""``int8``: a scale for each output's weights, and one for each row of the input. ``int4``: one for every
64 weights, and for every 64 numbers of the input, which is int8. In neither does a row change another's
result."""


@dataclass(frozen=True)
class Mode:
    """The linear layers' kinds."""

    vision: Kind
    body: Kind
    """Of the language model."""
    head: Kind
    """Of the language model's last layer, which says what comes next."""


MODES = {
    "float32": Mode("float32", "float32", "float32"),
    "q8": Mode("int8", "int8", "int8"),
    # the head decides between digits that are nearly as good: it needs eight bits more than the rest does
    "q4": Mode("int8", "int4", "int8"),
}
"""``float32`` gives the tokens of the exact engine. ``q8`` is close to it, and a row among others gives the
same numbers as alone, to the bit; a token among others of its row may round another way than alone. ``q4``
writes prose fastest and takes least memory, but reads more slowly; there a row among others, too, may choose
another token where two are nearly as likely. It reads pictures in four bits as well: a second set of
weights, in eight, would bring the first token a fifth sooner, for half the memory more."""
