"""An exported model is a checkpoint of the published form that answers as the model in memory."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from lspace.model_backend.errors import RequestError
from lspace.model_backend.inference.engine import ModelInfo
from lspace.model_backend.inference.exact.checkpoint import open_checkpoint
from lspace.model_backend.inference.exact.engine import load_engine, make_engine
from lspace.model_backend.inference.prompts import Prompt
from lspace.model_backend.request import ModelChoice
from lspace.model_backend.training.fine_tuning.export import export_model
from PIL import Image
from safetensors.torch import load_file

QUESTION = (Prompt("test", None, "What is here?", "text", 20, trained=False), [Image.new("RGB", (64, 64))])
READERS = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "processor_config.json")


@pytest.fixture
def opened(tiny):
    return open_checkpoint(tiny, "cpu", torch.float32)


def answer(engine):
    (completion,) = engine.complete_batch([QUESTION], lambda: False)
    return completion


def logprobs(completion):
    return [token.logprob for token in completion.tokens]


def test_the_engine_writes_the_same_tokens_as_the_model_in_memory(opened, tiny, tmp_path):
    with torch.no_grad():
        for weights in opened.model.parameters():
            weights.mul_(1.01)
    export_model(opened.model, tmp_path / "model", readers=tiny, dtype=torch.float32)
    info = ModelInfo("memory", "none", "cpu", "float32", "for a test.", 0.0, 0.0, 1, random_weights=False)
    expected = answer(make_engine(opened, info, 0.0))
    choice = ModelChoice(str(tmp_path / "model"), device="cpu", precision="float32", threads=1)
    loaded = load_engine(choice, lambda *_: None)
    given = answer(loaded)
    assert given.text == expected.text
    assert logprobs(given) == pytest.approx(logprobs(expected), abs=1e-4)
    assert len(given.tokens) == 20
    assert not loaded.info.random_weights


def test_an_unchanged_model_gives_the_files_of_its_checkpoint(opened, tiny, tmp_path):
    export_model(opened.model, tmp_path / "model", readers=tiny, dtype=torch.bfloat16)
    names = {path.name for path in tiny.iterdir()}
    assert {path.name for path in (tmp_path / "model").iterdir()} == names
    before, after = (load_file(folder / "model.safetensors") for folder in (tiny, tmp_path / "model"))
    assert before.keys() == after.keys()
    assert all(after[name].equal(before[name]) and after[name].dtype == torch.bfloat16 for name in before)
    for name in READERS:
        assert (tmp_path / "model" / name).read_bytes() == (tiny / name).read_bytes()


def test_the_config_stays_but_for_the_mark_of_random_weights(opened, tiny, tmp_path):
    opened.model.config.lspace_contract = "lspace"
    export_model(opened.model, tmp_path / "model", readers=tiny, dtype=torch.float32)
    before, after = (
        json.loads((folder / "config.json").read_text()) for folder in (tiny, tmp_path / "model")
    )
    del before["lspace_random_weights"]
    for part in (after["text_config"], after["vision_config"]):
        assert part.pop("dtype") == "float32"
    assert after == {**before, "lspace_contract": "lspace", "dtype": "float32"}


def test_the_model_in_memory_is_left_as_it_is(opened, tiny, tmp_path):
    export_model(opened.model, tmp_path / "model", readers=tiny, dtype=torch.bfloat16)
    assert opened.model.config.lspace_random_weights is True
    assert {weights.dtype for weights in opened.model.parameters()} == {torch.float32}


def test_exporting_again_replaces_the_model_and_leaves_no_traces(opened, tiny, tmp_path):
    for _ in range(2):
        export_model(opened.model, tmp_path / "model", readers=tiny, dtype=torch.bfloat16)
        (tmp_path / "model" / "stray.txt").write_text("of the first")
    export_model(opened.model, tmp_path / "model", readers=tiny, dtype=torch.bfloat16)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert not (tmp_path / "model" / "stray.txt").exists()


def test_what_cannot_be_exported_leaves_the_older_model_in_place(opened, tiny, tmp_path):
    shutil.copytree(tiny, tmp_path / "model")
    opened.model.generation_config = None
    with pytest.raises(AttributeError):
        export_model(opened.model, tmp_path / "model", readers=tiny, dtype=torch.bfloat16)
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == (
        tiny / "model.safetensors"
    ).read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_with_something_else_in_it_is_not_replaced(opened, tiny, tmp_path):
    (tmp_path / "thesis.txt").write_text("three years of work")
    with pytest.raises(RequestError):
        export_model(opened.model, tmp_path, readers=tiny, dtype=torch.bfloat16)
    assert (tmp_path / "thesis.txt").exists()
