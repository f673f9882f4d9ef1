# SPDX-License-Identifier: GPL-2.0-or-later
"""From a checkpoint to the graphs of one mode."""

from __future__ import annotations

import json
from pathlib import Path

from .language_graph import EMBEDDING, write_language_graph
from .modes import Mode
from .shape import language_shape, vision_shape
from .vision_graph import POSITIONS, write_vision_graph
from .weights import Weights

VISION, LANGUAGE = "vision.onnx", "language.onnx"


def make_graphs(folder: Path, mode: Mode, place: Path) -> None:
    """Writes a checkpoint's graphs into a folder; takes seconds, and memory for one layer at a time.

    Raises:
        ModelInvalid: tensors are missing, unknown or of another shape.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    weights, language, vision = Weights(folder), language_shape(config), vision_shape(config)
    # these two are read from the checkpoint itself
    weights.stored(POSITIONS, vision.side**2, vision.hidden)
    weights.stored(EMBEDDING, language.vocabulary, language.hidden)
    write_vision_graph(place / VISION, weights, vision, language.hidden, mode.vision)
    write_language_graph(place / LANGUAGE, weights, language, mode.body, mode.head)
    weights.check_all_used()
