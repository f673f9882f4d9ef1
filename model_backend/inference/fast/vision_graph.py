# SPDX-License-Identifier: GPL-2.0-or-later
"""The vision tower and the projector as a graph: a picture's patches to vectors of the language model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .graph import MICROSOFT, Graph
from .linear import Kind, fits, linear
from .shape import VisionShape
from .weights import Floats, Weights

TOWER = "model.vision_tower."
POSITIONS = TOWER + "embeddings.position_embedding.weight"
PROJECTOR = "model.multi_modal_projector."


def write_vision_graph(file: Path, weights: Weights, shape: VisionShape, words: int, kind: Kind) -> None:
    """Writes the graph.

    Inputs: ``pixels`` (1, patches, numbers a patch) and ``positions`` (1, patches, hidden), where the patches
    that become one vector follow each other. Output: ``vectors`` (vectors, ``words``).
    """
    _VisionGraph(file, weights, shape, words, kind).write()


class _VisionGraph:
    def __init__(self, file: Path, weights: Weights, shape: VisionShape, words: int, kind: Kind) -> None:
        self._graph = Graph(file)
        self._weights = weights
        self._shape = shape
        self._words = words
        self._kind = kind

    def write(self) -> None:
        graph, shape = self._graph, self._shape
        pixels = graph.input("pixels", [1, "patches", shape.patch])
        positions = graph.input("positions", [1, "patches", shape.hidden])
        embedding = TOWER + "embeddings.patch_embedding."
        # what little the first layer costs in float32 keeps every grey level apart
        seen = linear(graph, pixels, *self._layer(embedding, shape.hidden, shape.patch, "float32"))
        x = graph.node("Add", [seen, positions])
        for layer in range(shape.layers):
            x = self._encode(x, f"{TOWER}encoder.layers.{layer}.")
        self._project(self._norm(x, TOWER + "post_layernorm.", shape.hidden))
        graph.save()

    def _encode(self, x: str, prefix: str) -> str:
        graph, shape = self._graph, self._shape
        normed = self._norm(x, prefix + "layer_norm1.", shape.hidden)
        x = graph.node("Add", [x, self._attention(normed, prefix + "self_attn.")])
        y = self._widen(self._norm(x, prefix + "layer_norm2.", shape.hidden), prefix + "mlp.fc1.")
        return graph.node("Add", [x, self._linear(y, prefix + "mlp.fc2.", shape.hidden, shape.inner)])

    def _attention(self, x: str, prefix: str) -> str:
        graph, hidden = self._graph, self._shape.hidden
        layers = [self._floats(f"{prefix}{each}_proj.weight", hidden, hidden) for each in "qkv"]
        biases = [self._floats(f"{prefix}{each}_proj.bias", hidden) for each in "qkv"]
        kind = fits(hidden, self._kind)
        together = linear(graph, x, np.concatenate(layers), kind, np.concatenate(biases))
        parts = graph.nodes("Split", [together], 3, axis=-1, num_outputs=3)
        y = graph.node("MultiHeadAttention", parts, MICROSOFT, num_heads=self._shape.heads)
        return self._linear(y, prefix + "out_proj.", hidden, hidden)

    def _project(self, x: str) -> None:
        graph, shape = self._graph, self._shape
        wide = shape.hidden * shape.factor**2
        x = graph.node("Reshape", [x, graph.integers(-1, wide)])
        if shape.projector_norm:
            x = self._norm(x, PROJECTOR + "layer_norm.", wide, 1e-5)
        x = self._linear(x, PROJECTOR + "linear_1.", shape.projected, wide, shape.projector_bias)
        x = graph.node("Gelu", [x], MICROSOFT)
        x = self._linear(x, PROJECTOR + "linear_2.", self._words, shape.projected, shape.projector_bias)
        graph.nodes("Identity", [x], [graph.output("vectors", ["vectors", self._words])])

    def _widen(self, x: str, prefix: str) -> str:
        """The first half of a feed-forward layer; its bias is added in the same pass as the bend."""
        shape = self._shape
        weight, kind, bias = self._layer(prefix, shape.inner, shape.hidden, fits(shape.hidden, self._kind))
        y = [linear(self._graph, x, weight, kind), self._graph.constant(np.asarray(bias))]
        if shape.activation == "gelu_pytorch_tanh":
            return self._graph.node("FastGelu", y, MICROSOFT)
        return self._graph.node("BiasGelu", y, MICROSOFT)

    def _norm(self, x: str, prefix: str, size: int, epsilon: float | None = None) -> str:
        weights = [self._graph.constant(self._floats(prefix + each, size)) for each in ("weight", "bias")]
        epsilon = self._shape.epsilon if epsilon is None else epsilon
        return self._graph.node("LayerNormalization", [x, *weights], axis=-1, epsilon=epsilon)

    def _linear(self, x: str, prefix: str, outputs: int, inputs: int, has_bias: bool = True) -> str:
        layer = self._layer(prefix, outputs, inputs, fits(inputs, self._kind), has_bias)
        return linear(self._graph, x, *layer)

    def _layer(
        self, prefix: str, outputs: int, inputs: int, kind: Kind, has_bias: bool = True
    ) -> tuple[Floats, Kind, Floats | None]:
        weight = self._floats(prefix + "weight", outputs, inputs)
        return weight, kind, self._floats(prefix + "bias", outputs) if has_bias else None

    def _floats(self, name: str, *sides: int) -> Floats:
        return self._weights.floats(name, *sides)
