# SPDX-License-Identifier: GPL-2.0-or-later
"""Linear layers of a graph, with weights as they are or in fewer bits."""

from __future__ import annotations

import numpy as np

from .graph import MICROSOFT, Graph
from .modes import Kind
from .quantised import BLOCK, INT8, per_block, per_output
from .weights import Floats

_MIDDLE = 128
"""What stands for 0 in an input turned to uint8."""
_INT8_ACCURACY = 4
"""ONNX Runtime's code for "the input may be turned to int8"."""


def linear(graph: Graph, x: str, weight: Floats, kind: Kind, bias: Floats | None = None) -> str:
    """``x @ weight.T + bias``; weight is (outputs, inputs)."""
    if kind == "float32":
        y = graph.node("MatMul", [x, graph.constant(np.ascontiguousarray(weight.T))])
    elif kind == "int8":
        numbers, scales = per_output(weight)
        y = int8_product(graph, x, graph.constant(np.ascontiguousarray(numbers.T)), graph.constant(scales))
    else:
        y = _int4(graph, x, weight)
    return y if bias is None else graph.node("Add", [y, graph.constant(bias)])


def int8_product(graph: Graph, x: str, numbers: str, scales: str) -> str:
    """``x`` times int8 numbers (inputs, outputs), times the scale of each output.

    Each row of ``x`` is turned to integers by its own largest number. For a row of zeros that is 0 / 0,
    which becomes some integer or other, and is multiplied by 0 again.
    """
    largest = graph.node("ReduceMax", [graph.node("Abs", [x]), graph.integers(-1)], keepdims=1)
    middle = graph.constant(np.array(_MIDDLE, np.uint8))
    step = graph.constant(np.array(1 / INT8, np.float32))
    quantised = graph.node("QuantizeLinear", [graph.node("Div", [x, largest]), step, middle])
    y = graph.node("MatMulIntegerToFloat", [quantised, numbers, step, scales, middle], MICROSOFT)
    return graph.node("Mul", [y, largest])


def fits(inputs: int, kind: Kind) -> Kind:
    """The kind, or a finer one where so many inputs cannot be cut into blocks."""
    return "int8" if kind == "int4" and inputs % BLOCK else kind


def _int4(graph: Graph, x: str, weight: Floats) -> str:
    outputs, inputs = weight.shape
    numbers, scales = per_block(weight)
    return graph.node(
        "MatMulNBits",
        [x, graph.constant(numbers), graph.constant(scales)],
        MICROSOFT,
        K=inputs,
        N=outputs,
        bits=4,
        block_size=BLOCK,
        accuracy_level=_INT8_ACCURACY,
    )
