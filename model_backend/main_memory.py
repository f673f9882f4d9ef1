# SPDX-License-Identifier: GPL-2.0-or-later
"""How much main memory the machine has, and how much of it can be taken before it swaps."""

from __future__ import annotations

import ctypes
import re
import sys
from dataclasses import dataclass
from pathlib import Path

MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True)
class MainMemory:
    """Both in bytes."""

    total: int
    available: int
    """Free, or at once to be freed without swapping."""


def main_memory() -> MainMemory | None:
    """That of this machine now; None where the system does not tell."""
    try:
        if sys.platform == "win32":
            return _of_windows()
        if sys.platform == "darwin":
            return _of_macos()
        return read_meminfo(MEMINFO.read_text(encoding="ascii"))
    except (OSError, ValueError, AttributeError):  # AttributeError: a library without the function
        return None


def read_meminfo(text: str) -> MainMemory:
    """What Linux tells in ``/proc/meminfo``; ValueError for anything else."""
    kilobytes = {name: int(value) for name, value in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)}
    if not {"MemTotal", "MemAvailable"} <= set(kilobytes):
        raise ValueError("no MemTotal or MemAvailable")
    return MainMemory(kilobytes["MemTotal"] * 1024, kilobytes["MemAvailable"] * 1024)


if sys.platform == "win32":

    class _MemoryStatus(ctypes.Structure):
        """MEMORYSTATUSEX of the Windows API."""

        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load_percent", ctypes.c_ulong),
            ("total_physical", ctypes.c_ulonglong),
            ("available_physical", ctypes.c_ulonglong),
            ("total_page_file", ctypes.c_ulonglong),
            ("available_page_file", ctypes.c_ulonglong),
            ("total_virtual", ctypes.c_ulonglong),
            ("available_virtual", ctypes.c_ulonglong),
            ("available_extended_virtual", ctypes.c_ulonglong),
        ]

    def _of_windows() -> MainMemory:
        status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
        if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
            raise ctypes.WinError()
        return MainMemory(status.total_physical, status.available_physical)


if sys.platform == "darwin":

    def _of_macos() -> MainMemory:
        # the percentage that macOS itself goes by when it asks programs to save memory
        total, percent = _sysctl("hw.memsize", 8), _sysctl("kern.memorystatus_level", 4)
        return MainMemory(total, total * percent // 100)

    def _sysctl(name: str, width: int) -> int:
        """A number of the system, of so many bytes."""
        value, size = ctypes.create_string_buffer(width), ctypes.c_size_t(width)
        if ctypes.CDLL(None).sysctlbyname(name.encode(), value, ctypes.byref(size), None, 0) != 0:
            raise OSError(f"no {name}")
        return int.from_bytes(value.raw, sys.byteorder)
