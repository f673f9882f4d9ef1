# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether this computer has a driver for a graphics card by NVIDIA."""

from __future__ import annotations

import os
import shutil

_TRACES = (
    "/proc/driver/nvidia/version",
    "/usr/lib/wsl/lib/libcuda.so.1",
    os.path.join(os.environ.get("SYSTEMROOT", "C:\\Windows"), "System32", "nvcuda.dll"),
)


def has_nvidia_driver() -> bool:
    """By its program, its kernel module or its library; nothing is started."""
    return shutil.which("nvidia-smi") is not None or any(map(os.path.exists, _TRACES))
