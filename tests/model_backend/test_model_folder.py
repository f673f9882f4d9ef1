# SPDX-License-Identifier: GPL-2.0-or-later
"""A folder is known to hold a model, or not, without the packages that run models."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from conversation import ROOT
from lspace.model_backend.contract import EMBEDDED_MODEL
from lspace.model_backend.errors import ModelInvalid
from lspace.model_backend.model_folder import check_model_folder, count_parameters

WEIGHTS = "model.safetensors"


def weights(header: bytes, numbers: int) -> bytes:
    return len(header).to_bytes(8, "little") + header + bytes(numbers)


def header(**tensors) -> bytes:
    return json.dumps({"__metadata__": {"format": "pt"}, **tensors}).encode()


TWO = header(
    a={"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    b={"dtype": "BF16", "shape": [], "data_offsets": [24, 26]},
)


@pytest.fixture
def folder(tmp_path):
    """A folder that is a model as far as can be seen without loading it."""
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "lfm2_vl"}))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_text("{}")
    (folder / WEIGHTS).write_bytes(weights(TWO, 26))
    return folder


def reason(folder) -> str:
    with pytest.raises(ModelInvalid) as caught:
        check_model_folder(folder)
    return caught.value.values.get("reason", "contract")


def test_a_models_configuration_is_given(folder):
    assert check_model_folder(folder) == {"model_type": "lfm2_vl"}


def test_numbers_are_counted_over_all_tensors_and_files(folder):
    assert count_parameters(folder) == 2 * 3 + 1
    (folder / "second.safetensors").write_bytes(weights(TWO, 26))
    assert count_parameters(folder) == 14


def test_the_embedded_model_has_as_many_numbers_as_its_card_says():
    assert round(count_parameters(EMBEDDED_MODEL) / 1e6, 2) == 2.05
    assert check_model_folder(EMBEDDED_MODEL)["model_type"] == "lfm2_vl"


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_a_missing_file_is_missing(folder, name):
    (folder / name).unlink()
    assert reason(folder) == "missing"


def test_no_weights_and_pickled_weights_are_told_apart(folder):
    (folder / WEIGHTS).rename(folder / "pytorch_model.bin")
    assert reason(folder) == "pickle"
    (folder / "pytorch_model.bin").unlink()
    assert reason(folder) == "weights"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        weights(TWO, 25),
        weights(TWO, 27),
        weights(TWO, 26)[:60],
        weights(b"not JSON", 26),
        weights(b"[1, 2]", 0),
        weights(header(a={"dtype": "F32"}), 4),
        weights(header(a={"shape": [1], "data_offsets": [0]}), 4),
        weights(header(a={"shape": None, "data_offsets": [0, 4]}), 4),
        b"\xff" * 64,
    ],
)
def test_weights_that_are_not_whole_are_cut(folder, content):
    (folder / WEIGHTS).write_bytes(content)
    assert reason(folder) == "cut"


def test_what_git_lfs_leaves_in_place_of_weights_is_called_so(folder):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 897484568\n"
    (folder / WEIGHTS).write_bytes(pointer)
    assert reason(folder) == "pointer"


@pytest.mark.parametrize("content", ["", "{", "[1]", "7", "[" * 100_000])
def test_a_configuration_that_is_none_is_no_json(folder, content):
    (folder / "config.json").write_text(content)
    assert reason(folder) == "json"


def test_a_model_of_another_kind_has_no_contract(folder):
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
    assert reason(folder) == "contract"


def test_the_look_needs_no_package():
    code = (
        "from pathlib import Path; import sys;"
        "from model_backend.model_folder import check_model_folder as check;"
        "check(Path(sys.argv[1])); print('torch' in sys.modules)"
    )
    command = [sys.executable, "-S", "-c", code, str(EMBEDDED_MODEL)]  # -S: without site-packages
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
