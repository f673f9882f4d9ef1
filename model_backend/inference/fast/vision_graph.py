# SPDX-License-Identifier: GPL-2.0-or-later
"""The vision tower and the projector as a graph: a picture's patches to vectors of the language model."""

from __future__ import annotations

from pathlib import Path

from .encoder_graph import EncoderGraph
from .graph import MICROSOFT
from .linear import linear
from .modes import Kind
from .shape import VisionShape
from .weights import TOWER, Weights

PROJECTOR = "model.multi_modal_projector."


def write_vision_graph(file: Path, weights: Weights, shape: VisionShape, words: int, kind: Kind) -> None:
    """Writes the graph.

    Inputs: ``pixels`` (1, patches, numbers a patch) and ``positions`` (1, patches, hidden), where the patches
    that become one vector follow each other. Output: ``vectors`` (vectors, ``words``).
    """
    _VisionGraph(file, weights, shape, words, kind).write()


class _VisionGraph(EncoderGraph):
    def __init__(self, file: Path, weights: Weights, shape: VisionShape, words: int, kind: Kind) -> None:
        super().__init__(file, weights, shape, kind)
        self._shape = shape
        self._words = words

    def write(self) -> None:
        graph, shape = self.graph, self._shape
        pixels = graph.input("pixels", [1, "patches", shape.patch])
        positions = graph.input("positions", [1, "patches", shape.hidden])
        embedding = TOWER + "embeddings.patch_embedding."
        # what little the first layer costs in float32 keeps every grey level apart
        seen = linear(graph, pixels, *self.layer(embedding, shape.hidden, shape.patch, "float32"))
        x = graph.node("Add", [seen, positions])
        for layer in range(shape.layers):
            x = self.encode(x, f"{TOWER}encoder.layers.{layer}.")
        self._project(self.norm(x, TOWER + "post_layernorm.", shape.hidden))
        graph.save()

    def _project(self, x: str) -> None:
        graph, shape = self.graph, self._shape
        wide = shape.hidden * shape.factor**2
        x = graph.node("Reshape", [x, graph.integers(-1, wide)])
        if shape.projector_norm:
            x = self.norm(x, PROJECTOR + "layer_norm.", wide, 1e-5)
        x = self.linear(x, PROJECTOR + "linear_1.", shape.projected, wide, shape.projector_bias)
        x = graph.node("Gelu", [x], MICROSOFT)
        x = self.linear(x, PROJECTOR + "linear_2.", self._words, shape.projected, shape.projector_bias)
        graph.nodes("Identity", [x], [graph.output("vectors", ["vectors", self._words])])
