"""The graphs' place on disk: made once, made anew when they are not what they should be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lspace.model_backend.errors import ModelError
from lspace.model_backend.inference.fast import store
from lspace.model_backend.inference.fast.network import load_network
from lspace.model_backend.inference.fast.store import MANIFEST, disk_use, is_whole, prepared
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).resolve().parents[3]


def times(place):
    return {file.name: file.stat().st_mtime_ns for file in place.iterdir()}


def kept(cache):
    return sorted(path.name for path in (cache / "graphs").iterdir() if path.name != "digests")


@pytest.fixture
def place(broken, tmp_path):
    return prepared(broken, "q4", tmp_path / "cache")


@pytest.fixture
def again(broken, tmp_path):
    return lambda mode="q4": prepared(broken, mode, tmp_path / "cache")


def test_graphs_are_made_once(place, again):
    before = times(place)
    assert again() == place
    assert times(place) == before
    assert {
        "vision.onnx",
        "vision.bin",
        "language.onnx",
        "language.bin",
        "head.onnx",
        "head.bin",
        "part.onnx",
        MANIFEST,
    } <= before.keys()


def test_each_mode_has_graphs_of_its_own(place, again, tmp_path):
    assert again("float32") != place
    assert len(kept(tmp_path / "cache")) == 2


def flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


DAMAGES = {
    "a bit": lambda place: flip(place / "language.bin"),
    "the end": lambda place: os.truncate(place / "language.bin", 5000),
    "a file": lambda place: (place / "vision.onnx").unlink(),
    "the list": lambda place: (place / MANIFEST).unlink(),
    "half the list": lambda place: os.truncate(place / MANIFEST, 100),
    "everything": lambda place: [file.unlink() for file in place.iterdir()],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_graphs_that_are_not_whole_are_made_anew(place, again, damage, tmp_path):
    damage(place)
    assert not is_whole(place)
    assert again() == place
    assert is_whole(place)
    assert kept(tmp_path / "cache") == [place.name]


def test_files_that_were_only_touched_are_kept(place, again):
    os.utime(place / "language.bin", ns=(1, 1))
    before = times(place)
    assert again() == place
    assert times(place) == before


def test_other_weights_take_the_place_of_the_old_ones(place, again, broken, tmp_path):
    tensors = load_file(broken / "model.safetensors")
    save_file({name: tensor * 2 for name, tensor in tensors.items()}, broken / "model.safetensors")
    assert again() != place
    assert not place.exists()
    assert len(kept(tmp_path / "cache")) == 1


def test_other_settings_are_another_model(place, again, broken):
    config = json.loads((broken / "config.json").read_text())
    config["text_config"]["norm_eps"] = 1e-3
    (broken / "config.json").write_text(json.dumps(config))
    assert again() != place


def test_graphs_of_older_code_are_made_anew(place, again, monkeypatch):
    monkeypatch.setattr(store, "VERSION", store.VERSION + 1)
    assert again() != place
    assert not place.exists()


def test_the_same_weights_elsewhere_share_their_graphs(place, tiny, tmp_path):
    assert prepared(tiny, "q4", tmp_path / "cache") == place


def test_what_it_costs_on_disk_is_told(place, tmp_path):
    files = [file.stat().st_size for file in place.iterdir()]
    assert sum(files) <= disk_use(tmp_path / "cache") < sum(files) + 1000
    assert disk_use(tmp_path / "nothing here") == 0


def test_two_processes_at_once_make_one_that_is_whole(tiny, tmp_path):
    code = (
        "from pathlib import Path; from model_backend.inference.fast.store import prepared, is_whole;"
        f"print(is_whole(prepared(Path({str(tiny)!r}), 'q8', Path({str(tmp_path)!r}))))"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate()[0].strip() for process in started] == ["True"] * 3
    assert len(kept(tmp_path)) == 1


def test_a_broken_off_try_leaves_nothing(broken, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(store, "_write_manifest", fail)
    with pytest.raises(ModelError, match="no space left"):
        prepared(broken, "q8", tmp_path / "cache")
    assert kept(tmp_path / "cache") == []


def test_a_network_from_mended_graphs_says_the_same(place, broken, tmp_path):
    def logits():
        network = load_network(broken, "q4", 1, tmp_path / "cache")
        return network.read(network.look([1], []), np.array([[5, 6, 7]]))

    before = logits()
    flip(place / "language.bin")
    np.testing.assert_array_equal(logits(), before)
