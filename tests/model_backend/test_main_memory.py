# SPDX-License-Identifier: GPL-2.0-or-later
"""What the machine says of its memory."""

from __future__ import annotations

import sys

import pytest
from lspace.model_backend import main_memory as module
from lspace.model_backend.main_memory import MainMemory, main_memory, read_meminfo

MEMINFO = """MemTotal:       16000000 kB
MemFree:          500000 kB
MemAvailable:    9000000 kB
SwapTotal:       2000000 kB
HugePages_Total:       0
"""


def test_available_is_more_than_free_because_caches_can_go():
    assert read_meminfo(MEMINFO) == MainMemory(16_384_000_000, 9_216_000_000)


def test_a_kernel_that_does_not_tell_what_is_available_is_not_guessed_at():
    with pytest.raises(ValueError, match="MemAvailable"):
        read_meminfo(MEMINFO.replace("MemAvailable", "MemSomething"))


def test_this_machine_has_less_available_than_it_has():
    memory = main_memory()
    assert memory is not None
    assert 0 < memory.available < memory.total


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="reads /proc/meminfo")
@pytest.mark.parametrize("content", [None, "MemTotal: some"])
def test_a_machine_that_does_not_tell_is_unknown(content, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "MEMINFO", tmp_path / "meminfo")
    if content is not None:
        module.MEMINFO.write_text(content)
    assert main_memory() is None
