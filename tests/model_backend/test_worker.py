# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker as a real process: what it answers, how it is stopped, and what never reaches its stdout."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from subprocess import PIPE

import pytest
from chips import UTM, chip_with
from conversation import PATIENCE_S, ROOT, Conversation
from lspace.model_backend.contract import EMBEDDED_MODEL, load_contracts
from lspace.model_backend.protocol import PROTOCOL_VERSION, Message, MessageType

LOAD, RUN, CANCEL = MessageType.LOAD, MessageType.RUN, MessageType.CANCEL
READY, STAGE, TEXT, DETECTION = MessageType.READY, MessageType.STAGE, MessageType.TEXT, MessageType.DETECTION
CHIP_DONE, RESULT = MessageType.CHIP_DONE, MessageType.RESULT
ERROR, CANCELLED = MessageType.ERROR, MessageType.CANCELLED
TOKEN_S = 0.2
"""Pause of the slow worker at each of its tokens, of which an answer has eleven."""


def look_for(target="vessel candidate", *chips):
    payloads = [chip.to_payload() for chip in chips or (chip_with((8, 8, 16, 16)),)]
    return {"task": "detect", "targets": [target], "chips": payloads, "output_crs_wkt": UTM}


def kinds(messages):
    return [message.type for message in messages]


def codes(messages):
    return [message.body["code"] for message in messages if message.type is ERROR]


@pytest.fixture
def quick(start):
    worker = start("bright_targets.py")
    worker.next()
    worker.load()
    return worker


@pytest.fixture
def slow(start):
    worker = start("bright_targets.py", TOKEN_S)
    worker.next()
    worker.load()
    return worker


@pytest.fixture
def erratic(start):
    worker = start("erratic_engine.py")
    worker.next()
    return worker


def test_ready_comes_first_and_once(start):
    worker = start("bright_targets.py")
    ready = worker.next().message
    assert (ready.type, ready.request_id, ready.body["protocol"]) == (READY, 0, PROTOCOL_VERSION)
    assert kinds([worker.load()]) == [RESULT]


def test_a_load_is_answered_with_what_was_loaded(quick):
    result = quick.load(2)
    assert result.body["contract"] == "lspace"
    assert result.body["info"]["name"] == "bright-targets"


def test_a_run_is_answered_with_detections_text_a_chip_and_a_result(quick):
    quick.send(RUN, 2, look_for("vessel candidate", chip_with((8, 8, 16, 16), (30, 30, 40, 44))))
    messages = quick.until_end_of(2)
    assert (messages[0].type, kinds(messages)[-2:]) == (STAGE, [CHIP_DONE, RESULT])
    assert kinds(messages).count(DETECTION) == 2
    assert set(kinds(messages[1:-2])) == {TEXT, DETECTION}
    assert kinds(messages).index(DETECTION) < len(messages) - 1 - kinds(messages)[::-1].index(TEXT)
    assert messages[-1].body["seconds"] > 0


BEFORE = chip_with((30, 30, 40, 44), chip_id="before", date="2023-07-01")
AFTER = chip_with((8, 8, 16, 16), (30, 30, 40, 44), chip_id="after", date="2023-09-01")


@pytest.mark.parametrize("task", load_contracts()["lspace"].offered, ids=lambda task: task.name)
def test_every_task_that_is_offered_is_answered(quick, task):
    chips = [chip.to_payload() for chip in (BEFORE, AFTER)[-task.images :]]
    fields = {"targets": ["water"], "question": "How many?", "wordings": {}, "ask_anyway": False}
    quick.send(RUN, 2, {"task": task.name, "chips": chips, "output_crs_wkt": UTM, **fields})
    messages = quick.until_end_of(2)
    assert kinds(messages)[-2:] == [CHIP_DONE, RESULT]
    done = messages[-2].body
    assert [answer["task"] for answer in done["answers"]] == [*filter(None, [task.report]), task.name]
    assert {message.body["chip_id"] for message in messages[:-2] if message.type is TEXT} == {"after"}
    found = {"boxes": 3 - task.images, "text": 0}  # of a pair, what the first image shows is no change
    assert kinds(messages).count(DETECTION) == found[task.answer]


def test_a_pair_without_a_change_gives_a_report_and_no_boxes(quick):
    chips = [chip.to_payload() for chip in (AFTER, BEFORE)]
    quick.send(RUN, 2, {"task": "flood", "chips": chips, "output_crs_wkt": UTM})
    messages = quick.until_end_of(2)
    done = messages[-2].body
    assert (done["gated"], [answer["negative"] for answer in done["answers"]]) == (True, [True])
    assert kinds(messages).count(DETECTION) == 0


