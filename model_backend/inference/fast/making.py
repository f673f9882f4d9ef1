# SPDX-License-Identifier: GPL-2.0-or-later
"""From a checkpoint to the graphs of one mode."""

from __future__ import annotations

from pathlib import Path

from .head_graph import write_head_graph, write_part_graph
from .language_graph import write_language_graph
from .modes import Mode
from .parts import parts_of
from .session import HEAD, LANGUAGE, PART, VISION


def make_graphs(folder: Path, mode: Mode, place: Path) -> None:
    """Writes a checkpoint's graphs into a folder; takes seconds, and memory for one layer at a time.

    Raises:
        ModelInvalid: tensors are missing, unknown or of another shape.
    """
    parts = parts_of(folder)
    weights, language = parts.weights, parts.language
    _ = parts.words  # read from the checkpoint itself
    parts.eyes.write_graph(place / VISION, language.hidden, mode.vision)
    write_language_graph(place / LANGUAGE, weights, language, mode.body)
    write_head_graph(place / HEAD, parts.head.floats(), mode.head)
    write_part_graph(place / PART, language.hidden, mode.head)
    weights.check_all_used()
