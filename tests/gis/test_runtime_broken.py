"""Preparations that go wrong, each in its own way; the old runtime works on, and the next try succeeds."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from lspace.ui.words import sentence_for
from preparing import PACKAGES, ended, versions_in
from servers.package_index import Fault

pytest_plugins = ("runtime_fixtures",)


def assert_recovers(qtbot, order, working=None):
    """What was there works on, nothing half done is left, and now it goes well."""
    if working:
        assert order.folder.current() == working
        assert versions_in(working.python) == PACKAGES
    assert len(list(order.folder.path.glob("env-*"))) == (1 if working else 0)
    assert not order.folder.scratch.exists()
    assert versions_in(ended(qtbot, order).end) == PACKAGES


def test_a_server_that_always_falls_silent_is_a_network_fault(qtbot, working, local_order, index):
    index.faults["idna"] = Fault.STALLS
    told = ended(qtbot, local_order)
    assert told.fault == "no network"
    assert told.end.values["keeps_old"]
    index.faults.clear()
    assert_recovers(qtbot, local_order, working)


def test_a_download_that_is_cut_once_goes_on_where_it_stopped(qtbot, local_order, index):
    index.faults["idna"], index.times = Fault.CUTS, 1
    told = ended(qtbot, local_order)
    assert versions_in(told.end) == PACKAGES
    (name,) = (name for name in index.files if name.startswith("idna"))
    assert index.asked.count(name) == 2
    assert index.sent[name] == len(index.files[name])


def test_a_download_that_is_always_cut_is_a_network_fault(qtbot, local_order, index):
    index.faults["idna"], index.knows_ranges = Fault.CUTS, False
    assert ended(qtbot, local_order).fault == "no network"
    index.faults.clear()
    assert_recovers(qtbot, local_order)


@pytest.mark.parametrize("told_digests", [True, False])
def test_wrong_bytes_are_thrown_away_with_what_pip_kept_of_them(
    qtbot, working, local_order, index, told_digests
):
    index.faults["idna"], index.told_digests = Fault.CORRUPTS, told_digests
    assert ended(qtbot, local_order).fault == "checksum"
    index.faults.clear()
    assert_recovers(qtbot, local_order, working)


def test_a_refused_file_is_told_as_such(qtbot, local_order, index):
    index.faults["pip"] = Fault.REFUSES
    assert ended(qtbot, local_order).fault == "refused"


def test_a_dead_server_is_a_network_fault(qtbot, local_order, index):
    index.stop()
    assert ended(qtbot, local_order).fault == "no network"


def test_a_version_that_is_not_there_has_no_wheel(qtbot, local_order):
    local_order.requirements.file.write_text("packaging==99.1\n")
    told = ended(qtbot, local_order)
    assert told.fault == "no wheel"
    assert "99.1" in told.end.values["log"]


def test_too_little_room_is_told_before_anything_is_done(qtbot, order):
    requirements = replace(order.requirements, disk_mb=10**9)
    told = ended(qtbot, replace(order, requirements=requirements))
    assert told.fault == "disk full"
    assert told.steps == []
    assert "1000000.0 GB are needed" in sentence_for(told.end)
    assert_recovers(qtbot, order)


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("only root may mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_fills_up_half_way_is_told(qtbot, local_order, small_disk):
    from lspace.gis.runtime.runtime_folder import RuntimeFolder

    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(20_000_000))
    requirements = replace(local_order.requirements, disk_mb=1)
    order = replace(local_order, folder=RuntimeFolder(small_disk / "runtime"), requirements=requirements)
    assert ended(qtbot, order).fault == "disk full"
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    assert_recovers(qtbot, order)


def test_a_folder_that_takes_no_files_is_told(qtbot, local_order, small_disk):
    from lspace.gis.runtime.runtime_folder import RuntimeFolder

    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    requirements = replace(local_order.requirements, disk_mb=1)
    order = replace(local_order, folder=RuntimeFolder(small_disk), requirements=requirements)
    assert ended(qtbot, order).fault == "blocked"
    assert ended(qtbot, replace(order, folder=RuntimeFolder(small_disk / "runtime"))).fault == "blocked"
    subprocess.run(["mount", "-o", "remount,rw,size=200m", str(small_disk)], check=True)
    assert_recovers(qtbot, order)


def test_a_file_in_place_of_the_folder_is_told(qtbot, local_order, tmp_path):
    from lspace.gis.runtime.runtime_folder import RuntimeFolder

    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "runtime"):
        assert ended(qtbot, replace(local_order, folder=RuntimeFolder(folder))).fault == "blocked"


def test_a_path_that_grows_too_long_is_told(qtbot, local_order, tmp_path):
    from lspace.gis.runtime.runtime_folder import RuntimeFolder

    place = tmp_path
    while len(str(place)) < 3800:  # of 4096
        place /= "a" * 200
    told = ended(qtbot, replace(local_order, folder=RuntimeFolder(place / ("b" * 240))))
    assert told.fault == "long path"
    assert "short name" in sentence_for(told.end)


def test_a_user_whose_name_is_not_ascii_has_a_runtime_too(qtbot, local_order, tmp_path, monkeypatch):
    from lspace.gis.runtime.runtime_folder import RuntimeFolder, default_folder

    home = tmp_path / "Zoë Ωμέγα 山田"
    home.mkdir()
    for name in ("HOME", "TMPDIR"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setenv("LC_ALL", "C")
    folder = default_folder()
    assert home in folder.parents
    assert versions_in(ended(qtbot, replace(local_order, folder=RuntimeFolder(folder))).end) == PACKAGES


def program(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_a_python_without_venv_is_told(qtbot, local_order, tmp_path):
    script = "#!/bin/sh\necho 'No module named ensurepip'\nexit 1\n"
    base = program(tmp_path / "python", script)
    assert ended(qtbot, replace(local_order, base=base)).fault == "broken base"


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("OSError: [WinError 4551] An Application Control policy has blocked this file", "blocked"),
        ("OSError: [WinError 1260] Dieses Programm wurde durch eine Gruppenrichtlinie geblockt", "blocked"),
        ("OSError: [WinError 225] the file contains a virus or potentially unwanted software", "blocked"),
        ("OSError: [Errno 122] Disk quota exceeded: '/home/anna/.local'", "disk full"),
        ("OSError: [WinError 206] The filename or extension is too long", "long path"),
    ],
)
def test_what_other_systems_say_is_understood(qtbot, local_order, tmp_path, said, fault):
    base = program(tmp_path / "python", f'#!/bin/sh\necho "{said}" >&2\nexit 1\n')
    told = ended(qtbot, replace(local_order, base=base))
    assert told.fault == fault
    assert said in told.end.values["log"]
    assert not list(local_order.folder.path.glob("env-*"))


def test_a_program_for_another_processor_is_told(qtbot, local_order, tmp_path):
    base = tmp_path / "python"
    header = bytearray(Path(local_order.base).resolve().read_bytes()[:4096])
    header[18:20] = b"\xf3\x00"  # RISC-V
    base.write_bytes(header)
    base.chmod(0o755)
    assert ended(qtbot, replace(local_order, base=str(base))).fault == "wrong architecture"


def test_a_program_that_may_not_be_run_is_told(qtbot, local_order, tmp_path):
    base = tmp_path / "python"
    shutil.copy(local_order.base, base)
    base.chmod(0o600)
    assert ended(qtbot, replace(local_order, base=str(base))).fault == "blocked"


def test_a_step_that_is_killed_is_told(qtbot, local_order, tmp_path):
    base = program(tmp_path / "python", "#!/bin/sh\nkill -9 $$\n")
    assert ended(qtbot, replace(local_order, base=base)).fault == "killed"


def test_a_package_that_cannot_be_imported_is_no_runtime(qtbot, working, local_order):
    requirements = replace(local_order.requirements, modules=("packaging", "six"))
    told = ended(qtbot, replace(local_order, requirements=requirements))
    assert told.end.values["step"] == "checking"
    assert "No module named 'six'" in told.end.values["log"]
    assert local_order.folder.current() == working