AGREE = MessageType.AGREE
VESSEL, ELSEWHERE = [8 / 56, 8 / 56, 16 / 56, 16 / 56], [0.5, 0.5, 0.9, 0.9]


def test_several_places_are_answered_one_by_one_with_their_boxes(quick):
    chips = [chip_with((8, 8, 16, 16), chip_id="first"), chip_with(chip_id="second")]
    quick.send(MessageType.BATCH, 2, {"runs": [look_for("vessel candidate", chip) for chip in chips]})
    messages = quick.until_end_of(2)
    assert kinds(messages) == [CHIP_DONE, CHIP_DONE, RESULT]
    told = [(message.body["chip_id"], len(message.body["detections"])) for message in messages[:-1]]
    assert told == [("first", 1), ("second", 0)]


def agreement_on(*boxes):
    return {"request": look_for(), "boxes": [["vessel candidate", *box] for box in boxes]}


def test_boxes_are_looked_for_again_in_views_and_the_share_done_is_told(quick):
    quick.send(AGREE, 2, agreement_on(VESSEL, ELSEWHERE))
    *stages, result = quick.until_end_of(2)
    assert [stage.body for stage in stages] == [
        {"stage": "agreeing", "share": share} for share in (0.0, 0.2, 0.4, 0.6, 0.8)
    ]
    assert (result.type, result.body["agreement"], result.body["views"]) == (RESULT, [1.0, 0.0], 5)
    assert result.body["seconds"] > 0


def test_looking_for_boxes_again_can_be_cancelled(slow):
    slow.send(AGREE, 2, agreement_on(VESSEL))
    slow.until(lambda message: message.type is STAGE)
    slow.send(CANCEL, 2)
    assert slow.until_end_of(2)[-1].type is CANCELLED
    assert kinds([slow.load(3)]) == [RESULT]


def test_boxes_before_a_load_and_boxes_that_are_none_are_refused(erratic, quick):
    erratic.send(AGREE, 1, agreement_on(VESSEL))
    assert codes(erratic.until_end_of(1)) == ["request"]
    quick.send(AGREE, 2, agreement_on(["a", "b"]))
    assert codes(quick.until_end_of(2)) == ["request"]


def test_requests_are_answered_in_their_order(quick):
    quick.send(RUN, 2, look_for())
    quick.send(RUN, 3, look_for())
    ids = [message.request_id for message in quick.until_end_of(3)]
    assert ids == sorted(ids)
    assert set(ids) == {2, 3}


def test_a_cancel_is_answered_within_a_token(slow):
    slow.send(RUN, 2, look_for())
    slow.until(lambda message: message.type is TEXT)
    slow.send(CANCEL, 2)
    sent = time.monotonic()
    heard = [slow.next()]
    while not heard[-1].message.type.is_terminal():
        heard.append(slow.next())
    assert [item.message.type for item in heard] in ([TEXT, CANCELLED], [CANCELLED])
    assert heard[-1].at - sent < 4 * TOKEN_S


def test_a_request_after_a_cancel_is_answered(slow):
    slow.send(RUN, 2, look_for())
    slow.until(lambda message: message.type is TEXT)
    slow.send(CANCEL, 2)
    slow.until_end_of(2)
    slow.send(RUN, 3, {**look_for(), "chips": [chip_with().to_payload()]})
    assert kinds(slow.until_end_of(3)) == [STAGE, TEXT, CHIP_DONE, RESULT]


def test_a_request_that_waits_is_cancelled_before_it_begins(slow):
    slow.send(RUN, 2, look_for())
    slow.send(RUN, 3, look_for())
    slow.send(LOAD, 4, {"model": "another"})
    slow.send(CANCEL, 3)
    slow.send(CANCEL, 4)
    assert slow.until_end_of(2)[-1].type is RESULT
    assert kinds(slow.until_end_of(3)) == [CANCELLED]
    assert kinds(slow.until_end_of(4)) == [CANCELLED]


def test_a_cancel_of_what_is_over_or_never_was_harms_nobody(quick):
    quick.send(CANCEL, 1)
    quick.send(CANCEL, 99)
    quick.send(RUN, 2, look_for())
    assert quick.until_end_of(2)[-1].type is RESULT


def test_the_end_of_its_input_ends_the_worker(quick):
    status, seconds = quick.end_input()
    assert status == 0
    assert seconds < 2
    assert quick.rest() == []


