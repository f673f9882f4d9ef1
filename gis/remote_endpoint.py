# SPDX-License-Identifier: GPL-2.0-or-later
"""The server that answers in place of this computer: its address, and the login for it.

The login is in QGIS's authentication store; the settings hold an entry's id. It is read when a model is to
be loaded, and goes to the worker through its input: it is in no file, environment, command line or log.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from qgis.core import QgsApplication, QgsAuthMethodConfig

from ..model_backend.errors import RequestError
from ..model_backend.remote_address import RemoteAddress
from .errors import RemoteUnusable
from .settings import Settings


def remote_address(settings: Settings) -> RemoteAddress:
    """Where images are sent to.

    Raises:
        RemoteUnusable: nothing that can be asked is set, or it is not to be asked as it is set.
    """
    try:
        address = RemoteAddress.parse(settings.remote_address)
    except RequestError as error:
        raise RemoteUnusable("no address", reason="address") from error
    if settings.offline and not address.is_loopback:
        raise RemoteUnusable("the network is not to be used", reason="offline", host=address.host)
    if settings.remote_login and not (address.is_encrypted or address.is_loopback):
        raise RemoteUnusable("the login would travel readable", reason="insecure", host=address.host)
    return address


def load_body(settings: Settings) -> dict[str, Any]:
    """What the worker is told to load, the login of a server with it: not for a log.

    QGIS may ask for its master password.

    Raises:
        RemoteUnusable: see ``remote_address`` and ``login_headers``.
    """
    body = settings.model_choice().to_payload()
    if settings.remote:
        remote_address(settings)
        body["remote"]["headers"] = login_headers(settings.remote_login)
    return body


def login_headers(login: str) -> dict[str, str]:
    """The HTTP headers that an entry of QGIS's authentication store stands for; none for an empty id.

    Of the methods, *API Header* gives its headers as they are, and *Basic* a user's login or, without a user
    name, its password as a key (``Bearer``), since older QGIS has no other way to hold one.

    Raises:
        RemoteUnusable: the entry is not there, stays locked, is of another method, or cannot be sent.
    """
    if not login:
        return {}
    manager, config = QgsApplication.authManager(), QgsAuthMethodConfig()
    if login not in manager.configIds():
        raise RemoteUnusable("no such login", reason="gone")
    is_loaded, config = manager.loadAuthenticationConfig(login, config, True)
    if not is_loaded:
        raise RemoteUnusable("the login stays locked", reason="locked")
    headers = _headers(config.method(), config.configMap())
    if not all(text and text.isascii() and text.isprintable() for pair in headers.items() for text in pair):
        raise RemoteUnusable("the login cannot be sent", reason="letters")
    return headers


def _headers(method: str, values: Mapping[str, str]) -> dict[str, str]:
    if method == "APIHeader":
        return {name.strip(): value.strip() for name, value in values.items()}
    if method != "Basic":
        raise RemoteUnusable("no method for this", reason="kind", method=method)
    user, password = values.get("username", ""), values.get("password", "").strip()
    if not user:
        return {"Authorization": f"Bearer {password}"}
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode('ascii')}"}
