"""The recipe as a command: it goes on where it stopped, and leaves a model that the plugin loads."""

from __future__ import annotations

import json

import pytest
import torch
from lspace.model_backend.inference.exact.checkpoint import open_checkpoint
from lspace.model_backend.training.__main__ import main
from safetensors.torch import load_file

OPTIONS = ["--leave-out", "unseen", "--batch", "2", "--exam-steps", "2", "--exam-questions", "3"]


@pytest.fixture(autouse=True)
def one_thread():
    """Several threads add in another order each time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def train(harbours, out, steps, until=None):
    stop = [] if until is None else ["--until", str(until)]
    assert main(["mini", str(harbours), str(out), *OPTIONS, "--steps", str(steps), *stop]) == 0


def test_a_training_in_two_sittings_gives_the_weights_of_one(harbours, tmp_path):
    train(harbours, tmp_path / "one", 4)
    train(harbours, tmp_path / "two", 4, until=2)
    assert not (tmp_path / "two" / "model").exists()
    train(harbours, tmp_path / "two", 4)
    one, two = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("one", "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    exams = [json.loads(line) for line in (tmp_path / "two" / "exam.jsonl").read_text().splitlines()]
    assert [exam["step"] for exam in exams] == [2, 4]
    checkpoint = open_checkpoint(tmp_path / "one" / "model", "cpu", torch.float32)
    assert checkpoint.contract.name == "lspace-mini"
    assert not checkpoint.random_weights
