"""The engine that asks a server, in front of a real one: what it asks, what it reads, what it gives up."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from lspace.model_backend.contract import load_contracts
from lspace.model_backend.errors import Cancelled, RemoteFailed, RequestError
from lspace.model_backend.inference.answers import ask, ask_together
from lspace.model_backend.inference.completion import Completion, FinishReason
from lspace.model_backend.inference.prompts import build_prompts
from lspace.model_backend.inference.proposals import read_proposals
from lspace.model_backend.inference.remote.engine import load_engine
from lspace.model_backend.inference.remote.server import Patience
from lspace.model_backend.remote_choice import RemoteChoice
from PIL import Image
from servers.chat_server import BOXES, ChatServer, Fault

LSPACE = load_contracts()["lspace"]
WATER, TREES = build_prompts(LSPACE, "detect", ("water", "tree cover"), keep_form=True)
CAPTION = build_prompts(LSPACE, "caption", ())[0]
QUICK = Patience(connect_s=2.0, first_token_s=1.0, between_tokens_s=0.5, pauses_s=(0.01, 0.02))
KEY = "Bearer sk-a-very-secret-key"


def picture(seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def never():
    return False


@pytest.fixture
def server():
    with ChatServer() as running:
        yield running


@pytest.fixture
def engine(server):
    return engine_of(server)


def engine_of(server, patience=QUICK, **values):
    return load_engine(RemoteChoice(server.url, **values), lambda *_: None, patience=patience)


def completion_of(engine, prompt=WATER, images=None):
    return Completion.from_chunks(engine.complete(prompt, images or [picture()], never))


def failure_of(engine, **values):
    with pytest.raises(RemoteFailed) as caught:
        completion_of(engine, **values)
    return caught.value


# what is asked


def test_the_question_is_the_trained_one_with_the_pictures_before_it_in_their_order(server, engine):
    first, second = picture(1), picture(2)
    flood = build_prompts(LSPACE, "flood", (), dates=("2023-07-01", "2023-09-01"))[0]
    shown = []
    server.answer = lambda words, pictures: shown.append((words, pictures)) or "Water."
    completion_of(engine, flood, [first, second])
    ((words, pictures),) = shown
    (system, user) = server.asked[0]["messages"]
    assert (system["role"], system["content"], words) == ("system", flood.system, flood.text)
    assert [part["type"] for part in user["content"]] == ["image_url", "image_url", "text"]
    assert [np.asarray(each).tolist() for each in pictures] == [
        np.asarray(each).tolist() for each in (first, second)
    ]


def test_a_model_without_a_system_prompt_is_asked_without_one(server, engine):
    completion_of(engine, replace(CAPTION, system=None))
    assert [message["role"] for message in server.asked[0]["messages"]] == ["user"]


def test_answers_are_asked_for_greedily_and_within_the_budget(server, engine):
    completion_of(engine, replace(CAPTION, max_new_tokens=7))
    asked = server.asked[0]
    assert (asked["temperature"], asked["max_tokens"], asked["stream"]) == (0, 7, True)
    assert asked["model"] == "lspace"


def test_the_form_is_asked_for_where_it_is_to_be_kept_with_the_labels_that_were_trained(server, engine):
    for prompt in (WATER, replace(WATER, keep_form=False), CAPTION):
        completion_of(engine, prompt)
    kept, free, prose = server.asked
    schema = kept["response_format"]["json_schema"]["schema"]
    assert "water" in schema["items"]["properties"]["label"]["enum"]
    assert schema["items"]["required"] == ["label", "bbox"]
    assert "response_format" not in free | prose


def test_own_words_leave_the_label_open(server, engine):
    completion_of(engine, build_prompts(LSPACE, "detect", ("red boats",), keep_form=True)[0])
    schema = server.asked[0]["response_format"]["json_schema"]["schema"]
    assert schema["items"]["properties"]["label"] == {"type": "string"}


# what is read


def test_the_text_its_tokens_and_their_probabilities_arrive(engine):
    completion = completion_of(engine)
    assert (completion.text, completion.finish_reason) == (BOXES, FinishReason.STOP)
    written = [token for token in completion.tokens if token.end > token.start]
    assert len(written) > 10
    assert all(token.logprob == pytest.approx(math.log(0.9)) for token in written)


def test_boxes_get_scores_and_spreads_as_those_of_a_local_model_do(engine):
    (proposal,) = read_proposals(completion_of(engine), "water").proposals
    assert (proposal.label, proposal.box) == ("water", (0.1, 0.2, 0.3, 0.4))
    assert proposal.score == pytest.approx(0.9)
    # the last digit is right with 0.9, and the next higher one with 0.1
    assert proposal.spread == pytest.approx([0.1 * math.sqrt(0.9 * 0.1)] * 4)


def test_where_a_server_tells_no_probabilities_there_is_no_score(server, engine):
    server.knows_logprobs = False
    (proposal,) = read_proposals(completion_of(engine), "water").proposals
    assert (proposal.score, proposal.spread) == (None, None)


def test_an_answer_that_used_up_its_tokens_says_so(engine):
    completion = completion_of(engine, replace(CAPTION, max_new_tokens=3))
    assert completion.finish_reason is FinishReason.LENGTH
    assert BOXES.startswith(completion.text)


def test_an_empty_answer_is_one(server, engine):
    server.answer = lambda *_: ""
    completion = completion_of(engine)
    assert (completion.text, completion.finish_reason) == ("", FinishReason.STOP)


def test_letters_beyond_ascii_arrive_whole(server, engine):
    server.answer = lambda *_: "Küste bei 大阪, 🌊 voraus"
    assert completion_of(engine, CAPTION).text == "Küste bei 大阪, 🌊 voraus"


def test_the_text_is_told_as_it_is_written(server, engine):
    server.token_s = 0.05
    seen = []
    for step in ask(engine, WATER, [picture()], never):
        seen.append((server.open_now, step.completion.text))
        if len(seen) == 3:
            break
    assert [open_now for open_now, _text in seen] == [1, 1, 1]


# several questions


def test_answers_that_come_out_of_order_are_told_at_their_questions_places(server, engine):
    server.answer = lambda words, _pictures: BOXES.replace(
        "water", "tree cover" if "tree" in words else "sea"
    )
    server.pauses.extend([0.3, 0.0])
    finished, labels = [], [None, None]
    for steps in ask_together(engine, [WATER, TREES], [picture()], never):
        for place, step in enumerate(steps):
            if step is not None and step.new_proposals:
                labels[place] = step.new_proposals[0].label
            if step is not None and step.completion.finish_reason:
                finished.append(place)
    asked_first = "tree" in server.asked[0]["messages"][-1]["content"][-1]["text"]
    assert finished == ([0, 1] if asked_first else [1, 0])
    assert labels == ["sea", "tree cover"]


def test_a_batch_is_answered_in_its_order_and_never_more_at_once_than_was_said(server):
    server.answer = lambda _words, pictures: f"{pictures[0].getpixel((0, 0))}"
    server.pauses.extend([0.1, 0.0, 0.15, 0.05] * 3)
    images = [Image.new("RGB", (8, 8), (number, 0, 0)) for number in range(12)]
    engine = engine_of(server, Patience(), concurrency=3)
    completions = engine.complete_batch([(CAPTION, [image]) for image in images], never)
    assert [completion.text for completion in completions] == [f"({number}, 0, 0)" for number in range(12)]
    assert server.most_open == 3


def test_one_question_that_fails_ends_all_of_them(server, engine):
    server.faults.extend([Fault.SILENT, Fault.UNAUTHORISED])
    with pytest.raises(RemoteFailed):
        engine.complete_batch([(WATER, [picture()]), (TREES, [picture()])], never)
    assert server.gone.wait(5)


# cancel


def test_a_cancel_leaves_a_silent_server_at_once(server):
    server.faults.append(Fault.SILENT)
    engine = engine_of(server, Patience())
    started = time.monotonic()
    with pytest.raises(Cancelled):
        list(engine.complete(WATER, [picture()], lambda: bool(server.asked)))
    assert server.gone.wait(5)
    assert time.monotonic() - started < 5


def test_a_cancel_between_two_tokens_closes_the_connection(server, engine):
    server.token_s = 0.05
    told = []
    with pytest.raises(Cancelled):
        told.extend(engine.complete(WATER, [picture()], lambda: len(told) > 2))
    assert server.gone.wait(5)
    assert completion_of(engine).text == BOXES


def test_who_no_longer_listens_closes_the_connection(server, engine):
    server.token_s = 0.05
    chunks = engine.complete(WATER, [picture()], never)
    next(chunks)
    chunks.close()
    assert server.gone.wait(5)


def test_nothing_is_asked_where_it_was_cancelled_before(server, engine):
    with pytest.raises(Cancelled):
        list(engine.complete(WATER, [picture()], lambda: True))
    assert server.asked == []


# faults that pass


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.FAILS, Fault.HANGS_UP])
def test_what_fails_before_the_first_token_is_asked_again(server, engine, fault):
    server.faults.extend([fault, fault])
    assert completion_of(engine).text == BOXES
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("fault", "reason"), [(Fault.BUSY, "busy"), (Fault.FAILS, "failed"), (Fault.HANGS_UP, "cut")]
)
def test_what_goes_on_failing_is_told_after_the_last_try(server, engine, fault, reason):
    server.faults.extend([fault] * 10)
    assert failure_of(engine).values["reason"] == reason
    assert len(server.asked) == 1 + len(QUICK.pauses_s)


def test_a_server_that_says_when_to_come_again_is_left_alone_until_then(server, engine):
    server.retry_after = "1"
    server.faults.append(Fault.BUSY)
    started = time.monotonic()
    assert completion_of(engine).text == BOXES
    assert time.monotonic() - started >= 1


@pytest.mark.parametrize("wanted", ["3600", "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_a_server_that_wants_to_be_left_alone_for_long_is_told_to_be_busy(server, engine, wanted):
    server.retry_after = wanted
    server.faults.append(Fault.BUSY)
    assert failure_of(engine).values["reason"] == "busy"
    assert len(server.asked) == 1


def test_a_pause_between_two_tries_can_be_cancelled(server):
    server.faults.append(Fault.BUSY)
    server.retry_after = "50"
    started = time.monotonic()
    with pytest.raises(Cancelled):
        list(engine_of(server).complete(WATER, [picture()], lambda: time.monotonic() > started + 0.3))
    assert len(server.asked) == 1


# faults that stay


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.SILENT, "stalled"),
        (Fault.UNAUTHORISED, "unauthorised"),
        (Fault.ABSENT, "no model"),
        (Fault.TOO_LARGE, "too large"),
        (Fault.PAGE, "protocol"),
        (Fault.MOVED, "protocol"),
    ],
)
def test_what_will_not_pass_is_asked_once(server, engine, fault, reason):
    server.faults.append(fault)
    error = failure_of(engine)
    assert (error.values["reason"], error.values["host"]) == (reason, server.host)
    assert server.host in str(error)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.STALLS, "stalled"),
        (Fault.PINGS, "stalled"),
        (Fault.CUTS, "cut"),
        (Fault.ENDS_EARLY, "cut"),
        (Fault.BREAKS, "failed"),
        (Fault.GARBAGE, "protocol"),
        (Fault.ENDLESS, "protocol"),
    ],
)
def test_what_goes_wrong_in_the_middle_keeps_what_had_arrived_and_is_not_asked_again(
    server, engine, fault, reason
):
    server.faults.append(fault)
    told = []
    with pytest.raises(RemoteFailed) as caught:
        told.extend(engine.complete(WATER, [picture()], never))
    assert caught.value.values["reason"] == reason
    assert "".join(chunk.text for chunk in told) != ""
    assert len(server.asked) == 1


def test_a_server_that_is_not_there_is_told_at_once():
    with ChatServer() as gone:
        pass
    with pytest.raises(RemoteFailed) as caught:
        engine_of(gone)
    assert caught.value.values["reason"] == "no network"


# what a server does not take


def test_a_server_that_knows_no_forms_is_asked_without_and_from_then_on(server, engine):
    server.refuses = {"response_format"}
    assert completion_of(engine).text == BOXES
    assert ["response_format" in asked for asked in server.asked] == [True, False]
    assert completion_of(engine).tokens[0].logprob is not None
    assert len(server.asked) == 3


def test_a_server_that_tells_no_probabilities_still_keeps_the_form(server, engine):
    server.refuses = {"logprobs"}
    assert completion_of(engine).text == BOXES
    assert "response_format" in server.asked[-1]
    assert {"logprobs", "top_logprobs"}.isdisjoint(server.asked[-1])


def test_a_question_that_is_refused_in_every_way_is_told_in_the_servers_words(server, engine):
    server.refuses = {"messages"}
    error = failure_of(engine)
    assert error.values["reason"] == "refused"
    assert "unknown field" in str(error)
    server.refuses = set()
    assert completion_of(engine).text == BOXES
    assert "response_format" in server.asked[-1]


@pytest.mark.parametrize(
    ("status", "words", "reason"),
    [
        (400, "request (9081 tokens) exceeds the available context size (2048 tokens)", "too large"),
        (400, "This model's maximum context length is 2048 tokens. You requested 9081.", "too large"),
        (500, "image input is not supported - hint: you may need to provide the mmproj", "no images"),
        (400, "lspace is not a multimodal model", "no images"),
    ],
)
def test_what_servers_say_in_words_alone_is_understood_and_asked_once(server, engine, status, words, reason):
    server.complaint = status, words
    error = failure_of(engine)
    assert error.values["reason"] == reason
    assert words[:40] in str(error)
    assert len(server.asked) == 1


# load


def test_what_is_loaded_names_the_server(server, engine):
    info = engine.info
    assert (info.name, info.device) == ("lspace", f"remote ({server.host})")
    assert server.host in info.reason
    assert engine.contract is LSPACE
    assert engine_of(server, contract="lspace-mini").contract.name == "lspace-mini"


def test_the_only_model_is_taken_and_of_several_one_has_to_be_named(server):
    server.names = ["a", "b"]
    assert engine_of(server, model="b").info.name == "b"
    for wanted in ("", "c"):
        with pytest.raises(RemoteFailed, match="a, b") as caught:
            engine_of(server, model=wanted)
        assert caught.value.values["reason"] == "no model"


def test_a_server_that_lists_no_models_is_believed_to_have_the_one_that_was_named(server):
    address = server.url.replace("/v1", "/other")
    assert load_engine(RemoteChoice(address, model="x"), lambda *_: None).info.name == "x"


def test_an_unknown_contract_or_no_question_at_once_is_refused(server):
    for values in ({"contract": "none"}, {"concurrency": 0}):
        with pytest.raises(RequestError):
            engine_of(server, **values)


# the login


def test_the_login_is_sent_and_needed(server):
    server.key = KEY
    assert completion_of(engine_of(server, headers={"Authorization": KEY})).text == BOXES
    with pytest.raises(RemoteFailed) as caught:
        engine_of(server)
    assert caught.value.values["reason"] == "unauthorised"


@pytest.mark.parametrize("fault", [Fault.UNAUTHORISED, Fault.MOVED, Fault.TOO_LARGE])
def test_a_server_that_repeats_the_login_does_not_get_it_into_our_words(server, fault):
    engine = engine_of(server, headers={"Authorization": KEY})
    server.faults.append(fault)
    error = failure_of(engine)
    assert server.headers[-1]["Authorization"] == KEY
    assert "secret" not in f"{error} {error.to_payload()}"
    server.key = "another"
    with pytest.raises(RemoteFailed) as caught:
        engine_of(server, headers={"Authorization": KEY})
    assert "no entry with ***" in str(caught.value)


def test_a_redirect_is_not_followed_so_the_login_goes_nowhere_else(server, engine):
    with ChatServer() as other:
        server.faults.append(Fault.MOVED)
        failure_of(engine)
        assert other.asked == []


def test_a_proxy_is_not_asked_for_this_computer_itself(server, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert completion_of(engine_of(server)).text == BOXES


def test_a_proxy_that_cannot_be_used_is_told(server, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "nonsense://x")
    with pytest.raises(RemoteFailed) as caught:
        engine_of(server)
    assert caught.value.values["reason"] == "no network"
