"""A server is reached through proxies and behind certificates, as QGIS's own settings say."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.recent_log import RecentLog
from lspace.gis.remote_check import RemoteCheck
from lspace.gis.settings import Settings
from lspace.ui.words import sentence_for
from planted import WORKER_PYTHON
from servers.chat_server import ChatServer
from servers.proxy import PASSWORD, USER
from servers.socks_proxy import SocksProxy

pytest_plugins = ("logins", "runtime_fixtures", "network_fixtures")
SECRET = "sk-a-very-secret-key"
through_socks = pytest.mark.parametrize("proxy", [SocksProxy], indirect=True)


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path, monkeypatch):
    """Where the certificates go: other tests have others."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def end_of(qtbot, address, **values):
    """The facts of the server's model, or the error."""
    settings = Settings(interpreter=WORKER_PYTHON, remote=True, remote_address=address, **values)
    check, ends = RemoteCheck(settings), []
    check.known.connect(ends.append)
    check.failed.connect(ends.append)
    check.start()
    qtbot.waitUntil(lambda: bool(ends), timeout=60_000)
    (end,) = ends
    return end


def test_a_certificate_that_nobody_knows_is_refused_until_qgis_knows_it(
    qtbot, certificate, request, keep_login
):
    login, log = keep_login("Basic", username="", password=SECRET), RecentLog()
    with ChatServer(certificate=certificate) as server:
        server.key = f"Bearer {SECRET}"
        error = end_of(qtbot, server.url, remote_login=login)
        assert error.values["reason"] == "tls"
        assert sentence_for(error).startswith("The server's certificate is not trusted.")
        request.getfixturevalue("trusted_by_qgis")
        assert end_of(qtbot, server.url, remote_login=login)["name"] == "lspace"
    assert SECRET not in f"{error} {sentence_for(error)}" + "".join(log.lines)


@through_socks
def test_a_server_is_reached_through_the_proxy_of_qgis_which_looks_up_the_name(qtbot, set_proxy, proxy):
    set_proxy(proxyType="Socks5Proxy", proxyPort=str(proxy.port), proxyUser=USER, proxyPassword=PASSWORD)
    with ChatServer() as server:
        address = f"http://gpu.example:{server.server_address[1]}"
        assert end_of(qtbot, address)["name"] == "lspace"
    assert set(proxy.names) == {"gpu.example"}


def test_a_proxy_that_wants_another_login_is_told_and_the_password_is_not(qtbot, set_proxy, proxy):
    set_proxy(proxyPort=str(proxy.port), proxyUser=USER, proxyPassword="t0p%secret")
    log = RecentLog()
    error = end_of(qtbot, "https://gpu.example")
    assert error.values["reason"] == "proxy login"
    assert "t0p" not in f"{error} {sentence_for(error)}" + "".join(log.lines)
