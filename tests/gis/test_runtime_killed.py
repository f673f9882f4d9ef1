"""Cancelled, killed, or two at once: nothing is left running, and what has arrived is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from preparing import PACKAGES, PATIENCE_MS, ended, started, versions_in
from servers.package_index import Fault, waited_for

pytest_plugins = ("runtime_fixtures",)

PREPARER = Path(__file__).resolve().parents[1] / "workers" / "preparer.py"


def processes_in(folder):
    """Ids of the processes that run anything out of a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in line and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def of_kind(index, start):
    return [name for name in index.asked if name.startswith(start)]


def test_a_cancel_ends_the_whole_family_and_keeps_the_old_runtime(qtbot, working, local_order, index):
    index.faults["idna"] = Fault.STALLS
    told = started(replace(local_order, timeout_s=60))
    index.asked.clear()
    qtbot.waitUntil(lambda: bool(of_kind(index, "idna")), timeout=PATIENCE_MS)
    assert processes_in(told.preparation._environment)
    told.preparation.cancel()
    told.preparation.cancel()
    qtbot.waitUntil(lambda: bool(told.ends), timeout=20_000)
    assert told.ends == [None]
    assert processes_in(told.preparation._environment) == []
    assert local_order.folder.current() == working
    assert [path.name for path in local_order.folder.path.glob("env-*")] == [working.folder.name]


def test_a_cancel_while_the_environment_is_made_is_heard(qtbot, local_order):
    told = started(local_order)
    qtbot.waitUntil(lambda: "creating" in told.steps, timeout=20_000)
    qtbot.waitUntil(lambda: bool(processes_in(told.preparation._environment)), timeout=20_000)
    told.preparation.cancel()
    qtbot.waitUntil(lambda: bool(told.ends), timeout=20_000)
    assert told.ends == [None]
    qtbot.waitUntil(lambda: processes_in(told.preparation._environment) == [], timeout=20_000)
    assert versions_in(ended(qtbot, local_order).end) == PACKAGES


def test_a_cancel_before_the_first_step_is_heard(qtbot, local_order):
    told = started(local_order)
    told.preparation.cancel()
    qtbot.waitUntil(lambda: bool(told.ends), timeout=20_000)
    assert told.ends == [None]
    assert told.steps == ["cleaning"]


def test_after_a_cancel_what_had_arrived_is_not_fetched_again(qtbot, local_order, index):
    index.faults["idna"] = Fault.STALLS
    told = started(replace(local_order, timeout_s=60))
    qtbot.waitUntil(lambda: bool(of_kind(index, "idna")), timeout=PATIENCE_MS)
    told.preparation.cancel()
    qtbot.waitUntil(lambda: bool(told.ends), timeout=20_000)
    assert of_kind(index, "packaging")
    index.asked.clear()
    index.faults.clear()
    assert versions_in(ended(qtbot, local_order).end) == PACKAGES
    assert of_kind(index, "packaging") == []
    assert of_kind(index, "pip-") == []


def test_two_at_once_are_kept_apart(qtbot, local_order):
    first = started(local_order)
    second = ended(qtbot, local_order)
    assert second.fault == "busy"
    qtbot.waitUntil(lambda: bool(first.ends), timeout=PATIENCE_MS)
    assert versions_in(first.end) == PACKAGES


@pytest.fixture
def other_qgis(local_order):
    """Another process that prepares the same folder."""
    requirements = local_order.requirements
    arguments = [str(local_order.folder.path), local_order.base, str(requirements.file), requirements.index]
    process = subprocess.Popen([sys.executable, str(PREPARER), *arguments], stdout=subprocess.DEVNULL)
    yield process
    process.kill()
    process.wait()


def test_a_killed_qgis_leaves_no_process_a_lock_that_is_taken_over_and_its_downloads(
    qtbot, working, local_order, index, other_qgis
):
    index.faults["idna"] = Fault.STALLS
    index.asked.clear()
    waited_for(lambda: of_kind(index, "idna"), 60)
    assert ended(qtbot, local_order).fault == "busy"
    other_qgis.send_signal(signal.SIGKILL)
    other_qgis.wait()
    waited_for(lambda: not processes_in(local_order.folder.path))
    assert local_order.folder.current() == working
    assert versions_in(working.python) == PACKAGES
    assert len(list(local_order.folder.path.glob("env-*"))) == 2
    index.faults.clear()
    index.asked.clear()
    assert versions_in(ended(qtbot, local_order).end) == PACKAGES
    assert of_kind(index, "packaging") == []
    assert len(list(local_order.folder.path.glob("env-*"))) == 1
