# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the fast engine's arithmetic runs here: a layer in eight bits, computed and compared."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from ...errors import DeviceError
from ...request import ModelChoice
from .engine import threads_for

_SIDE = 64


def probed(choice: ModelChoice, reason: str) -> dict[str, Any]:
    """The fields of the exact engine's ``DeviceChoice``, after a computation.

    Raises:
        DeviceError: ONNX Runtime computes wrongly here, or not at all.
    """
    started = perf_counter()
    # small enough that no sum of two products exceeds 16 bits, which CPUs without VNNI would cut off
    rows = (np.arange(_SIDE * _SIDE) % 128).astype(np.uint8).reshape(_SIDE, _SIDE)
    weights = (rows.T % 127).astype(np.int8) - np.int8(63)
    try:
        (product,) = _layer().run(None, {"rows": rows, "weights": weights})
    except RuntimeError as error:
        raise DeviceError(f"ONNX Runtime fails: {str(error).splitlines()[0]}", device="cpu") from error
    if not np.array_equal(product, rows.astype(np.int32) @ weights.astype(np.int32)):
        raise DeviceError("ONNX Runtime computes wrongly on this CPU", device="cpu")
    return {
        "device": "cpu",
        "title": "cpu",
        "precision": choice.precision,
        "reason": reason,
        "probe_s": perf_counter() - started,
        "threads": threads_for(choice),
    }


def _layer() -> onnxruntime.InferenceSession:
    inputs = [
        helper.make_tensor_value_info("rows", TensorProto.UINT8, [_SIDE, _SIDE]),
        helper.make_tensor_value_info("weights", TensorProto.INT8, [_SIDE, _SIDE]),
    ]
    outputs = [helper.make_tensor_value_info("product", TensorProto.INT32, [_SIDE, _SIDE])]
    node = helper.make_node("MatMulInteger", ["rows", "weights"], ["product"])
    graph = helper.make_graph([node], "layer", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
