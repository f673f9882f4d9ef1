# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the fast engine's arithmetic runs here, and how fast: a layer in eight bits, compared and timed."""

from __future__ import annotations

import platform
from time import perf_counter
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from ...errors import DeviceError
from ...main_memory import main_memory
from ...request import ModelChoice
from .engine import threads_for

_ROWS, _SIDE = 256, 1024  # a prefill in small, as in the exact engine's probe
_ABSENT = "not installed"


def probed(choice: ModelChoice, reason: str) -> dict[str, Any]:
    """The fields of the exact engine's ``DeviceChoice``, after a computation.

    Raises:
        DeviceError: ONNX Runtime computes wrongly here, or not at all.
    """
    started = perf_counter()
    _computed(threads_for(choice))
    return {
        "device": "cpu",
        "title": "cpu",
        "precision": choice.precision,
        "reason": reason,
        "probe_s": perf_counter() - started,
        "threads": threads_for(choice),
    }


def found_without_torch(choice: ModelChoice) -> dict[str, Any]:
    """The keys of the exact engine's ``probe`` but ``chosen``, where there is no torch to ask."""
    memory = main_memory()
    cpu: dict[str, Any] = {
        "device": "cpu",
        "title": "cpu",
        "fault": None,
        "gflops": {},
        "memory_mb": memory.total // 1_000_000 if memory else None,
        "free_mb": memory.available // 1_000_000 if memory else None,
    }
    try:
        seconds = _computed(threads_for(choice))
        cpu["gflops"] = {"q8": round(2 * _ROWS * _SIDE * _SIDE / seconds / 1e9, 1)}
    except DeviceError as error:
        cpu["fault"] = str(error)
    none: dict[str, Any] = {"fault": "it needs torch", "gflops": {}, "memory_mb": None, "free_mb": None}
    return {
        "python": platform.python_version(),
        "torch": _ABSENT,
        "transformers": _ABSENT,
        "onnxruntime": onnxruntime.__version__,
        "cuda_build": None,
        "devices": [cpu, *({"device": name, "title": name, **none} for name in ("cuda", "mps"))],
    }


def _computed(threads: int) -> float:
    """Seconds of the best of three, after one that is compared; DeviceError where it fails."""
    # small enough that no sum of two products exceeds 16 bits, which CPUs without VNNI would cut off
    rows = (np.arange(_ROWS * _SIDE) % 127).astype(np.uint8).reshape(_ROWS, _SIDE)
    weights = (np.arange(_SIDE * _SIDE) % 125).astype(np.int8).reshape(_SIDE, _SIDE) - np.int8(62)
    try:
        layer = _layer(threads)
        (product,) = layer.run(None, {"rows": rows, "weights": weights})
        times = [_seconds(layer, rows, weights) for _ in range(3)]
    except RuntimeError as error:
        raise DeviceError(f"ONNX Runtime fails: {str(error).splitlines()[0]}", device="cpu") from error
    if not np.array_equal(product, rows.astype(np.float64) @ weights.astype(np.float64)):  # exact up to 2^53
        raise DeviceError("ONNX Runtime computes wrongly on this CPU", device="cpu")
    return min(times)


def _seconds(
    layer: onnxruntime.InferenceSession, rows: NDArray[np.uint8], weights: NDArray[np.int8]
) -> float:
    started = perf_counter()
    layer.run(None, {"rows": rows, "weights": weights})
    return perf_counter() - started


def _layer(threads: int) -> onnxruntime.InferenceSession:
    inputs = [
        helper.make_tensor_value_info("rows", TensorProto.UINT8, [_ROWS, _SIDE]),
        helper.make_tensor_value_info("weights", TensorProto.INT8, [_SIDE, _SIDE]),
    ]
    outputs = [helper.make_tensor_value_info("product", TensorProto.INT32, [_ROWS, _SIDE])]
    node = helper.make_node("MatMulInteger", ["rows", "weights"], ["product"])
    graph = helper.make_graph([node], "layer", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
