"""Which engine a choice gets, with torch and without, and what has to be imported for it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from lspace.model_backend.contract import EMBEDDED_MODEL
from lspace.model_backend.errors import DeviceError, OutOfMemory, RequestError
from lspace.model_backend.inference.gpu import may_have_gpu
from lspace.model_backend.inference.loading import load_engine, probe
from lspace.model_backend.inference.prompts import build_prompts
from lspace.model_backend.request import ModelChoice
from PIL import Image

MINI = str(EMBEDDED_MODEL)


@pytest.fixture
def no_torch(monkeypatch):
    """From here on Python finds none."""
    monkeypatch.setitem(sys.modules, "torch", None)


def load(tmp_path, **choice):
    return load_engine(ModelChoice(MINI, cache_dir=str(tmp_path), **choice), lambda *_: None)


def pieces(engine):
    (prompt,) = build_prompts(engine.contract, "caption", ())
    sea = Image.new("RGB", (224, 224), (12, 30, 52))
    return [chunk.text for chunk in engine.complete(prompt, [sea], lambda: False)]


def test_without_torch_automatic_is_eight_bits_on_the_cpu(no_torch, tmp_path):
    info = load(tmp_path).info
    assert (info.device, info.precision) == ("cpu", "q8")
    assert info.reason.startswith("this Python has no torch, so it is the CPU; there q8")


def test_without_torch_float32_gives_the_tokens_of_the_exact_engine(tmp_path, monkeypatch):
    exact = pieces(load(tmp_path, device="cpu", precision="float32"))
    assert list(tmp_path.glob("graphs/float32-*")) == []
    monkeypatch.setitem(sys.modules, "torch", None)
    engine = load(tmp_path, precision="float32")
    assert engine.info.precision == "float32"
    assert "ONNX Runtime" in engine.info.reason
    assert pieces(engine) == exact


def test_without_torch_float32_is_measured_against_the_memory_limit(no_torch, tmp_path):
    with pytest.raises(OutOfMemory):
        load(tmp_path, precision="float32", memory_limit_mb=50)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"device": "cuda"}, "cuda was asked for"),
        ({"device": "mps", "precision": "bfloat16"}, "mps and bfloat16 was asked for"),
        ({"precision": "bfloat16"}, "bfloat16 was asked for"),
    ],
)
def test_without_torch_what_needs_it_is_refused_with_that_reason(no_torch, tmp_path, choice, words):
    with pytest.raises(DeviceError, match=words) as refusal:
        load(tmp_path, **choice)
    assert refusal.value.values["reason"] == "no torch"


def test_an_unknown_precision_is_a_request_error_without_torch_as_with_it(tmp_path, monkeypatch):
    with pytest.raises(RequestError, match="int3"):
        load(tmp_path, precision="int3")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(RequestError, match="int3"):
        load(tmp_path, precision="int3")


def test_without_torch_the_probe_says_so_and_measures_what_there_is(no_torch):
    found, error = probe(ModelChoice("", threads=1))
    assert error is None
    assert (found["torch"], found["transformers"], found["cuda_build"]) == (
        "not installed",
        "not installed",
        None,
    )
    cpu, *others = found["devices"]
    assert (cpu["fault"], cpu["gflops"]["q8"] > 0.1) == (None, True)
    assert [(each["device"], each["fault"]) for each in others] == [
        ("cuda", "it needs torch"),
        ("mps", "it needs torch"),
    ]
    assert (found["chosen"]["precision"], found["chosen"]["threads"]) == ("q8", 1)


def test_without_torch_a_gpu_that_is_asked_for_leaves_the_rest_known(no_torch):
    found, error = probe(ModelChoice("", device="cuda"))
    assert error.values["reason"] == "no torch"
    assert found["chosen"] is None
    assert found["devices"][0]["fault"] is None


IMPORTED = """
import sys
from model_backend.inference.loading import load_engine
from model_backend.request import ModelChoice
engine = load_engine(ModelChoice(sys.argv[1], cache_dir=sys.argv[2]), lambda *_: None)
print(*sorted({"torch", "transformers", "huggingface_hub", "httpx"} & set(sys.modules)))
"""


def test_automatic_imports_torch_only_where_there_may_be_a_gpu(tmp_path):
    command = [sys.executable, "-c", IMPORTED, MINI, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ("torch" in done.stdout.split()) == may_have_gpu()
    assert may_have_gpu() or done.stdout.split() == []
