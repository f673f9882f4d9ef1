# SPDX-License-Identifier: GPL-2.0-or-later
"""The language model as a graph: reads any number of tokens, says what follows the last."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto

from .graph import MICROSOFT, Graph
from .linear import fits, linear
from .modes import Kind
from .shape import LanguageShape
from .weights import PREFIX, Floats, Weights


def write_language_graph(file: Path, weights: Weights, shape: LanguageShape, kind: Kind) -> None:
    """Writes the graph.

    Inputs: ``x`` (rows, tokens, hidden), the tokens' vectors; ``last`` int32 (rows,), position of each
    row's last token; ``total`` int32, tokens in the longest row; ``tail`` int64 (1,), minus the number of
    last tokens whose states are wanted; ``cos`` and ``sin`` (positions, half a head); and what was read:
    ``conv<layer>`` (rows, taps - 1, hidden), ``k<layer>`` and ``v<layer>`` (rows, heads, positions, head).
    Outputs: ``states`` (rows, -tail, hidden), of which the head makes logits; and what was read as
    ``new_...``. The buffers may be given as outputs too: they are then filled in place. Those of
    convolutions have -tail - 1 columns more: what they were after each of the last tokens. Several tokens
    can be read for a single row only.
    """
    _LanguageGraph(file, weights, shape, kind).write()


class _LanguageGraph:
    def __init__(self, file: Path, weights: Weights, shape: LanguageShape, kind: Kind) -> None:
        self._graph = Graph(file)
        self._weights = weights
        self._shape = shape
        self._kind = kind

    def write(self) -> None:
        graph, hidden = self._graph, self._shape.hidden
        half = self._shape.head // 2
        x = graph.input("x", ["rows", "tokens", hidden])
        graph.input("last", ["rows"], TensorProto.INT32)
        graph.input("total", [], TensorProto.INT32)
        graph.input("tail", [1], TensorProto.INT64)
        graph.input("cos", ["turns", half])
        graph.input("sin", ["turns", half])
        last = len(self._shape.attends) - 1
        normed = self._norm(x, f"{PREFIX}layers.0.operator_norm.weight")
        for layer, attends in enumerate(self._shape.attends):
            prefix = f"{PREFIX}layers.{layer}."
            if layer == last and not attends:  # it needs no more than its taps reach back to
                x, normed = self._last(x, self._shape.taps), self._last(normed, self._shape.taps)
            mixed = self._attention(normed, layer) if attends else self._convolution(normed, layer)
            if layer == last:
                x, mixed = self._last(x), self._last(mixed)
            x, normed = self._added(x, mixed, prefix + "ffn_norm.weight")
            y = self._feed_forward(normed, prefix)
            following = "embedding_norm" if layer == last else f"layers.{layer + 1}.operator_norm"
            x, normed = self._added(x, y, f"{PREFIX}{following}.weight")
        graph.nodes("Identity", [normed], [graph.output("states", ["rows", "answered", hidden])])
        graph.save()

    def _last(self, x: str, columns: int = 1) -> str:
        """The last columns: one for each token that is answered, and those that the first of them needs."""
        start = (
            self._graph.node("Add", ["tail", self._graph.integers(1 - columns)]) if columns > 1 else "tail"
        )
        end = self._graph.integers(np.iinfo(np.int64).max)
        return self._graph.node("Slice", [x, start, end, self._graph.integers(1)])

    def _attention(self, x: str, layer: int) -> str:
        graph, shape = self._graph, self._shape
        prefix = f"{PREFIX}layers.{layer}.self_attn."
        wide, narrow = shape.heads * shape.head, shape.kv_heads * shape.head
        rows = [
            self._floats(f"{prefix}{each}_proj.weight", size, shape.hidden)
            for each, size in (("q", wide), ("k", narrow), ("v", narrow))
        ]
        sizes = graph.integers(wide, narrow, narrow)
        together = self._linear(x, np.concatenate(rows))
        q, k, v = graph.nodes("Split", [together, sizes], 3, axis=-1)
        q = self._head_norm(q, shape.heads, prefix + "q_layernorm.weight")
        k = self._head_norm(k, shape.kv_heads, prefix + "k_layernorm.weight")
        sides: list[int | str] = ["rows", shape.kv_heads, "positions", shape.head]
        past = [graph.input(f"{each}{layer}", sides) for each in "kv"]
        present = [graph.output(f"new_{each}", sides) for each in past]
        inputs = [q, k, v, *past, "last", "total", "cos", "sin"]
        y, *_ = graph.nodes(
            "GroupQueryAttention",
            inputs,
            [None, *present],
            MICROSOFT,
            num_heads=shape.heads,
            kv_num_heads=shape.kv_heads,
            do_rotary=1,
        )
        return self._linear(y, self._floats(prefix + "out_proj.weight", shape.hidden, wide))

    def _head_norm(self, x: str, heads: int, name: str) -> str:
        head = self._shape.head
        apart = self._graph.node("Reshape", [x, self._graph.integers(0, 0, heads, head)])
        normed = self._norm(apart, name, head)
        return self._graph.node("Reshape", [normed, self._graph.integers(0, 0, heads * head)])

    def _convolution(self, x: str, layer: int) -> str:
        """Each tap is a shifted copy, times its weights: nothing has to be transposed."""
        graph, hidden = self._graph, self._shape.hidden
        prefix = f"{PREFIX}layers.{layer}.conv."
        together = self._linear(
            x,
            self._floats(prefix + "in_proj.weight", 3 * hidden, hidden),
            self._bias(prefix + "in_proj.bias", 3 * hidden),
        )
        before, after, inner = graph.nodes("Split", [together], 3, axis=-1, num_outputs=3)
        gated = graph.node("Mul", [before, inner])
        y = graph.node("Mul", [after, self._taps(gated, layer, prefix)])
        out = self._floats(prefix + "out_proj.weight", hidden, hidden)
        return self._linear(y, out, self._bias(prefix + "out_proj.bias", hidden))

    def _taps(self, x: str, layer: int, prefix: str) -> str:
        graph, hidden, taps = self._graph, self._shape.hidden, self._shape.taps
        sides: list[int | str] = ["rows", taps - 1, hidden]
        trail: list[int | str] = ["rows", "trail", hidden]
        past, axis = graph.input(f"conv{layer}", sides), graph.integers(1)
        seen = graph.node("Concat", [past, x], axis=1)
        graph.nodes("Identity", [self._last(seen, taps - 1)], [graph.output(f"new_{past}", trail)])
        kernel = self._floats(prefix + "conv.weight", hidden, 1, taps)
        total = graph.node("Mul", [x, graph.constant(kernel[:, 0, -1])])
        for back in range(1, taps):
            stop = graph.integers(-back)
            shifted = graph.node("Slice", [seen, graph.integers(taps - 1 - back), stop, axis])
            part = graph.node("Mul", [shifted, graph.constant(kernel[:, 0, -1 - back])])
            total = graph.node("Add", [total, part])
        bias = self._bias(prefix + "conv.bias", hidden)
        return total if bias is None else graph.node("Add", [total, graph.constant(bias)])

    def _feed_forward(self, x: str, prefix: str) -> str:
        graph, hidden, inner = self._graph, self._shape.hidden, self._shape.inner
        prefix += "feed_forward."
        names = (prefix + "w1.weight", prefix + "w3.weight")
        together = self._linear(x, np.concatenate([self._floats(name, inner, hidden) for name in names]))
        gate, up = graph.nodes("Split", [together], 2, axis=-1, num_outputs=2)
        opened = graph.node("QuickGelu", [gate], MICROSOFT, alpha=1.0)  # that is SiLU
        y = graph.node("Mul", [opened, up])
        return self._linear(y, self._floats(prefix + "w2.weight", hidden, inner))

    def _added(self, x: str, y: str, name: str) -> tuple[str, str]:
        """The sum, and the sum normed."""
        weight = self._graph.constant(self._floats(name, self._shape.hidden))
        normed, _mean, _deviation, total = self._graph.nodes(
            "SkipSimplifiedLayerNormalization",
            [x, y, weight],
            [None, "", "", None],
            MICROSOFT,
            epsilon=self._shape.epsilon,
        )
        return total, normed

    def _norm(self, x: str, name: str, size: int | None = None) -> str:
        weight = self._graph.constant(self._floats(name, size or self._shape.hidden))
        epsilon = self._shape.epsilon
        return self._graph.node("SimplifiedLayerNormalization", [x, weight], axis=-1, epsilon=epsilon)

    def _linear(self, x: str, weight: Floats, bias: Floats | None = None) -> str:
        return linear(self._graph, x, weight, fits(weight.shape[1], self._kind), bias)

    def _bias(self, name: str, size: int) -> Floats | None:
        return self._floats(name, size) if self._shape.conv_bias else None

    def _floats(self, name: str, *sides: int) -> Floats:
        return self._weights.floats(name, *sides)
