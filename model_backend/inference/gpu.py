# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether this machine can have a GPU, told without the seconds that an import of torch takes."""

from __future__ import annotations

import ctypes
import os
import platform


def may_have_gpu() -> bool:
    """Whether torch could find one: a Mac's own, or one whose driver is here."""
    if platform.system() == "Darwin":
        return platform.machine() == "arm64"
    nvidia = "nvcuda.dll" if os.name == "nt" else "libcuda.so.1"
    return _loads(nvidia) or os.path.exists("/dev/kfd")  # the latter is AMD's


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
