"""A prepared runtime taken away: what runs from it ends first, what is not ours stays."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.runs.worker_process import WorkerProcess, WorkerState
from lspace.gis.runtime.removal import Removal
from lspace.gis.runtime.runtime_folder import Stamp, folder_of
from lspace.model_backend.protocol import MessageType
from lspace.ui.words import sentence_for
from preparing import BASE, PATIENCE_MS, started

pytest_plugins = ("runtime_fixtures",)
MISBEHAVING = str(Path(__file__).resolve().parents[1] / "workers" / "misbehaving.py")


@pytest.fixture
def prepared(runtime):
    """A runtime that lacks its packages, in use."""
    environment = runtime.new_environment()
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(BASE)
    return runtime.switch_to(environment, Stamp(base=BASE, digest="", build="cpu"))


def removed(qtbot, folder):
    """What came of it: None, or the error."""
    removal, ends = Removal(folder), []
    removal.finished.connect(lambda: ends.append(None))
    removal.failed.connect(ends.append)
    removal.start()
    qtbot.waitUntil(lambda: bool(ends), timeout=10_000)
    (end,) = ends
    return end


def test_removing_leaves_what_is_not_ours(qtbot, prepared, runtime):
    (runtime.path / "letter.txt").write_text("mine")
    assert removed(qtbot, runtime) is None
    assert [path.name for path in runtime.path.iterdir()] == ["letter.txt"]
    assert runtime.current() is None
    (runtime.path / "letter.txt").unlink()
    assert removed(qtbot, runtime) is None
    assert not runtime.path.exists()
    assert removed(qtbot, runtime) is None


@pytest.mark.parametrize("mode", ["well", "deaf-to-the-end"])
def test_a_worker_that_runs_from_it_is_ended_first(qtbot, prepared, runtime, mode):
    worker, other = (
        WorkerProcess(python, [MISBEHAVING, mode]) for python in (prepared.python, sys.executable)
    )
    for each in (worker, other):
        each.send(MessageType.LOAD, {})
    qtbot.waitUntil(lambda: {worker.state, other.state} == {WorkerState.IDLE}, timeout=10_000)
    program = os.readlink(f"/proc/{worker.process_id}/exe")
    assert program == os.path.realpath(BASE)
    assert removed(qtbot, runtime) is None
    assert (worker.state, other.state) == (WorkerState.STOPPED, WorkerState.IDLE)
    assert not runtime.path.exists()
    other.stop()


def test_while_it_is_prepared_it_is_not_removed(qtbot, local_order):
    preparing = started(local_order)
    error = removed(qtbot, local_order.folder)
    assert error.values["reason"] == "busy"
    assert "Wait for it" in sentence_for(error)
    qtbot.waitUntil(lambda: bool(preparing.ends), timeout=PATIENCE_MS)
    assert preparing.end == local_order.folder.current().python


def test_what_the_system_does_not_let_go_of_stays_whole(qtbot, prepared, runtime, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "another program has a file open", prepared.folder)

    monkeypatch.setattr(Path, "rename", refuse)  # as Windows does
    error = removed(qtbot, runtime)
    assert error.values["reason"] == "in use"
    assert "Close that program" in sentence_for(error)
    assert runtime.current() == prepared


def test_the_folder_of_a_prepared_python_is_known_from_its_path(prepared, runtime):
    assert folder_of(prepared.python) == runtime.path
    assert folder_of(sys.executable) == folder_of("")
    assert folder_of("") not in Path(prepared.python).parents
