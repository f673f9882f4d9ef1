# SPDX-License-Identifier: GPL-2.0-or-later
"""What the machine says of its memory."""

from __future__ import annotations

import struct

import pytest
from lspace.model_backend.main_memory import (
    MainMemory,
    MemoryStatus,
    linux_memory,
    main_memory,
    read_meminfo,
)

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


@pytest.mark.parametrize("content", [None, "MemTotal: some"])
def test_a_machine_that_does_not_tell_is_unknown(content, tmp_path):
    written(tmp_path, {} if content is None else {"proc/meminfo": content})
    with pytest.raises((OSError, ValueError)):
        linux_memory(tmp_path)


def written(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def group_of_v2(limit, used, cached):
    return {
        "memory.max": f"{limit}\n",
        "memory.current": f"{used}\n",
        "memory.stat": f"inactive_file {cached}\n",
    }


def group_of_v1(limit, used, cached):
    stat = f"inactive_file 1\ntotal_inactive_file {cached}\n"
    return {"memory.limit_in_bytes": f"{limit}\n", "memory.usage_in_bytes": f"{used}\n", "memory.stat": stat}


def machine(root, cgroup, groups):
    """A root with the memory of ``MEMINFO``, our line of groups, and the groups' folders."""
    files = {
        f"sys/fs/cgroup/{at}/{name}": text for at, group in groups.items() for name, text in group.items()
    }
    return written(root, {"proc/meminfo": MEMINFO, "proc/self/cgroup": cgroup, **files})


GB = 10**9
FREE = read_meminfo(MEMINFO)


@pytest.mark.parametrize(
    ("cgroup", "at", "group"),
    [
        ("0::/user.slice/qgis.scope\n", "user.slice/qgis.scope", group_of_v2(4 * GB, 3 * GB, GB)),
        ("0::/user.slice/qgis.scope\n", "user.slice", group_of_v2(4 * GB, 3 * GB, GB)),
        ("5:cpu:/\n4:memory:/docker/a1\n0::/\n", "memory/docker/a1", group_of_v1(4 * GB, 3 * GB, GB)),
        ("4:cpu,memory:/docker/a1\n", "memory", group_of_v1(4 * GB, 3 * GB, GB)),
    ],
)
def test_the_limit_of_a_control_group_is_all_that_there_is(tmp_path, cgroup, at, group):
    assert linux_memory(machine(tmp_path, cgroup, {at: group})) == MainMemory(4 * GB, 2 * GB)


def test_of_groups_in_groups_the_least_counts(tmp_path):
    groups = {
        "a": group_of_v2(3 * GB, GB, 0),
        "a/b": group_of_v2("max", GB, 0),
        "a/b/c": group_of_v2(6 * GB, 5 * GB, 0),
    }
    assert linux_memory(machine(tmp_path, "0::/a/b/c\n", groups)) == MainMemory(3 * GB, GB)


@pytest.mark.parametrize("group", [group_of_v2("max", GB, 0), group_of_v2(99 * GB, GB, 0), {}])
def test_a_group_that_limits_nothing_changes_nothing(tmp_path, group):
    assert linux_memory(machine(tmp_path, "0::/a\n", {"a": group})) == FREE


def test_the_endless_limit_of_version_1_changes_nothing(tmp_path):
    group = group_of_v1(9223372036854771712, GB, 0)
    assert linux_memory(machine(tmp_path, "4:memory:/\n", {"memory": group})) == FREE


def test_a_group_that_is_over_its_limit_leaves_nothing(tmp_path):
    assert linux_memory(machine(tmp_path, "0::/a\n", {"a": group_of_v2(GB, 2 * GB, 0)})).available == 0


def test_a_kernel_without_control_groups_has_what_it_has(tmp_path):
    assert linux_memory(written(tmp_path, {"proc/meminfo": MEMINFO})) == FREE


def test_windows_answer_is_read_where_its_fields_are():
    answer = struct.pack("<IIQQQQQQQ", 64, 37, 16 * GB, 10 * GB, 3, 4, 5, 6, 7)
    status = MemoryStatus.from_buffer_copy(answer)
    assert (status.total_physical, status.available_physical) == (16 * GB, 10 * GB)
    assert len(answer) == len(bytes(status)) == 64
