# SPDX-License-Identifier: GPL-2.0-or-later
"""QGIS's proxy and certificates for a child process that has to reach the network.

Checks of certificates are never switched off; what QGIS trusts is trusted besides what is trusted anyway.
The proxy's password is in the child's environment only, never on a command line or in a log.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from qgis.core import QgsApplication, QgsNetworkAccessManager
from qgis.PyQt.QtCore import QProcessEnvironment, QUrl
from qgis.PyQt.QtNetwork import QNetworkProxy

from ..runs.interpreter import worker_environment
from .runtime_folder import default_folder

BUNDLE = "certificates.pem"
_BUNDLE_NAMES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_SCHEMES = {
    QNetworkProxy.ProxyType.HttpProxy: "http",
    QNetworkProxy.ProxyType.HttpCachingProxy: "http",
    QNetworkProxy.ProxyType.Socks5Proxy: "socks5h",
}
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_LOGIN = re.compile(r"(://)[^/@\s]+@")


def network_environment(folder: Path | None = None) -> QProcessEnvironment:
    """That of the worker, with QGIS's proxy and certificates; for the GUI thread.

    ``folder`` is the runtime's, where the certificates are written; the default one if none is named.
    """
    environment = worker_environment()
    _set_proxy(environment)
    _set_certificates(environment, folder or default_folder())
    return environment


def without_secrets(text: str, environment: QProcessEnvironment) -> str:
    """The text without logins in addresses and without the proxy's password."""
    text = _LOGIN.sub(r"\1***@", text)
    for name in _PROXY_NAMES:
        written = urlsplit(environment.value(name)).password
        for secret in {written, unquote(written)} if written else ():
            text = text.replace(secret, "***")
    return text


def _set_proxy(environment: QProcessEnvironment) -> None:
    manager = QgsNetworkAccessManager.instance()
    proxy = manager.fallbackProxy()
    if not proxy.hostName() or proxy.type() not in _SCHEMES:
        return  # what the environment says about proxies stays
    address = _proxy_address(proxy)
    for name in _PROXY_NAMES:
        _insert(environment, name, address)
    hosts = [_host(part) for entry in _excluded(manager) for part in entry.split("|")]
    kept = environment.value("NO_PROXY") or environment.value("no_proxy")
    _insert(environment, "NO_PROXY", ",".join(filter(None, [kept, *hosts])))


def _proxy_address(proxy: QNetworkProxy) -> str:
    login = ""
    if proxy.user():
        login = f"{quote(proxy.user(), safe='')}:{quote(proxy.password(), safe='')}@"
    host = f"[{proxy.hostName()}]" if ":" in proxy.hostName() else proxy.hostName()
    port = f":{proxy.port()}" if proxy.port() else ""
    return f"{_SCHEMES[proxy.type()]}://{login}{host}{port}"


def _excluded(manager: QgsNetworkAccessManager) -> list[str]:
    return [*manager.excludeList(), *manager.noProxyList()]


def _host(address: str) -> str:
    """The host of an address that QGIS leaves the proxy out for; it may lack its scheme."""
    address = address.strip()
    return QUrl(address if "://" in address else f"http://{address}").host()


def _insert(environment: QProcessEnvironment, name: str, value: str) -> None:
    """In both spellings: the small one wins where a program reads both."""
    environment.insert(name, value)
    environment.insert(name.lower(), value)


def _set_certificates(environment: QProcessEnvironment, folder: Path) -> None:
    texts = [bytes(QgsApplication.authManager().trustedCaCertsPemText())]
    texts += [path.read_bytes() for path in dict.fromkeys(_bundles(environment, folder)) if path.is_file()]
    certificates = dict.fromkeys(found for text in texts for found in _CERTIFICATE.findall(text))
    if not certificates:
        return
    bundle = folder / BUNDLE
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{BUNDLE}.{os.getpid()}"
    draft.write_bytes(b"\n".join([*certificates, b""]))
    os.replace(draft, bundle)
    for name in _BUNDLE_NAMES:
        environment.insert(name, str(bundle))


def _bundles(environment: QProcessEnvironment, folder: Path) -> Iterator[Path]:
    """Files of certificates that programs would use without ours, which takes their place.

    Windows fetches a root only when it is first needed, so what Qt lists there is not all.
    """
    for name in _BUNDLE_NAMES:
        if environment.value(name):
            yield Path(environment.value(name))
    if ssl.get_default_verify_paths().cafile:
        yield Path(ssl.get_default_verify_paths().cafile)
    for packages in ("lib/python3*/site-packages", "Lib/site-packages"):
        yield from folder.glob(f"env-*/{packages}/certifi/cacert.pem")
        yield from folder.glob(f"env-*/{packages}/pip/_vendor/certifi/cacert.pem")
