# SPDX-License-Identifier: GPL-2.0-or-later
"""``python -m model_backend download`` and ``probe``, as QGIS starts them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from conversation import ROOT
from hub import COMMIT, HUB_ID, WEIGHTS, running


def in_a_shell(*arguments, interpreter=(sys.executable,)):
    command = [*interpreter, "-m", "model_backend", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def said(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def hub():
    with running({WEIGHTS: bytes(3_000_000), "config.json": b"{}"}) as server:
        yield server


def download(hub, cache, *more):
    options = ["--endpoint", hub.url, "--cache-dir", cache, *more]
    return in_a_shell("download", HUB_ID, "--revision", COMMIT, *options)


def test_a_download_counts_its_bytes_and_names_its_folder_last(hub, tmp_path):
    done = download(hub, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    *steps, last = said(done)
    assert last == {"folder": str(tmp_path / "Someone--tiny" / COMMIT), "revision": COMMIT}
    counted = [step["done"] for step in steps]
    assert counted == sorted(counted)
    assert (counted[0], counted[-1]) == (0, 3_000_002)
    assert {step["total"] for step in steps} == {3_000_002}
    assert 5 < len(steps) <= 1001


def test_a_download_that_fails_says_why_in_json_and_in_a_sentence(hub, tmp_path):
    hub.status = 407
    done = download(hub, tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("download_failed: ")
    (last,) = said(done)
    assert (last["error"]["code"], last["error"]["values"]["reason"]) == ("download_failed", "proxy login")


def test_offline_nothing_is_asked_and_what_is_here_is_found(hub, tmp_path):
    assert said(download(hub, tmp_path, "--offline"))[-1]["error"]["code"] == "model_not_found"
    assert hub.agents == set()
    download(hub, tmp_path)
    assert said(download(hub, tmp_path, "--offline")) == [
        {"folder": str(tmp_path / "Someone--tiny" / COMMIT), "revision": COMMIT}
    ]


def test_a_probe_prints_one_object():
    done = in_a_shell("probe", "--json", "--device", "cpu", "--precision", "float32", "--threads", 1)
    assert done.returncode == 0, done.stderr
    (found,) = said(done)
    assert (found["chosen"]["precision"], found["chosen"]["threads"]) == ("float32", 1)
    assert [report["device"] for report in found["devices"]] == ["cpu", "cuda", "mps"]


def test_a_probe_of_a_device_that_is_not_there_prints_what_is_and_fails():
    done = in_a_shell("probe", "--json", "--device", "mps" if sys.platform != "darwin" else "cuda")
    assert done.returncode == 1
    assert done.stderr.startswith("device: ")
    (found,) = said(done)
    assert found["chosen"] is None


def test_without_json_a_probe_is_a_sentence():
    done = in_a_shell("probe", "--device", "cpu", "--precision", "float32")
    assert done.stdout.strip() == "cpu, float32: the CPU was asked for; float32 was asked for."


@pytest.mark.parametrize("command", [("probe", "--json"), ("download", "NuTonic/lspace")])
def test_an_interpreter_without_packages_is_told_in_a_sentence(command):
    done = in_a_shell(*command, interpreter=(sys.executable, "-S"))  # -S: without site-packages
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("package_missing: ")
