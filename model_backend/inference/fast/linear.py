# SPDX-License-Identifier: GPL-2.0-or-later
"""Linear layers of a graph, with weights as they are or in fewer bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .graph import MICROSOFT, Graph
from .modes import Kind
from .weights import Floats

BLOCK = 64
_INT8 = 127
_PAIR = 127
"""Largest sum of two neighbouring weights. Processors without VNNI add 255 x weight + 255 x weight in 16 bits
and cut what is more; rounding may still add one."""
_MIDDLE = 128
"""What stands for 0 in an input turned to uint8."""
_TINY = 1e-12
_SHARES = (1.0, 0.92, 0.84)
"""Scales that are tried for four bits, of the one that cuts nothing: cutting the largest number a little
often costs less than coarser steps for all."""
_AT_ONCE = 1 << 16
_INT8_ACCURACY = 4
"""ONNX Runtime's code for "the input may be turned to int8"."""


def linear(graph: Graph, x: str, weight: Floats, kind: Kind, bias: Floats | None = None) -> str:
    """``x @ weight.T + bias``; weight is (outputs, inputs)."""
    if kind == "float32":
        y = graph.node("MatMul", [x, graph.constant(np.ascontiguousarray(weight.T))])
    elif kind == "int8":
        y = _int8(graph, x, weight)
    else:
        y = _int4(graph, x, weight)
    return y if bias is None else graph.node("Add", [y, graph.constant(bias)])


def fits(inputs: int, kind: Kind) -> Kind:
    """The kind, or a finer one where so many inputs cannot be cut into blocks."""
    return "int8" if kind == "int4" and inputs % BLOCK else kind


def _int8(graph: Graph, x: str, weight: Floats) -> str:
    numbers, scales = per_output(weight)
    largest = graph.node("ReduceMax", [graph.node("Abs", [x]), graph.integers(-1)], keepdims=1)
    largest = graph.node("Max", [largest, graph.constant(np.array(_TINY, np.float32))])
    middle = graph.constant(np.array(_MIDDLE, np.uint8))
    step = graph.constant(np.array(1 / _INT8, np.float32))
    quantised = graph.node("QuantizeLinear", [graph.node("Div", [x, largest]), step, middle])
    weights = [graph.constant(np.ascontiguousarray(numbers.T)), step, graph.constant(scales), middle]
    y = graph.node("MatMulIntegerToFloat", [quantised, *weights], MICROSOFT)
    return graph.node("Mul", [y, largest])


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


def per_output(weight: Floats) -> tuple[NDArray[np.int8], Floats]:
    """int8 weights (outputs, inputs) and the scale of each output."""
    parts = [_per_output(part) for part in _parts(weight)]
    return np.concatenate([numbers for numbers, _ in parts]), np.concatenate([scales for _, scales in parts])


def per_block(weight: Floats) -> tuple[NDArray[np.uint8], Floats]:
    """Weights as ``MatMulNBits`` packs them (outputs, blocks, bytes) and their scales (outputs, blocks)."""
    parts = [_per_block(part) for part in _parts(weight)]
    return np.concatenate([numbers for numbers, _ in parts]), np.concatenate([scales for _, scales in parts])


def _parts(weight: Floats) -> list[Floats]:
    """A few outputs at a time: what lies in the processor's cache is worked on several times as fast."""
    return np.array_split(weight, max(1, weight.size // _AT_ONCE))


def _per_output(weight: Floats) -> tuple[NDArray[np.int8], Floats]:
    size = np.abs(weight)
    pairs = size[:, : size.shape[1] // 2 * 2].reshape(len(size), -1, 2).sum(-1)
    scales = np.maximum(size.max(1) / _INT8, pairs.max(1, initial=0) / _PAIR)
    scales = np.maximum(scales, _TINY).astype(np.float32)
    return np.rint(weight / scales[:, None]).astype(np.int8), scales


def _per_block(weight: Floats) -> tuple[NDArray[np.uint8], Floats]:
    blocks = weight.reshape(len(weight), -1, BLOCK)
    # the largest falls on -8: that end of the range has one step more than the other
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1) / np.float32(-8)
    largest = np.where(np.abs(largest) < _TINY, np.float32(_TINY), largest)
    numbers, scales, least = np.empty_like(blocks), np.empty_like(largest), np.full_like(largest, np.inf)
    for share in _SHARES:
        scale = largest * np.float32(share)
        tried = np.clip(np.rint(blocks / scale), -8, 7)
        error = np.square(tried * scale - blocks).sum(-1, keepdims=True)
        better = error < least
        np.copyto(numbers, tried, where=better)
        np.copyto(scales, scale, where=better)
        np.copyto(least, error, where=better)
    codes = (numbers + 8).astype(np.uint8)
    packed: NDArray[Any] = codes[..., 0::2] | (codes[..., 1::2] << 4)
    return packed, scales[..., 0].astype(np.float32)
