"""A thread that waits for the worker hears all it says, and gets away from one that goes wrong."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.errors import RunCancelled, WorkerCrashed, WorkerFailed
from lspace.gis.runs.waiting_worker import WaitingWorker
from lspace.model_backend.contract import EMBEDDED_MODEL
from lspace.model_backend.protocol import MessageType
from lspace.model_backend.request import ModelChoice
from planted import WORKER_PYTHON
from processes import is_running

MISBEHAVING = str(Path(__file__).resolve().parents[1] / "workers" / "misbehaving.py")


@pytest.fixture
def make_worker(qgis_app):
    workers = []

    def make(mode, is_cancelled=lambda: False):
        workers.append(WaitingWorker(sys.executable, is_cancelled, [MISBEHAVING, mode]))
        return workers[-1]

    yield make
    for worker in workers:
        worker.close()


def texts(messages):
    return "".join(message.body["text"] for message in messages if message.type is MessageType.TEXT)


def test_all_that_is_said_arrives_and_the_result_is_last(make_worker):
    heard = list(make_worker("well").ask(MessageType.RUN, {}))
    assert texts(heard) == "first second "
    assert heard[-1].type is MessageType.RESULT


def test_one_process_answers_one_request_after_the_other(make_worker):
    worker = make_worker("well")
    worker.answer(MessageType.LOAD, {})
    process_id = worker.process_id
    assert texts(worker.ask(MessageType.RUN, {})) == "first second "
    assert worker.process_id == process_id


@pytest.mark.parametrize(
    ("mode", "reason"),
    [("killed", "signal"), ("exits", "exit"), ("garbage", "garbage"), ("endless-line", "garbage")],
)
def test_a_worker_that_goes_wrong_is_told_of_and_replaced(make_worker, mode, reason):
    worker = make_worker(mode)
    with pytest.raises(WorkerCrashed) as caught:
        list(worker.ask(MessageType.RUN, {}))
    assert caught.value.values["reason"] == reason
    assert not worker.is_running
    worker.answer(MessageType.LOAD, {})
    assert worker.is_running


def test_a_program_that_is_none_is_told_of(qgis_app):
    with pytest.raises(WorkerCrashed) as caught:
        WaitingWorker("/no/python", lambda: False).answer(MessageType.LOAD, {})
    assert caught.value.values["reason"] == "not started"


def test_who_gives_up_gets_away_from_a_deaf_worker(make_worker):
    worker = make_worker("deaf", lambda: True)
    with pytest.raises(RunCancelled):
        list(worker.ask(MessageType.RUN, {}))
    assert not worker.is_running


def test_a_worker_that_listens_lives_on_when_somebody_gives_up(qgis_app):
    gives_up = [False]
    load = ModelChoice(str(EMBEDDED_MODEL)).to_payload()
    with WaitingWorker(WORKER_PYTHON, lambda: gives_up[0]) as worker:
        worker.answer(MessageType.LOAD, load)
        process_id = worker.process_id
        gives_up[0] = True
        with suppress(RunCancelled):  # or it was quicker
            worker.answer(MessageType.LOAD, {**load, "threads": 1})
        gives_up[0] = False
        assert worker.answer(MessageType.LOAD, load)["info"]["name"] == "lspace-mini"
        assert worker.process_id == process_id


def test_a_worker_that_dies_while_nobody_asks_has_nothing_loaded_any_more(qtbot, make_worker):
    worker = make_worker("well")
    worker.answer(MessageType.LOAD, {})
    os.kill(worker.process_id, signal.SIGKILL)
    qtbot.waitUntil(lambda: not worker.is_running, timeout=20_000)
    assert texts(worker.ask(MessageType.RUN, {})) == "first second "


def test_no_process_is_left_after_closing(make_worker):
    worker = make_worker("deaf-to-the-end")
    worker.answer(MessageType.LOAD, {})
    process_id = worker.process_id
    worker.close()
    assert not is_running(process_id)


def test_the_real_worker_answers_a_thread(qgis_app, tmp_path):
    told = []

    def ask():
        with WaitingWorker(WORKER_PYTHON, lambda: False) as worker:
            told.append(worker.answer(MessageType.LOAD, ModelChoice(str(EMBEDDED_MODEL)).to_payload()))
            try:
                worker.answer(MessageType.LOAD, ModelChoice(str(tmp_path)).to_payload())
            except WorkerFailed as error:
                told.append(error.values["code"])

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(120)
    assert told[0]["info"]["name"] == "lspace-mini"
    assert told[1] == "model_invalid"
