# SPDX-License-Identifier: GPL-2.0-or-later
"""Downloaded models are found where the hub library keeps its own, and told apart from halves."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from lspace.model_backend.model_cache import (
    RECORD,
    CachedFile,
    cache_folder,
    cached_models,
    model_folder,
    read_record,
    write_record,
)

COMMIT = "0123456789" * 4


@pytest.fixture
def model(tmp_path):
    """A folder with one file that was checked."""
    folder = model_folder(tmp_path, "Someone/tiny", COMMIT)
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes(b"{}")
    write_record(folder, [CachedFile("config.json", 2, None, 7)])
    return folder


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"XDG_CACHE_HOME": "/xdg"},
        {"HF_HOME": "~/hub-home"},
        {"HF_HOME": "$PLACE/hub-home"},
        {"HF_HUB_CACHE": "/models"},
        {"HUGGINGFACE_HUB_CACHE": "/older"},
        {"HF_HOME": "/home-of-hub", "HF_HUB_CACHE": "~/models"},
    ],
    ids=lambda variables: "-".join(variables) or "none",
)
def test_the_cache_lies_where_the_hub_library_says(variables, monkeypatch):
    for name in ("XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"PLACE": "/place", **variables}.items():
        monkeypatch.setenv(name, value)
    script = "from huggingface_hub import constants; print(constants.HF_HUB_CACHE)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert str(cache_folder(None)) == os.path.join(told.stdout.strip(), "lspace")


def test_a_chosen_cache_is_taken_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", "/models")
    assert cache_folder(str(tmp_path)) == tmp_path
    assert "~" not in str(cache_folder("~/models"))


def test_a_model_that_arrived_is_found_by_its_hub_id_and_commit(tmp_path, model):
    (found,) = cached_models(tmp_path)
    assert (found.hub_id, found.revision, found.folder) == ("Someone/tiny", COMMIT, model)
    assert found.is_whole


def test_a_name_with_dashes_is_read_back(tmp_path):
    model_folder(tmp_path, "Some-one/a--b.c", COMMIT).mkdir(parents=True)
    assert [found.hub_id for found in cached_models(tmp_path)] == ["Some-one/a--b.c"]


def test_what_is_no_model_of_ours_is_passed_over(tmp_path):
    for name in ("models--Someone--tiny/snapshots", "Someone--tiny/main", "notes", f"alone/{COMMIT}"):
        (tmp_path / name).mkdir(parents=True)
    assert list(cached_models(tmp_path)) == []
    assert list(cached_models(tmp_path / "nowhere")) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / RECORD).unlink(),
        lambda folder: (folder / "config.json").unlink(),
        lambda folder: (folder / "config.json").write_bytes(b"{"),
        lambda folder: (folder / RECORD).write_text("not JSON"),
        lambda folder: (folder / RECORD).write_text(json.dumps([{"name": "config.json"}])),
        lambda folder: (folder / RECORD).write_text(json.dumps(7)),
    ],
    ids=["no record", "no file", "half a file", "no JSON", "fields missing", "a number"],
)
def test_a_model_that_is_not_all_there_is_not_whole(damage, tmp_path, model):
    damage(model)
    (found,) = cached_models(tmp_path)
    assert not found.is_whole


def test_a_record_comes_back_as_it_was(model):
    assert read_record(model) == [CachedFile("config.json", 2, None, 7)]
