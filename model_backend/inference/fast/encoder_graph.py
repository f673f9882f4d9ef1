# SPDX-License-Identifier: GPL-2.0-or-later
"""The layers of a vision encoder as parts of a graph: those of SigLIP 2 and of CLIP are built alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .graph import MICROSOFT, Graph
from .linear import fits, linear
from .modes import Kind
from .shape import EncoderShape
from .weights import Floats, Weights


class EncoderGraph:
    """A graph in the making that has an encoder in it."""

    def __init__(self, file: Path, weights: Weights, shape: EncoderShape, kind: Kind) -> None:
        self.graph = Graph(file)
        self._weights = weights
        self._encoder = shape
        self._kind = kind

    def encode(self, x: str, prefix: str) -> str:
        """One layer; ``prefix`` begins the names of its weights."""
        graph, shape = self.graph, self._encoder
        normed = self.norm(x, prefix + "layer_norm1.", shape.hidden)
        x = graph.node("Add", [x, self._attention(normed, prefix + "self_attn.")])
        y = self._widen(self.norm(x, prefix + "layer_norm2.", shape.hidden), prefix + "mlp.fc1.")
        return graph.node("Add", [x, self.linear(y, prefix + "mlp.fc2.", shape.hidden, shape.inner)])

    def norm(self, x: str, prefix: str, size: int, epsilon: float | None = None) -> str:
        """A layer norm."""
        weights = [self.graph.constant(self.floats(prefix + each, size)) for each in ("weight", "bias")]
        epsilon = self._encoder.epsilon if epsilon is None else epsilon
        return self.graph.node("LayerNormalization", [x, *weights], axis=-1, epsilon=epsilon)

    def linear(self, x: str, prefix: str, outputs: int, inputs: int, has_bias: bool = True) -> str:
        """A linear layer, in as few bits as its size allows."""
        layer = self.layer(prefix, outputs, inputs, fits(inputs, self._kind), has_bias)
        return linear(self.graph, x, *layer)

    def layer(
        self, prefix: str, outputs: int, inputs: int, kind: Kind, has_bias: bool = True
    ) -> tuple[Floats, Kind, Floats | None]:
        """The numbers of a linear layer."""
        weight = self.floats(prefix + "weight", outputs, inputs)
        return weight, kind, self.floats(prefix + "bias", outputs) if has_bias else None

    def floats(self, name: str, *sides: int) -> Floats:
        """A tensor of the checkpoint; ModelInvalid where it is not there or of another shape."""
        return self._weights.floats(name, *sides)

    def _attention(self, x: str, prefix: str) -> str:
        graph, hidden = self.graph, self._encoder.hidden
        layers = [self.floats(f"{prefix}{each}_proj.weight", hidden, hidden) for each in "qkv"]
        biases = [self.floats(f"{prefix}{each}_proj.bias", hidden) for each in "qkv"]
        together = linear(graph, x, np.concatenate(layers), fits(hidden, self._kind))
        parts = graph.nodes("Split", [together], 3, axis=-1, num_outputs=3)
        bias = graph.constant(np.concatenate(biases))
        y = graph.node("MultiHeadAttention", [*parts, bias], MICROSOFT, num_heads=self._encoder.heads)
        return self.linear(y, prefix + "out_proj.", hidden, hidden)

    def _widen(self, x: str, prefix: str) -> str:
        """The first half of a feed-forward layer; its bias is added in the same pass as the bend."""
        shape = self._encoder
        weight, kind, bias = self.layer(prefix, shape.inner, shape.hidden, fits(shape.hidden, self._kind))
        if shape.activation == "quick_gelu":
            y = linear(self.graph, x, weight, kind, bias)
            return self.graph.node("QuickGelu", [y], MICROSOFT, alpha=1.702)
        parts = [linear(self.graph, x, weight, kind), self.graph.constant(np.asarray(bias))]
        if shape.activation == "gelu_pytorch_tanh":
            return self.graph.node("FastGelu", parts, MICROSOFT)
        return self.graph.node("BiasGelu", parts, MICROSOFT)
