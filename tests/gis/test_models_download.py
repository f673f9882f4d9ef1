"""Models downloaded by the model's own Python from a hub on 127.0.0.1 that stalls, cuts and lies."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from hub import COMMIT, HUB_ID, WEIGHTS, running
from lspace.gis.errors import RuntimeNotFound, WorkerCrashed, WorkerFailed
from lspace.gis.models.download import ModelDownload
from lspace.gis.settings import Settings
from lspace.ui.words import sentence_for
from planted import WORKER_PYTHON

pytest_plugins = ("runtime_fixtures", "network_fixtures")
SIZE = 3_000_000


@pytest.fixture
def hub():
    with running({WEIGHTS: bytes(range(200)) * (SIZE // 200), "config.json": b"{}"}) as server:
        yield server


@pytest.fixture
def settings(hub, tmp_path):
    return Settings(
        interpreter=WORKER_PYTHON,
        endpoint=hub.url,
        model_cache=str(tmp_path / "räume, cache"),
    )


@pytest.fixture
def begin(qapp):
    """Starts downloads, and notes what they tell."""
    downloads = []

    def start(settings, hub_id=HUB_ID):
        download = ModelDownload(hub_id, settings, COMMIT)
        download.steps, download.ends = [], []
        download.progressed.connect(download.steps.append)
        download.finished.connect(download.ends.append)
        download.failed.connect(download.ends.append)
        download.cancelled.connect(lambda: download.ends.append("cancelled"))
        downloads.append(download)
        download.start()
        return download

    yield start
    for download in downloads:
        download.cancel()


@pytest.fixture
def fetch(qtbot, begin):
    """Downloads to the end, whichever it is."""

    def run(settings, **options):
        download = begin(settings, **options)
        qtbot.waitUntil(lambda: bool(download.ends), timeout=60_000)
        assert not download.is_running
        return download

    return run


def weights(settings):
    return Path(settings.model_cache) / "Someone--tiny" / COMMIT / WEIGHTS


def test_a_model_arrives_with_its_bytes_counted(fetch, hub, settings):
    download = fetch(settings)
    assert download.ends == [str(weights(settings).parent)]
    assert weights(settings).read_bytes() == hub.files[WEIGHTS]
    shares = [step.share for step in download.steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) > 5
    assert {step.total for step in download.steps} == {SIZE + 2}


def test_a_cancelled_download_keeps_what_had_arrived_and_goes_on_there(qtbot, begin, fetch, hub, settings):
    hub.stalls = [SIZE // 2]
    download = begin(settings)
    qtbot.waitUntil(lambda: bool(download.steps) and download.steps[-1].done > SIZE // 4, timeout=60_000)
    assert download.is_running
    download.cancel()
    download.cancel()
    assert download.ends == ["cancelled"]
    part = weights(settings).with_name(f"{WEIGHTS}.part")
    had_arrived = part.stat().st_size
    assert had_arrived > SIZE // 4
    fetch(settings)
    assert weights(settings).read_bytes() == hub.files[WEIGHTS]
    assert [first for name, first in hub.asked if name == WEIGHTS] == [0, had_arrived]


def test_a_line_that_breaks_goes_on_where_it_broke(fetch, hub, settings):
    hub.cuts = [SIZE // 3, SIZE // 3]
    assert fetch(settings).ends == [str(weights(settings).parent)]
    assert [first > 0 for name, first in hub.asked if name == WEIGHTS] == [False, True, True]


def test_wrong_weights_are_thrown_away_and_said_to_be_wrong(fetch, hub, settings):
    right = hub.listing()
    hub.listing = lambda: right
    hub.files[WEIGHTS] = b"\xff" * len(hub.files[WEIGHTS])
    (error,) = fetch(settings).ends
    assert isinstance(error, WorkerFailed)
    assert "not the published ones" in sentence_for(error)
    assert not weights(settings).exists()


def test_a_proxy_of_qgis_that_wants_a_login_is_told_with_the_place_to_set_it(fetch, hub, settings, set_proxy):
    hub.status = 407
    set_proxy(proxyPort=str(hub.server_address[1]), proxyUser="user", proxyPassword="opensesame")
    (error,) = fetch(replace(settings, endpoint="http://hub.example")).ends
    assert error.values["reason"] == "proxy login"
    sentence = sentence_for(error)
    assert "Settings, Options, Network" in sentence
    assert "opensesame" not in sentence + str(error)


def test_a_hub_that_cannot_be_reached_is_told_with_another_way(fetch, settings):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        (error,) = fetch(replace(settings, endpoint=nobody)).ends
    assert error.values["reason"] == "no network"
    assert "copy the model's folder" in sentence_for(error)


def test_offline_nothing_is_downloaded(fetch, hub, settings):
    (error,) = fetch(replace(settings, offline=True)).ends
    assert error.values["code"] == "model_not_found"
    assert hub.agents == set()


def test_without_a_python_it_fails_at_once(begin, settings):
    (error,) = begin(replace(settings, interpreter="")).ends
    assert isinstance(error, RuntimeNotFound)


def test_a_python_that_is_none_is_a_crash_with_a_sentence(fetch, settings):
    (error,) = fetch(replace(settings, interpreter="/bin/false")).ends
    assert isinstance(error, WorkerCrashed)
    assert "exit code was 1" in sentence_for(error)


def test_a_hub_that_refuses_is_told_with_another_way(fetch, hub, settings):
    hub.status = 403
    (error,) = fetch(settings).ends
    assert error.values["reason"] == "refused"
    assert "mirror" in sentence_for(error)
    hub.status = None
    assert fetch(settings).ends == [str(weights(settings).parent)]


def test_a_download_that_is_killed_half_way_goes_on_the_next_time(qtbot, begin, fetch, hub, settings):
    hub.stalls = [SIZE // 2]
    download = begin(settings)
    qtbot.waitUntil(lambda: bool(download.steps) and download.steps[-1].done > SIZE // 4, timeout=60_000)
    os.kill(download._child._process.processId(), signal.SIGKILL)
    qtbot.waitUntil(lambda: bool(download.ends), timeout=10_000)
    assert isinstance(download.ends[0], WorkerCrashed)
    assert fetch(settings).ends == [str(weights(settings).parent)]
    assert [first > 0 for name, first in hub.asked if name == WEIGHTS] == [False, True]


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("only root may mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_fills_up_half_way_is_told_and_what_had_arrived_is_kept(
    qtbot, begin, fetch, hub, settings, small_disk
):
    settings = replace(settings, model_cache=str(small_disk / "cache"))
    hub.stalls = [SIZE // 2]
    download = begin(settings)
    qtbot.waitUntil(lambda: bool(download.steps) and download.steps[-1].done > SIZE // 4, timeout=60_000)
    ballast = small_disk / "ballast"
    subprocess.run(["dd", "if=/dev/zero", f"of={ballast}"], check=False, capture_output=True)
    hub.go_on.set()
    qtbot.waitUntil(lambda: bool(download.ends), timeout=60_000)
    assert download.ends[0].values["reason"] == "disk full"
    assert "Free some space" in sentence_for(download.ends[0])
    ballast.unlink()
    assert fetch(settings).ends == [str(weights(settings).parent)]
    assert [first > 0 for name, first in hub.asked if name == WEIGHTS][-1]


def test_a_path_that_is_too_long_is_told_so(fetch, settings, tmp_path):
    deep = tmp_path.joinpath(*["a" * 200] * 20)
    (error,) = fetch(replace(settings, model_cache=str(deep))).ends
    assert error.values["reason"] == "bad folder"


def test_a_folder_that_cannot_be_written_is_told_so(fetch, settings, tmp_path):
    (tmp_path / "file").write_text("")
    (error,) = fetch(replace(settings, model_cache=str(tmp_path / "file" / "cache"))).ends
    assert error.values["reason"] == "bad folder"
    assert "another folder" in sentence_for(error)
