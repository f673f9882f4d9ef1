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

from qgis.core import Qgis, QgsApplication, QgsMessageLog, QgsNetworkAccessManager
from qgis.PyQt.QtCore import QProcessEnvironment, QUrl
from qgis.PyQt.QtNetwork import QNetworkProxy

from ..interpreter import worker_environment
from .runtime_folder import folder_of

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


def network_environment(python: str, folder: Path | None = None) -> QProcessEnvironment:
    """That of the worker, with QGIS's proxy and certificates; for the GUI thread, where it takes some 10 ms.

    The certificates are written into ``folder``, or else into that of the runtime that ``python`` belongs to.
    Where they cannot be written, ``python`` trusts what it trusts by itself.
    """
    environment = worker_environment()
    _set_proxy(environment)
    try:
        _set_certificates(environment, python, folder or folder_of(python))
    except OSError as error:
        QgsMessageLog.logMessage(f"no certificates: {error}", "LSpace", Qgis.MessageLevel.Warning, False)
    return environment


def without_secrets(text: str, environment: QProcessEnvironment) -> str:
    """The text without logins in addresses and without the proxy's password."""
    text = _LOGIN.sub(r"\1***@", text)
    for name in _PROXY_NAMES:
        written = _password(environment.value(name))
        for secret in {written, unquote(written)} if written else ():
            text = text.replace(secret, "***")
    return text


def _password(address: str) -> str | None:
    try:
        return urlsplit(address).password
    except ValueError:  # whatever somebody wrote there
        return None


def _set_proxy(environment: QProcessEnvironment) -> None:
    manager = QgsNetworkAccessManager.instance()
    proxy = manager.fallbackProxy()
    if not proxy.hostName() or proxy.type() not in _SCHEMES:
        _mend_proxy(environment)
        return
    address = _proxy_address(proxy)
    for name in _PROXY_NAMES:
        _insert(environment, name, address)
    hosts = [_host(part) for entry in _excluded(manager) for part in entry.split("|")]
    kept = environment.value("NO_PROXY") or environment.value("no_proxy")
    _insert(environment, "NO_PROXY", ",".join(filter(None, [kept, *hosts])))


def _mend_proxy(environment: QProcessEnvironment) -> None:
    """What the system says about proxies stays; desktops write ``socks:``, which programs refuse."""
    for name in (*_PROXY_NAMES, *(name.lower() for name in _PROXY_NAMES)):
        value = environment.value(name)
        if value.startswith("socks:"):
            environment.insert(name, value.replace("socks:", "socks5h:", 1))


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


def _set_certificates(environment: QProcessEnvironment, python: str, folder: Path) -> None:
    texts = [bytes(QgsApplication.authManager().trustedCaCertsPemText())]
    bundles = dict.fromkeys(_bundles(environment, Path(python)))
    texts += [path.read_bytes() for path in bundles if path.is_file()]
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


def _bundles(environment: QProcessEnvironment, python: Path) -> Iterator[Path]:
    """Files of certificates that the Python would use without ours, which takes their place.

    Windows fetches a root only when it is first needed, so what Qt lists there is not all.
    """
    for name in _BUNDLE_NAMES:
        if environment.value(name):
            yield Path(environment.value(name))
    if ssl.get_default_verify_paths().cafile:
        yield Path(ssl.get_default_verify_paths().cafile)
    environment_folder = python.parent.parent
    places = [
        *environment_folder.glob("lib/python3*/site-packages"),
        environment_folder / "Lib" / "site-packages",  # Windows
        python.parent / "Lib" / "site-packages",  # conda on Windows
    ]
    for packages in places:
        yield packages / "certifi" / "cacert.pem"
        yield packages / "pip" / "_vendor" / "certifi" / "cacert.pem"
