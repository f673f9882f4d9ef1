# SPDX-License-Identifier: GPL-2.0-or-later
"""CLIP and the projection of N2-Eye as a graph: patches of a picture to vectors of the language model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..n2_eye import ALL, PATCHES, POOLED
from .encoder_graph import EncoderGraph
from .graph import MICROSOFT
from .linear import linear
from .modes import Kind
from .shape import ClipShape
from .weights import Floats, Weights

ENCODER = "vision_encoder."
PROJECTION = "vision_projection."


def write_clip_graph(file: Path, weights: Weights, shape: ClipShape, words: int, kind: Kind) -> None:
    """Writes the graph.

    Input: ``pixels`` (1, patches, numbers a patch). Output: ``vectors`` (vectors, ``words``).
    """
    _ClipGraph(file, weights, shape, words, kind).write()


class _ClipGraph(EncoderGraph):
    def __init__(self, file: Path, weights: Weights, shape: ClipShape, words: int, kind: Kind) -> None:
        super().__init__(file, weights, shape, kind)
        self._shape = shape
        self._words = words

    def write(self) -> None:
        graph, shape = self.graph, self._shape
        pixels = graph.input("pixels", [1, shape.patches, shape.patch])
        # what little the first layer costs in float32 keeps every grey level apart
        seen = linear(graph, pixels, self._embedding(), "float32")
        places = self.floats(
            ENCODER + "embeddings.position_embedding.weight", 1 + shape.patches, shape.hidden
        )
        mark = places[:1] + self.floats(ENCODER + "embeddings.class_embedding", shape.hidden)
        seen = graph.node("Add", [seen, graph.constant(places[None, 1:])])
        x = graph.node("Concat", [graph.constant(mark[None]), seen], axis=1)
        x = self.norm(x, ENCODER + "pre_layrnorm.", shape.hidden)
        for layer in range(shape.layers):
            x = self.encode(x, f"{ENCODER}encoder.layers.{layer}.")
        self._project(self._chosen(x))
        graph.save()

    def _embedding(self) -> Floats:
        """The convolution as a layer over patches whose channels come last."""
        side, hidden = self._shape.patch_side, self._shape.hidden
        kernel = self.floats(ENCODER + "embeddings.patch_embedding.weight", hidden, 3, side, side)
        return np.ascontiguousarray(kernel.transpose(0, 2, 3, 1).reshape(hidden, -1))

    def _chosen(self, x: str) -> str:
        """The vectors that stand for the picture."""
        graph, hidden = self.graph, self._shape.hidden
        # in every checkpoint, so it is read even where nothing uses it
        pooled = self.norm(x, ENCODER + "post_layernorm.", hidden)
        first, last = {
            ALL: (0, 1 + self._shape.patches),
            PATCHES: (1, 1 + self._shape.patches),
            POOLED: (0, 1),
        }[self._shape.features]
        source = pooled if self._shape.features == POOLED else x
        edges = [graph.integers(first), graph.integers(last), graph.integers(1)]
        return graph.node("Slice", [source, *edges])

    def _project(self, x: str) -> None:
        graph, shape = self.graph, self._shape
        x = graph.node("Reshape", [x, graph.integers(-1, shape.hidden)])
        x = self.linear(x, PROJECTION + "0.", shape.projected, shape.hidden)
        x = graph.node("Gelu", [x], MICROSOFT)
        x = self.linear(x, PROJECTION + "1.", self._words, shape.projected)
        graph.nodes("Identity", [x], [graph.output("vectors", ["vectors", self._words])])
