# SPDX-License-Identifier: GPL-2.0-or-later
"""The language model's last layer as graphs: how likely each token is to come next, or each of some."""

from __future__ import annotations

from pathlib import Path

from onnx import TensorProto

from .graph import Graph
from .linear import int8_product, linear
from .modes import Kind
from .weights import Floats


def write_head_graph(file: Path, weight: Floats, kind: Kind) -> None:
    """Input: ``states`` (rows, columns, hidden). Output: ``logits`` (rows, columns, vocabulary)."""
    graph = Graph(file)
    vocabulary, hidden = weight.shape
    logits = linear(graph, graph.input("states", ["rows", "columns", hidden]), weight, kind)
    graph.nodes("Identity", [logits], [graph.output("logits", ["rows", "columns", vocabulary])])
    graph.save()


def write_part_graph(file: Path, hidden: int, kind: Kind) -> None:
    """As the head's, for weights that are given: those of a part of the vocabulary, as ``part_of`` them."""
    graph = Graph(file)
    states = graph.input("states", ["rows", "columns", hidden])
    if kind == "int8":
        numbers = graph.input("numbers", [hidden, "part"], TensorProto.INT8)
        logits = int8_product(graph, states, numbers, graph.input("scales", ["part"]))
    else:
        logits = graph.node("MatMul", [states, graph.input("numbers", [hidden, "part"])])
    graph.nodes("Identity", [logits], [graph.output("logits", ["rows", "columns", "part"])])
    graph.save()
