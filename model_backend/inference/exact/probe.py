# SPDX-License-Identifier: GPL-2.0-or-later
"""Which devices this machine has, what each of them really computes, and which one would be taken."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import torch

from ...errors import DeviceError
from ...main_memory import main_memory
from ...request import ModelChoice
from .device import (
    KERNEL_FLOP,
    choose_device,
    dtype_of,
    fault_of,
    has_bfloat16,
    kernel_seconds,
    title_of,
    torch_name,
)


def probe(choice: ModelChoice) -> tuple[dict[str, Any], DeviceError | None]:
    """What was found, as JSON-ready values, and why the device that was asked for cannot be had.

    Keys: ``python``, ``torch``, ``transformers``; ``cuda_build``, the CUDA that torch was built for, or null;
    ``devices``, each with ``device``, ``title``, ``fault`` (null where it works), ``gflops`` (billions of
    operations a second, by precision), ``memory_mb`` and ``free_mb``; ``chosen``, the fields of
    ``DeviceChoice``, or null.

    Raises:
        RequestError: an unknown device or precision.
    """
    chosen, error = None, None
    try:
        chosen = asdict(choose_device(choice))
    except DeviceError as refusal:
        error = refusal
    found = {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "transformers": version("transformers"),
        "cuda_build": torch.version.cuda,
        "devices": [_report(device) for device in ("cpu", "cuda", "mps")],
        "chosen": chosen,
    }
    return found, error


def _report(device: str) -> dict[str, Any]:
    fault = fault_of(device)
    if fault:
        return {
            "device": device,
            "title": device,
            "fault": fault,
            "gflops": {},
            "memory_mb": None,
            "free_mb": None,
        }
    name = torch_name(device)
    total, free = _memory(name)
    precisions = ["float32", "bfloat16"] if has_bfloat16(name) else ["float32"]
    return {
        "device": device,
        "title": title_of(name),
        "fault": None,
        "gflops": {each: _gflops(name, each) for each in precisions},
        "memory_mb": total,
        "free_mb": free,
    }


def _gflops(name: str, precision: str) -> float:
    return round(KERNEL_FLOP / kernel_seconds(name, dtype_of(precision)) / 1e9, 1)


def _memory(name: str) -> tuple[int | None, int | None]:
    """Megabytes in all and free."""
    if name.startswith("cuda"):
        free, total = torch.cuda.mem_get_info(name)
        return total // 1_000_000, free // 1_000_000
    memory = main_memory()  # which MPS shares
    return (memory.total // 1_000_000, memory.available // 1_000_000) if memory else (None, None)
