"""The host of the worker against real processes that go wrong in every way we know."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.runs import worker_process
from lspace.gis.runs.worker_process import WorkerProcess, WorkerState
from lspace.model_backend.protocol import MessageType
from processes import is_running

MISBEHAVING = str(Path(__file__).resolve().parents[1] / "workers" / "misbehaving.py")


@pytest.fixture
def make_worker(qtbot):
    workers = []

    def make(mode):
        worker = WorkerProcess(sys.executable, [MISBEHAVING, mode])
        worker.heard, worker.crashes = [], []
        worker.message_received.connect(worker.heard.append)
        worker.crashed.connect(worker.crashes.append)
        workers.append(worker)
        return worker

    yield make
    for worker in workers:
        worker.stop()


def texts(worker):
    return "".join(message.body["text"] for message in worker.heard if message.type is MessageType.TEXT)


def test_a_request_starts_the_worker_and_is_answered(qtbot, make_worker):
    worker = make_worker("well")
    assert worker.process_id is None
    request = worker.send(MessageType.RUN, {})
    qtbot.waitUntil(lambda: any(m.type is MessageType.RESULT for m in worker.heard), timeout=20_000)
    assert texts(worker) == "first second "
    assert [m.request_id for m in worker.heard if m.type is MessageType.RESULT] == [request]
    assert worker.state is WorkerState.IDLE


def test_a_request_sent_while_the_worker_starts_is_not_lost(qtbot, make_worker):
    worker = make_worker("slow-start")
    worker.send(MessageType.LOAD, {})
    worker.send(MessageType.RUN, {})
    assert worker.state is WorkerState.STARTING
    qtbot.waitUntil(lambda: sum(m.type is MessageType.RESULT for m in worker.heard) == 2, timeout=20_000)


@pytest.mark.parametrize(
    ("mode", "reason", "exit_code"),
    [("killed", "signal", 9), ("aborts", "signal", 6), ("exits", "exit", 3), ("exits-at-start", "exit", 1)],
)
def test_a_worker_that_ends_by_itself_is_a_crash_with_its_last_words(
    qtbot, make_worker, mode, reason, exit_code
):
    worker = make_worker(mode)
    worker.send(MessageType.RUN, {})
    qtbot.waitUntil(lambda: bool(worker.crashes), timeout=20_000)
    (error,) = worker.crashes
    assert (error.values["reason"], error.values["exit_code"]) == (reason, exit_code)
    last_words = "DLL load failed" if mode == "exits-at-start" else "about to go wrong: Málaga"
    assert last_words in error.values["log"]
    assert texts(worker) == ("" if mode == "exits-at-start" else "first second ")
    assert worker.state is WorkerState.STOPPED


@pytest.mark.parametrize("mode", ["garbage", "endless-line"])
def test_a_worker_that_writes_garbage_is_ended_and_its_earlier_words_are_kept(qtbot, make_worker, mode):
    worker = make_worker(mode)
    worker.send(MessageType.RUN, {})
    qtbot.waitUntil(lambda: worker.process_id is not None, timeout=20_000)
    process_id = worker.process_id
    qtbot.waitUntil(lambda: bool(worker.crashes), timeout=15000)
    assert worker.crashes[0].values["reason"] == "garbage"
    assert texts(worker) == "first second "
    qtbot.waitUntil(lambda: not is_running(process_id), timeout=20_000)


def test_a_program_that_cannot_be_started_is_a_crash(qtbot):
    worker = WorkerProcess("/nonexistent/python")
    with qtbot.waitSignal(worker.crashed, timeout=20_000) as told:
        worker.send(MessageType.RUN, {})
    assert told.args[0].values["reason"] == "not started"


def test_after_a_crash_the_next_request_starts_a_new_worker(qtbot, make_worker):
    worker = make_worker("killed")
    worker.send(MessageType.RUN, {})
    qtbot.waitUntil(lambda: len(worker.crashes) == 1, timeout=20_000)
    worker.send(MessageType.RUN, {})
    qtbot.waitUntil(lambda: len(worker.crashes) == 2, timeout=20_000)
    assert texts(worker) == "first second " * 2


def test_a_kill_from_outside_while_idle_is_no_crash_and_the_next_request_works(qtbot, make_worker):
    worker = make_worker("well")
    worker.send(MessageType.LOAD, {})
    qtbot.waitUntil(lambda: worker.state is WorkerState.IDLE and bool(worker.heard), timeout=20_000)
    os.kill(worker.process_id, signal.SIGKILL)
    qtbot.waitUntil(lambda: worker.state is WorkerState.STOPPED, timeout=20_000)
    assert worker.crashes == []
    worker.send(MessageType.RUN, {})
    qtbot.waitUntil(lambda: texts(worker) == "first second ", timeout=20_000)


def test_a_worker_that_ignores_a_cancel_is_killed_after_a_grace(qtbot, make_worker):
    worker = make_worker("deaf")
    request = worker.send(MessageType.RUN, {})
    qtbot.waitUntil(lambda: texts(worker) == "first second ", timeout=20_000)
    process_id, started = worker.process_id, time.monotonic()
    worker.cancel(request)
    assert worker.state is WorkerState.CANCELLING
    qtbot.waitUntil(lambda: worker.heard[-1].type is MessageType.CANCELLED, timeout=20_000)
    assert time.monotonic() - started >= worker_process.CANCEL_GRACE_MS / 1000 - 0.1
    assert worker.heard[-1].request_id == request
    assert worker.crashes == []
    qtbot.waitUntil(lambda: not is_running(process_id), timeout=20_000)


def test_a_worker_that_is_loading_is_killed_at_once_by_a_cancel(qtbot, make_worker):
    worker = make_worker("deaf-while-loading")
    request = worker.send(MessageType.LOAD, {})
    qtbot.waitUntil(lambda: any(m.type is MessageType.STAGE for m in worker.heard), timeout=20_000)
    process_id = worker.process_id
    worker.cancel(request)
    assert worker.heard[-1].type is MessageType.CANCELLED
    qtbot.waitUntil(lambda: not is_running(process_id), timeout=20_000)


def test_stop_ends_a_healthy_worker_by_closing_its_input(qtbot, make_worker, monkeypatch):
    worker = make_worker("well")
    worker.send(MessageType.LOAD, {})
    qtbot.waitUntil(lambda: worker.state is WorkerState.IDLE and bool(worker.heard), timeout=20_000)
    process_id = worker.process_id
    monkeypatch.setattr(worker_process, "STOP_GRACE_MS", 600_000)  # it is not killed
    worker.stop()
    qtbot.waitUntil(lambda: not is_running(process_id), timeout=20_000)


def test_stop_kills_a_worker_that_does_not_end_even_if_its_host_is_gone(qtbot):
    worker = WorkerProcess(sys.executable, [MISBEHAVING, "deaf-to-the-end"])
    worker.send(MessageType.RUN, {})
    with qtbot.waitSignal(worker.message_received, timeout=20_000):
        pass
    process_id = worker.process_id
    worker.stop()
    worker.deleteLater()
    del worker
    qtbot.waitUntil(lambda: not is_running(process_id), timeout=worker_process.STOP_GRACE_MS + 3000)


def test_a_chatty_worker_does_not_hang_and_the_end_of_its_log_is_kept(qtbot, make_worker):
    worker = make_worker("noisy")
    worker.send(MessageType.RUN, {})
    qtbot.waitUntil(lambda: any(m.type is MessageType.RESULT for m in worker.heard), timeout=10000)
    qtbot.waitUntil(lambda: "the last line" in worker.log_tail(), timeout=20_000)
    assert len(worker.log_tail()) <= worker_process.LOG_TAIL_BYTES


def test_the_workers_environment_has_nothing_of_qgis(qgis_app, monkeypatch):
    from lspace.gis.interpreter import worker_environment

    for name in ("PYTHONHOME", "PYTHONPATH", "PYTHONEXECUTABLE", "PROJ_LIB", "PROJ_DATA", "GDAL_DATA"):
        monkeypatch.setenv(name, "/opt/qgis")
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{qgis_app.prefixPath()}/lib:/opt/mine")
    environment = worker_environment()
    assert not [name for name in environment.keys() if environment.value(name).startswith("/opt/qgis")]  # noqa: SIM118
    assert environment.value("LD_LIBRARY_PATH") == "/opt/mine"


def test_onnx_runtime_may_not_report_from_any_process_of_ours(qgis_app):
    from lspace.gis.interpreter import worker_environment

    assert worker_environment().value("ORT_DISABLE_TELEMETRY") == "1"