def test_the_end_of_its_input_ends_the_worker_within_a_token_of_an_answer(slow):
    slow.send(RUN, 2, look_for())
    slow.send(RUN, 3, look_for())
    slow.until(lambda message: message.type is TEXT)
    status, seconds = slow.end_input()
    assert status == 0
    assert seconds < TOKEN_S + 1
    rest = slow.rest()
    assert kinds(rest) in ([TEXT, CANCELLED, CANCELLED], [CANCELLED, CANCELLED])


def test_a_worker_that_nobody_listens_to_ends_quietly():
    command = [sys.executable, str(ROOT / "tests" / "workers" / "bright_targets.py")]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        process.stdin.write(Message(LOAD, 1, {"model": "m"}).to_line())
        process.stdin.flush()  # and left open
        assert process.wait(PATIENCE_S) == 0
        stderr = process.stderr.read()
    assert b"Traceback" not in stderr
    assert b"Fatal" not in stderr


def test_what_libraries_write_to_stdout_goes_to_stderr(erratic):
    erratic.load()
    erratic.send(RUN, 2, look_for("chatter"))
    assert kinds(erratic.until_end_of(2)) == [STAGE, TEXT, TEXT, CHIP_DONE, RESULT]
    erratic.end_input()
    for words in (
        "printed by a library",
        "written to the first stdout",
        "written in C",
        "written by a child",
    ):
        assert erratic.stderr().count(f"{words}\n") == 3  # at the start, while loading, while running


def test_a_child_that_reads_stdin_takes_no_request_away(erratic):
    erratic.load()
    erratic.send(RUN, 2, look_for("pry"))
    erratic.send(RUN, 3, look_for("nothing"))
    assert erratic.until_end_of(3)[-1].type is RESULT


def test_an_error_of_no_known_kind_is_told_and_survived(erratic):
    erratic.load()
    erratic.send(RUN, 2, look_for("explode"))
    messages = erratic.until_end_of(2)
    assert kinds(messages) == [STAGE, TEXT, ERROR]
    assert messages[-1].body == {
        "code": "internal",
        "message": "ZeroDivisionError: no kind that we know",
        "values": {},
    }
    erratic.send(RUN, 3, look_for("nothing"))
    assert erratic.until_end_of(3)[-1].type is RESULT
    erratic.end_input()
    assert "Traceback (most recent call last)" in erratic.stderr()
    assert "in explode" in erratic.stderr()


def test_a_lack_of_memory_is_told_as_such_and_survived(erratic):
    erratic.load()
    erratic.send(RUN, 2, look_for("starve"))
    assert codes(erratic.until_end_of(2)) == ["out_of_memory"]
    erratic.send(RUN, 3, look_for("nothing"))
    assert erratic.until_end_of(3)[-1].type is RESULT


def test_a_run_before_a_load_is_refused(erratic):
    erratic.send(RUN, 1, look_for())
    (error,) = erratic.until_end_of(1)
    assert (error.body["code"], error.body["message"]) == ("request", "no model is loaded")


def test_loading_is_told_in_stages(erratic):
    erratic.send(LOAD, 1, {"model": "m"})
    stage, result = erratic.until_end_of(1)
    assert stage.body == {"stage": "loading", "step": "weights", "share": 0.5}
    assert result.body["info"]["load_s"] == 1


def test_the_same_choice_is_loaded_once_and_another_anew(erratic):
    assert erratic.load(1, "one").body["info"]["load_s"] == 1
    erratic.send(LOAD, 2, {"model": "one"})
    (again,) = erratic.until_end_of(2)  # without stages
    assert again.body["info"]["load_s"] == 1
    assert erratic.load(3, "two").body["info"]["load_s"] == 2


def test_nobody_reads_stdin_while_a_model_is_loaded(erratic):
    """What is imported meanwhile would hang on Windows."""
    erratic.send(LOAD, 1, {"model": "slow"})
    erratic.send_line(b"garbage\n")
    erratic.until_end_of(1)
    erratic.send(RUN, 2, look_for("nothing"))
    assert erratic.until_end_of(2)[-1].type is RESULT
    erratic.end_input()
    told = erratic.stderr()
    assert told.index("slow load is over") < told.index("not JSON")


def test_after_a_load_that_failed_no_model_is_there_and_the_next_load_works(erratic):
    erratic.load(1, "one")
    failed = erratic.load(2, "missing")
    assert failed.body == {
        "code": "model_not_found",
        "message": "there is no folder missing",
        "values": {"model": "missing"},
    }
    erratic.send(RUN, 3, look_for())
    assert codes(erratic.until_end_of(3)) == ["request"]
    assert erratic.load(4, "one").body["info"]["load_s"] == 2


