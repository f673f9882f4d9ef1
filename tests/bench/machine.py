"""The machine and the packages that figures are of."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
_PACKAGES = ("onnxruntime", "numpy", "torch", "transformers")


def machine() -> dict[str, str]:
    """Facts by name."""
    return {
        "cpu": cpu_field("model name") or platform.processor() or platform.machine(),
        "cores": f"{os.cpu_count()}",
        "bfloat16 in hardware": bfloat16_word(),
        "Python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }


def bfloat16_word() -> str:
    flags = cpu_field("flags")
    if not flags:
        return "unknown"
    return "yes" if _BFLOAT16_FLAGS & set(flags.split()) else "no"


def cpu_field(name: str) -> str:
    """A field of the first processor, on Linux; empty elsewhere."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
