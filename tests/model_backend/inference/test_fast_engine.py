"""The fast engine as the worker loads it: chosen by its precision, refused in a sentence."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from lspace.model_backend.contract import EMBEDDED_MODEL
from lspace.model_backend.errors import DeviceError, OutOfMemory
from lspace.model_backend.inference.loading import load_engine, probe
from lspace.model_backend.inference.prompts import build_prompts
from lspace.model_backend.request import ModelChoice
from PIL import Image

MINI = str(EMBEDDED_MODEL)


def load(tmp_path, **choice):
    return load_engine(ModelChoice(MINI, cache_dir=str(tmp_path), **choice), lambda *_: None)


def answer(engine):
    (prompt,) = build_prompts(engine.contract, "caption", ())
    sea = Image.new("RGB", (224, 224), (12, 30, 52))
    return "".join(chunk.text for chunk in engine.complete(prompt, [sea], lambda: False))


@pytest.mark.parametrize("precision", ["q8", "q4"])
def test_a_precision_of_few_bits_takes_the_fast_engine(tmp_path, precision):
    engine = load(tmp_path, precision=precision, threads=1)
    assert (engine.info.precision, engine.info.device, engine.info.threads) == (precision, "cpu", 1)
    assert engine.info.calibration == load(tmp_path, precision="float32").info.calibration
    assert answer(engine).startswith("This satellite imagery")
    assert [each.name.split("-")[0] for each in (tmp_path / "graphs").glob("q*")] == [precision]


def test_a_sea_is_called_water_by_both_engines(tmp_path):
    assert "water" in answer(load(tmp_path, precision="q8"))
    assert "water" in answer(load(tmp_path, precision="float32"))


def test_on_a_cpu_eight_bits_are_taken_unless_another_precision_is_asked_for(tmp_path):
    automatic = load(tmp_path, device="cpu").info
    assert automatic.precision == "q8"
    assert automatic.reason == (
        "the CPU was asked for; there q8 is several times faster than float32 and nearly as exact."
    )
    assert load(tmp_path, device="cpu", precision="float32").info.precision == "float32"
    found, _error = probe(ModelChoice("", device="cpu"))
    assert (found["chosen"]["precision"], found["chosen"]["reason"]) == ("q8", automatic.reason)


def test_the_first_time_says_that_it_makes_the_graphs(tmp_path):
    stages = []
    choice = ModelChoice(MINI, cache_dir=str(tmp_path), precision="q8")
    for _ in range(2):
        load_engine(choice, lambda stage, _share: stages.append(stage))
    assert stages == ["weights", "graphs", "weights"]


def test_a_model_above_the_memory_limit_is_refused_before_it_is_loaded(tmp_path):
    with pytest.raises(OutOfMemory) as refusal:
        load(tmp_path, precision="q8", memory_limit_mb=50)
    assert refusal.value.values["limit"] == 50_000_000
    assert not (tmp_path / "graphs").exists()


def test_it_is_for_cpus_alone(tmp_path):
    with pytest.raises(DeviceError, match="cuda was asked for, but q4 is for CPUs"):
        load(tmp_path, precision="q4", device="cuda")
    found, error = probe(ModelChoice("", precision="q4", device="cuda"))
    assert found["chosen"] is None
    assert "for CPUs" in str(error)


def test_the_probe_computes_in_eight_bits(tmp_path):
    found, error = probe(ModelChoice("", precision="q8", threads=1))
    assert error is None
    assert found["chosen"]["precision"] == "q8"
    assert found["chosen"]["threads"] == 1


def test_onnx_runtime_does_not_report_to_its_maker(tmp_path):
    """Where it does, it leaves the number of its session in the folder for temporary files."""
    environment = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name}
    environment["TMPDIR"] = str(tmp_path)
    code = "import model_backend.inference.fast.engine"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []


def test_it_needs_neither_torch_nor_transformers():
    code = (
        "import sys, model_backend.inference.fast.engine; print({'torch', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
