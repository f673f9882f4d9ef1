# SPDX-License-Identifier: GPL-2.0-or-later
"""How much main memory the machine has, and how much of it can be taken before it swaps."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class MainMemory:
    """Both in bytes."""

    total: int
    available: int
    """Free, or at once to be freed without swapping."""


def main_memory() -> MainMemory | None:
    """That of this machine now, or of the part that we are allowed; None where the system does not tell."""
    try:
        if sys.platform == "win32":
            return _of_windows()
        if sys.platform == "darwin":
            return _of_macos()
        return linux_memory()
    except (OSError, ValueError, AttributeError):  # AttributeError: a library without the function
        return None


def linux_memory(root: Path = Path("/")) -> MainMemory:
    """What the machine has, or the least that a control group which we are in leaves of it.

    Raises:
        OSError, ValueError: the kernel does not tell.
    """
    memory = read_meminfo((root / "proc/meminfo").read_text(encoding="ascii"))
    total, available = memory.total, memory.available
    for group in _groups(root):
        try:
            limit, used = _limit_and_use(group)
        except (OSError, ValueError):  # "max", or the root, which has no limit
            continue
        total, available = min(total, limit), min(available, max(limit - used, 0))
    return MainMemory(total, available)


def read_meminfo(text: str) -> MainMemory:
    """What Linux tells in ``/proc/meminfo``; ValueError for anything else."""
    kilobytes = {name: int(value) for name, value in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)}
    if not {"MemTotal", "MemAvailable"} <= set(kilobytes):
        raise ValueError("no MemTotal or MemAvailable")
    return MainMemory(kilobytes["MemTotal"] * 1024, kilobytes["MemAvailable"] * 1024)


def _groups(root: Path) -> Iterator[Path]:
    """Folders of the control groups that we are in and of those around them, of version 1 and 2.

    In a container the path is often that of the host: then only the last of them is there, which is ours.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / ("memory" if controllers else "")
        group = top / path.strip("/")
        yield from (group, *(folder for folder in group.parents if folder == top or top in folder.parents))


def _limit_and_use(group: Path) -> tuple[int, int]:
    """Bytes; files that are only cached do not count as used."""
    if (group / "memory.max").exists():
        names, cached = ("memory.max", "memory.current"), "inactive_file"
    else:
        names, cached = ("memory.limit_in_bytes", "memory.usage_in_bytes"), "total_inactive_file"
    limit, used = (int((group / name).read_text(encoding="ascii")) for name in names)
    found = re.search(rf"^{cached} (\d+)$", (group / "memory.stat").read_text(encoding="ascii"), re.MULTILINE)
    return limit, used - (int(found.group(1)) if found else 0)


class MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API, 64 bytes."""

    _fields_ = [
        ("length", ctypes.c_uint32),
        ("load_percent", ctypes.c_uint32),
        ("total_physical", ctypes.c_uint64),
        ("available_physical", ctypes.c_uint64),
        ("total_page_file", ctypes.c_uint64),
        ("available_page_file", ctypes.c_uint64),
        ("total_virtual", ctypes.c_uint64),
        ("available_virtual", ctypes.c_uint64),
        ("available_extended_virtual", ctypes.c_uint64),
    ]


if sys.platform == "win32":

    def _of_windows() -> MainMemory:
        status = MemoryStatus(length=ctypes.sizeof(MemoryStatus))
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
        nothing = ctypes.c_size_t(0)
        if ctypes.CDLL(None).sysctlbyname(name.encode(), value, ctypes.byref(size), None, nothing) != 0:
            raise OSError(f"no {name}")
        return int.from_bytes(value.raw, sys.byteorder)
