"""Models fetched through proxies and behind certificates, as QGIS's own settings say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from hub import COMMIT, HUB_ID, WEIGHTS, running
from lspace.gis.models.download import ModelDownload
from lspace.gis.runs.worker_process import WorkerProcess
from lspace.gis.settings import Settings
from lspace.model_backend.contract import EMBEDDED_MODEL
from lspace.model_backend.protocol import MessageType
from lspace.ui.words import sentence_for
from planted import WORKER_PYTHON
from servers.proxy import PASSWORD, USER
from servers.socks_proxy import SocksProxy

pytest_plugins = ("runtime_fixtures", "network_fixtures")
through_socks = pytest.mark.parametrize("proxy", [SocksProxy], indirect=True)
FILES = {WEIGHTS: bytes(1_000_000), "config.json": b"{}"}


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path, monkeypatch):
    """Where the certificates go: other tests have others."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def settings_for(hub_url, tmp_path):
    return Settings(interpreter=WORKER_PYTHON, endpoint=hub_url, model_cache=str(tmp_path / "cache"))


def fetched(qtbot, settings):
    """The model's folder, or the error."""
    download, ends = ModelDownload(HUB_ID, settings, COMMIT), []
    download.finished.connect(ends.append)
    download.failed.connect(ends.append)
    download.start()
    qtbot.waitUntil(lambda: bool(ends), timeout=60_000)
    (end,) = ends
    return end


@through_socks
def test_a_model_comes_through_a_socks_proxy_which_looks_up_the_name(qtbot, tmp_path, set_proxy, proxy):
    set_proxy(proxyType="Socks5Proxy", proxyPort=str(proxy.port), proxyUser=USER, proxyPassword=PASSWORD)
    with running(FILES) as hub:
        folder = fetched(qtbot, settings_for(f"http://hub.example:{hub.server_address[1]}", tmp_path))
    assert (Path(folder) / WEIGHTS).read_bytes() == FILES[WEIGHTS]
    assert set(proxy.names) == {"hub.example"}


@through_socks
def test_a_socks_proxy_that_wants_another_login_is_told_and_the_password_is_not(
    qtbot, tmp_path, set_proxy, proxy
):
    set_proxy(proxyType="Socks5Proxy", proxyPort=str(proxy.port), proxyUser=USER, proxyPassword="t0p%secret")
    error = fetched(qtbot, settings_for("http://hub.example", tmp_path))
    assert error.values["code"] == "download_failed"
    assert "t0p" not in f"{sentence_for(error)} {error}"


def test_a_hub_whose_certificate_nobody_knows_is_told_until_qgis_knows_it(
    qtbot, tmp_path, certificate, request
):
    with running(FILES, certificate) as hub:
        settings = settings_for(hub.url, tmp_path)
        error = fetched(qtbot, settings)
        assert error.values["reason"] == "tls"
        assert "Manage certificates" in sentence_for(error)
        request.getfixturevalue("trusted_by_qgis")
        assert (Path(fetched(qtbot, settings)) / WEIGHTS).read_bytes() == FILES[WEIGHTS]


def test_a_worker_that_loads_a_model_for_the_first_time_fetches_it_the_same_way(
    qtbot, tmp_path, certificate, trusted_by_qgis, set_proxy, proxy
):
    set_proxy(proxyPort=str(proxy.port), proxyUser=USER, proxyPassword=PASSWORD)
    files = {path.name: path.read_bytes() for path in EMBEDDED_MODEL.iterdir() if path.is_file()}
    worker, heard = WorkerProcess(WORKER_PYTHON), []
    worker.message_received.connect(heard.append)
    with running(files, certificate) as hub:
        choice = replace(settings_for(hub.url, tmp_path), model=HUB_ID).model_choice()
        worker.send(MessageType.LOAD, replace(choice, revision=COMMIT).to_payload())
        qtbot.waitUntil(lambda: bool(heard) and heard[-1].type.is_terminal(), timeout=60_000)
    worker.stop()
    assert heard[-1].type is MessageType.RESULT, heard[-1].body
    assert heard[-1].body["info"]["revision"] == COMMIT
    assert proxy.tunnels
