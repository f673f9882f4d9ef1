"""The engine that asks a server, in front of llama.cpp's own, which runs the tiny model."""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import replace

import httpx
import numpy as np
import pytest
from lspace.model_backend.contract import load_contracts
from lspace.model_backend.errors import Cancelled, RemoteFailed
from lspace.model_backend.inference.completion import Completion, FinishReason
from lspace.model_backend.inference.exact.engine import load_engine as load_own
from lspace.model_backend.inference.prompts import build_prompts
from lspace.model_backend.inference.proposals import read_proposals
from lspace.model_backend.inference.remote.engine import load_engine
from lspace.model_backend.inference.remote.question import bodies_of
from lspace.model_backend.remote_choice import RemoteChoice
from lspace.model_backend.request import ModelChoice
from PIL import Image
from servers.llama_cpp import SERVER, SOURCE, LlamaServer, convert

pytestmark = pytest.mark.skipif(
    not (SOURCE.is_dir() and os.access(SERVER, os.X_OK)),
    reason="no server of llama.cpp here: ./run server builds it, or $LLAMA_CPP names its folder",
)
LSPACE = load_contracts()["lspace"]
CAPTION = build_prompts(LSPACE, "caption", ())[0]
FLOOD = build_prompts(LSPACE, "flood", (), dates=("2023-07-01", "2023-09-01"))[0]
WATER = build_prompts(LSPACE, "detect", ("water",), keep_form=True)[0]
KEY = "sk-a-very-secret-key"
ALL_TOKENS = 1024
"""That the tiny model knows."""


@pytest.fixture(scope="session")
def converted(tiny, tmp_path_factory):
    """The tiny model's two files."""
    folder = tmp_path_factory.mktemp("gguf")
    files = folder / "model.gguf", folder / "pictures.gguf"
    convert(tiny, *files, "f16")
    return files


@pytest.fixture(scope="module")
def server(converted, tmp_path_factory):
    model, pictures = converted
    options = ("--mmproj", pictures, "--alias", "tiny", "-np", 4, "-c", 8192, "-t", 1, "--api-key", KEY)
    with LlamaServer(model, tmp_path_factory.mktemp("server") / "log.txt", *options) as running:
        yield running


@pytest.fixture(scope="module")
def engine(server):
    return engine_of(server, headers={"Authorization": f"Bearer {KEY}"})


@pytest.fixture(scope="module")
def own(tiny):
    """The engine of this computer, with the same model."""
    return load_own(ModelChoice(str(tiny), device="cpu", precision="float32", threads=1), lambda *_: None)


def engine_of(server, **values):
    return load_engine(RemoteChoice(f"{server.url}/v1", **values), lambda *_: None)


def picture(seed, side=224):
    noise = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((side, side))


def never():
    return False


def completion_of(engine, prompt, images):
    return Completion.from_chunks(engine.complete(prompt, images, never))


def waited_for(condition):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("side", [224, 256, 512])
@pytest.mark.parametrize(("prompt", "count"), [(CAPTION, 1), (FLOOD, 2), (WATER, 1)])
def test_the_server_reads_the_same_question_and_the_same_pictures_as_the_own_engine(
    server, own, prompt, count, side
):
    images = [picture(seed, side) for seed in range(count)]
    prompt = replace(prompt, max_new_tokens=1, keep_form=False)
    (body,) = bodies_of("tiny", LSPACE, [(prompt, images)])
    asked = {**body, "stream": False, "top_logprobs": ALL_TOKENS}
    login = {"Authorization": f"Bearer {KEY}"}
    told = httpx.post(f"{server.url}/v1/chat/completions", json=asked, headers=login, timeout=300).json()
    (written,) = told["choices"][0]["logprobs"]["content"]
    mine = completion_of(own, prompt, images)
    theirs = [token["logprob"] for token in written["top_logprobs"] if token["token"] == mine.text]
    assert told["usage"]["prompt_tokens"] == own.prompt_tokens(prompt, images)
    assert theirs == [pytest.approx(mine.tokens[0].logprob, abs=0.05)]


def test_what_it_serves_is_told_with_its_name(server, engine):
    assert (engine.info.name, engine.info.device) == ("tiny", f"remote ({server.host})")


def test_a_caption_comes_token_by_token_with_probabilities(engine):
    chunks = list(engine.complete(replace(CAPTION, max_new_tokens=24), [picture(0)], never))
    completion = Completion.from_chunks(chunks)
    assert len(chunks) > 5
    assert completion.text
    assert all(token.logprob < 0 for token in completion.tokens if token.end > token.start)
    assert completion.finish_reason is FinishReason.LENGTH


def test_boxes_come_in_the_form_that_was_asked_for(engine):
    questions = [(replace(WATER, max_new_tokens=400), [picture(seed)]) for seed in range(6)]
    whole = [
        completion
        for completion in engine.complete_batch(questions, never)
        if completion.finish_reason is FinishReason.STOP
    ]
    assert whole
    for completion in whole:
        for box in json.loads(completion.text):
            assert list(box) == ["label", "bbox"]
            assert len(box["bbox"]) == 4
        read_proposals(completion, "water")  # noise, but read without an error


def test_answers_to_questions_that_are_asked_at_once_are_those_of_each_alone(engine):
    words = ("water", "a burn scar", "3", "tree cover?", "Describe", "harbour 12", "{", "vessel candidate")
    prompts = [replace(CAPTION, text=each, max_new_tokens=1) for each in words]
    questions = [(prompt, [picture(seed)]) for seed, prompt in enumerate(prompts)]
    alone = [completion_of(engine, *question).tokens[0].logprob for question in questions]
    together = [each.tokens[0].logprob for each in engine.complete_batch(questions, never)]
    assert together == pytest.approx(alone, abs=0.02)
    assert max(alone) - min(alone) > 0.2


def test_a_cancel_ends_the_writing_on_the_server(server, engine):
    told, ended = [], len(tokens_at_ends(server))
    prompt = replace(CAPTION, max_new_tokens=1500)
    with pytest.raises(Cancelled):
        told.extend(engine.complete(prompt, [picture(0)], lambda: len(told) > 2))
    waited_for(lambda: len(tokens_at_ends(server)) > ended)
    assert tokens_at_ends(server)[-1] < 1500


def tokens_at_ends(server):
    """How many tokens each answer so far had at its end, its question's with them."""
    return [int(count) for count in re.findall(r"stop processing: n_tokens = (\d+)", server.log)]


def test_a_question_that_is_too_long_is_called_so_and_asked_once(server, engine):
    with pytest.raises(RemoteFailed) as caught:
        completion_of(engine, replace(CAPTION, text="water " * 3000), [])
    assert caught.value.values["reason"] == "too large"


def test_a_wrong_key_is_refused_and_repeated_nowhere(server):
    with pytest.raises(RemoteFailed) as caught:
        engine_of(server, headers={"Authorization": "Bearer sk-another-key"})
    assert caught.value.values["reason"] == "unauthorised"
    assert "sk-" not in f"{caught.value} {caught.value.to_payload()}"


def test_a_model_that_takes_no_images_is_told_at_once(converted, tmp_path):
    blind = LlamaServer(converted[0], tmp_path / "log.txt", "-c", 2048, "-t", 1)
    with blind, pytest.raises(RemoteFailed) as caught:
        completion_of(engine_of(blind), CAPTION, [picture(0)])
    assert caught.value.values["reason"] == "no images"
