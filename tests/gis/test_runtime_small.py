"""The small runtime as it is offered first: really prepared, without torch, and asked for a caption."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from chips import UTM, chip_with
from conversation import ROOT, Conversation
from lspace.gis.device_check import DeviceCheck
from lspace.gis.errors import WorkerFailed
from lspace.gis.python_facts import PythonCheck
from lspace.gis.settings import Settings
from lspace.model_backend.contract import EMBEDDED_MODEL
from lspace.model_backend.protocol import MessageType
from lspace.ui.words import sentence_for

pytest_plugins = ("runtime_fixtures",)
PATIENCE_MS = 60_000


def told(qtbot, question, signal):
    with qtbot.waitSignal(getattr(question, signal), timeout=PATIENCE_MS) as heard:
        question.start()
    return heard.args[0]


def test_the_worker_writes_a_caption_in_it_with_everything_on_automatic(small_python, tmp_path):
    worker = Conversation([small_python, "-m", "model_backend", "worker"])
    try:
        assert worker.next().message.type is MessageType.READY
        worker.send(MessageType.LOAD, 1, {"model": str(EMBEDDED_MODEL), "cache_dir": str(tmp_path)})
        info = worker.until_end_of(1)[-1].body["info"]
        assert (info["device"], info["precision"]) == ("cpu", "q8")
        assert info["reason"].startswith("this Python has no torch")
        chips = [chip_with((8, 8, 16, 16)).to_payload()]
        worker.send(
            MessageType.RUN, 2, {"task": "caption", "targets": [], "chips": chips, "output_crs_wkt": UTM}
        )
        *_, done, result = worker.until_end_of(2)
        assert result.type is MessageType.RESULT
        assert done.body["answers"][0]["text"].startswith("This satellite imagery")
    finally:
        worker.kill()


def test_it_is_small_and_has_no_torch(small_python):
    environment = Path(small_python).parents[1]
    packages = {path.name for path in environment.glob("lib/python*/site-packages/*")}
    assert {"onnxruntime", "numpy"} <= packages
    assert {"torch", "transformers"}.isdisjoint(packages)
    files = (path for path in environment.rglob("*") if path.is_file() and not path.is_symlink())
    assert sum(path.stat().st_size for path in files) < 450e6


def test_a_python_without_torch_is_called_small_and_complete(qtbot, small_python):
    python = told(qtbot, PythonCheck(small_python), "known")
    assert python.is_small
    assert python.missing == ()


def test_its_device_is_tried_and_a_graphics_card_needs_the_larger_build(qtbot, small_python):
    found = told(qtbot, DeviceCheck(Settings(interpreter=small_python)), "known")
    assert (found["torch"], found["chosen"]["precision"]) == ("not installed", "q8")
    error = told(qtbot, DeviceCheck(Settings(interpreter=small_python, device="cuda")), "failed")
    assert isinstance(error, WorkerFailed)
    assert "prepare a build with PyTorch" in sentence_for(error)


@pytest.mark.parametrize(
    "command", [["model_backend", "random-checkpoint", "model"], ["model_backend.training", "fit", "a", "b"]]
)
def test_what_trains_says_that_it_needs_torch(small_python, tmp_path, command):
    done = subprocess.run(
        [small_python, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("package_missing: No module named 'torch'")
