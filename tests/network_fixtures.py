"""QGIS's own network settings, changed for one test."""

from __future__ import annotations

import pytest
from qgis.core import QgsApplication, QgsNetworkAccessManager, QgsSettings
from qgis.PyQt.QtNetwork import QSslCertificate
from servers.proxy import PASSWORD, USER, Proxy

PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
def set_proxy(qgis_app, monkeypatch):
    """Through QGIS's own settings."""
    for name in PROXY_NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    settings, manager = QgsSettings(), QgsNetworkAccessManager.instance()

    def set_to(**values):
        settings.setValue("proxy/proxyEnabled", True)
        for name, value in {"proxyType": "HttpProxy", "proxyHost": "127.0.0.1", **values}.items():
            settings.setValue(f"proxy/{name}", value)
        manager.setupDefaultProxyAndCache()

    yield set_to
    settings.remove("proxy")
    manager.setupDefaultProxyAndCache()


@pytest.fixture(params=[Proxy])
def proxy(request):
    """One that wants the login; of another kind where a test says so."""
    server = request.param(USER, PASSWORD)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def trusted_by_qgis(qgis_app, certificate):
    """As when the user imports an authority in QGIS's certificate manager."""
    manager = QgsApplication.authManager()
    (authority,) = QSslCertificate.fromPath(str(certificate))
    if manager.isDisabled() or not manager.storeCertAuthority(authority):
        pytest.skip("this QGIS has no authentication database")
    manager.initSslCaches()
    yield authority
    manager.removeCertAuthority(authority)
    manager.initSslCaches()