def test_nonsense_is_a_request_error(quick):
    nonsense = [
        ({}, "missing"),
        ({**look_for(), "temperature": 1}, "unknown fields"),
        ({**look_for(), "max_new_tokens": "many"}, "max_new_tokens"),
        ({**look_for(), "chips": []}, "at least one chip"),
        ({**look_for(), "targets": [" "]}, "nothing to look for"),
    ]
    for request_id, (body, words) in enumerate(nonsense, 2):
        quick.send(RUN, request_id, body)
        (error,) = quick.until_end_of(request_id)
        assert error.body["code"] == "request"
        assert words in error.body["message"]


def test_lines_that_are_no_messages_are_passed_over(quick):
    for line in (b"garbage\n", b"\n", b"\xff\xfe\n", b"[" * 50_000 + b"\n", b'{"v": 1, "type": "run"}\n'):
        quick.send_line(line)
    quick.send(RUN, 2, look_for())
    assert quick.until_end_of(2)[-1].type is RESULT
    quick.end_input()
    assert quick.stderr().count("not JSON") == 4
    assert "not a message of version 2" in quick.stderr()


def test_a_message_that_is_no_request_is_an_error(quick):
    quick.send(TEXT, 2, {"text": "hello"})
    assert codes(quick.until_end_of(2)) == ["protocol"]


def test_a_path_of_odd_bytes_comes_back_in_the_error(start):
    worker = start("erratic_engine.py")
    worker.next()
    worker.send(LOAD, 1, {"model": "m", "folder \udcff 海": ""})
    (error,) = worker.until_end_of(1)
    assert error.body["code"] == "request"


def missing_package(command, **environment):
    """The messages and the exit status of a worker that cannot start."""
    worker = Conversation(command, env={**os.environ, **environment})
    status = worker.ended()
    messages = worker.rest()
    worker.kill()
    return messages, status


def test_an_interpreter_without_packages_says_so_and_ends():
    # -S: without site-packages
    (error,), status = missing_package([sys.executable, "-S", "-m", "model_backend", "worker"])
    assert (error.type, error.request_id, error.body["code"], status) == (ERROR, 0, "package_missing", 1)
    assert error.body["values"]["package"] in error.body["message"] != ""
    assert error.body["values"]["python"] == sys.executable


@pytest.mark.parametrize("kind", ["ImportError", "OSError"])
def test_a_package_that_cannot_be_imported_is_told_before_the_end(tmp_path, kind):
    break_package(tmp_path, "onnxruntime", kind)
    command = [sys.executable, "-m", "model_backend", "worker"]
    (error,), status = missing_package(command, PYTHONPATH=str(tmp_path))
    assert (error.type, error.request_id, error.body["code"], status) == (ERROR, 0, "package_missing", 1)
    assert error.body["message"] == "lib.so: cannot open shared object"


@pytest.mark.parametrize("kind", ["ImportError", "OSError"])
def test_a_torch_that_cannot_be_imported_is_told_to_who_asks_for_it_and_to_nobody_else(tmp_path, kind):
    break_package(tmp_path, "torch", kind)
    command = [sys.executable, "-m", "model_backend", "worker"]
    worker = Conversation(command, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    try:
        choice = {"model": str(EMBEDDED_MODEL), "cache_dir": str(tmp_path)}
        worker.send(LOAD, 1, {**choice, "precision": "float32"})
        error = worker.until_end_of(1)[-1]
        assert (error.body["code"], error.body["message"]) == (
            "package_missing",
            "lib.so: cannot open shared object",
        )
        worker.send(LOAD, 2, {**choice, "device": "cpu"})
        assert worker.until_end_of(2)[-1].body["info"]["precision"] == "q8"
    finally:
        worker.kill()


def break_package(folder, name, kind):
    """A package of that name that cannot be imported."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(f"raise {kind}('lib.so: cannot open shared object')")


def test_the_real_worker_loads_a_model_and_writes(tiny):
    worker = Conversation([sys.executable, "-m", "model_backend", "worker"])
    try:
        assert worker.next().message.type is READY
        result = worker.load(1, str(tiny))
        assert result.body["info"]["random_weights"] is True
        worker.send(RUN, 2, {**look_for("water"), "max_new_tokens": 5})
        messages = worker.until_end_of(2)
        assert messages[-1].type is RESULT
        assert 1 <= kinds(messages).count(TEXT) <= 5
    finally:
        worker.kill()
