"""The real worker with a server behind it: the same messages, and the login in none of its words."""

from __future__ import annotations

import sys

import pytest
from chips import UTM, chip_with
from conversation import Conversation
from lspace.model_backend.protocol import Message, MessageType
from servers.chat_server import BOXES, ChatServer, Fault

SECRET = "sk-a-very-secret-key"
LOOK = {
    "task": "detect",
    "targets": ["water", "tree cover"],
    "chips": [chip_with((8, 8, 16, 16)).to_payload()],
    "output_crs_wkt": UTM,
}


@pytest.fixture
def server():
    with ChatServer() as running:
        running.key = f"Bearer {SECRET}"
        yield running


@pytest.fixture
def worker():
    talk = Conversation([sys.executable, "-m", "model_backend", "worker"])
    talk.next()
    yield talk
    talk.kill()


def choice_of(server, login=SECRET):
    headers = {"Authorization": f"Bearer {login}"}
    return {"model": "", "remote": {"address": server.url, "headers": headers}}


def load(worker, server, request_id=1, **options):
    worker.send(MessageType.LOAD, request_id, choice_of(server, **options))
    return worker.until_end_of(request_id)


def test_a_run_is_the_same_as_with_a_model_of_this_computer(server, worker):
    *stages, result = load(worker, server)
    assert [stage.body["step"] for stage in stages] == ["server"]
    assert result.body["contract"] == "lspace"
    assert result.body["info"]["device"] == f"remote ({server.host})"
    server.answer = lambda words, _pictures: BOXES.replace(
        "water", "tree cover" if "tree" in words else "water"
    )
    worker.send(MessageType.RUN, 2, LOOK)
    messages = worker.until_end_of(2)
    found = [
        message.body["detection"]["proposal"] for message in messages if message.type is MessageType.DETECTION
    ]
    assert sorted(each["label"] for each in found) == ["tree cover", "water"]
    assert all(each["score"] == pytest.approx(0.9) for each in found)
    assert messages[-1].type is MessageType.RESULT
    done = next(message for message in messages if message.type is MessageType.CHIP_DONE)
    assert [answer["target"] for answer in done.body["answers"]] == ["water", "tree cover"]
    assert [answer["finish_reason"] for answer in done.body["answers"]] == ["stop", "stop"]


def test_a_cancel_ends_a_silent_server_and_the_worker_goes_on(server, worker):
    load(worker, server)
    server.faults.extend([Fault.SILENT, Fault.SILENT])
    worker.send(MessageType.RUN, 2, LOOK)
    worker.next()
    worker.send(MessageType.CANCEL, 2)
    assert worker.until_end_of(2)[-1].type is MessageType.CANCELLED
    server.faults.clear()
    worker.send(MessageType.RUN, 3, LOOK)
    assert worker.until_end_of(3)[-1].type is MessageType.RESULT


def test_what_a_server_does_wrong_is_told_with_its_reason(server, worker):
    load(worker, server)
    server.faults.append(Fault.TOO_LARGE)
    worker.send(MessageType.RUN, 2, LOOK)
    error = worker.until_end_of(2)[-1]
    assert (error.type, error.body["code"]) == (MessageType.ERROR, "remote_failed")
    assert (error.body["values"]["reason"], error.body["values"]["host"]) == ("too large", server.host)


def test_a_new_login_takes_effect_with_the_next_load(server, worker):
    assert load(worker, server, 1, login="wrong")[-1].body["values"]["reason"] == "unauthorised"
    assert load(worker, server, 2)[-1].type is MessageType.RESULT


def test_the_login_is_in_none_of_its_words(server, worker):
    said = [*load(worker, server, 1, login=f"{SECRET}-wrong"), *load(worker, server, 2)]
    server.faults.append(Fault.UNAUTHORISED)  # repeats what it was sent
    worker.send(MessageType.RUN, 3, LOOK)
    said += worker.until_end_of(3)
    worker.send_line(Message(MessageType.LOAD, 4, choice_of(server)).to_line().replace(b'"v": 2', b'"v": 1'))
    worker.send_line(Message(MessageType.LOAD, 5, {**choice_of(server), "other": 1}).to_line())
    said += worker.until_end_of(5)
    worker.end_input()
    assert SECRET in str(server.headers)
    assert "not a message" in worker.stderr()
    assert SECRET not in worker.stderr() + "".join(str(message) for message in said)
