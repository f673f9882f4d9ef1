# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said of a server that answers in place of this computer: where images go, and what went wrong."""

from __future__ import annotations

from typing import Any

from ..gis.errors import RemoteUnusable
from ..gis.remote_endpoint import remote_address
from ..gis.settings import Settings
from .translation import tr


def remote_words(settings: Settings) -> str:
    """Where images and questions are sent, or why they cannot be; for settings with a server."""
    try:
        address = remote_address(settings)
    except RemoteUnusable as error:
        return remote_unusable_words(error.values)
    if address.is_loopback:
        words = tr("Images and questions go to a server on this computer, {host}.")
    elif address.is_encrypted:
        words = tr("Images and questions leave this computer: they are sent to {host}, encrypted.")
    else:
        words = tr(
            "Images and questions leave this computer: they are sent to {host}, NOT encrypted. Others on "
            "the network can read them; https:// would keep them private."
        )
    return words.format(host=address.host)


def remote_ready_words(info: dict[str, Any]) -> str:
    """Which model of which server answers; ``info`` says of its device ``remote (host)``."""
    return tr("{name}, {device}: ready.").format(**info)


def remote_unusable_words(values: dict[str, Any]) -> str:
    """The sentence for a ``RemoteUnusable``."""
    words = {
        "address": tr(
            "The server's address is missing or cannot be used. Write it as https://host:port in the "
            "options (tab Remote); a user name or a key does not belong into it."
        ),
        "offline": tr(
            "The server {host} may not be asked: the options say never to use the network (tab Network)."
        ),
        "insecure": tr(
            "The login for {host} would travel readable, so it is not sent. Use an address with https://, or "
            "no login."
        ),
        "gone": tr(
            "The login for the server is no longer in QGIS's authentication store. Choose another one in the "
            "options (tab Remote)."
        ),
        "locked": tr(
            "The login for the server could not be read: QGIS's authentication store is locked. Try again, "
            "and type the master password."
        ),
        "kind": tr(
            "Logins of the method {method} cannot be used for a server that answers. Choose API Header or "
            "Basic in the options (tab Remote)."
        ),
        "letters": tr("The login for the server is empty, or holds letters that cannot be sent."),
    }.get(values.get("reason", ""), tr("The server that is to answer cannot be asked as it is set up."))
    return words.format(host=values.get("host", ""), method=values.get("method", ""))


def remote_failed_words(values: dict[str, Any]) -> str:
    """The sentence for a ``WorkerFailed`` of the code ``remote_failed``; its detail begins with the host."""
    opening = {
        "no network": tr(
            "The server cannot be reached. See whether its address is right (options, tab Remote), whether "
            "it is running, and whether QGIS's proxy lets it through."
        ),
        "tls": tr(
            "The server's certificate is not trusted. If it is one of your company's, import its authority "
            "in QGIS: Settings, Options, Authentication, Manage certificates."
        ),
        "proxy login": tr(
            "The proxy asks for a user name and a password. Set them in QGIS: Settings, Options, Network."
        ),
        "unauthorised": tr(
            "The server wants a login, or another one. Choose one in the options (tab Remote)."
        ),
        "no model": tr("The server has no such model. Name one that it has in the options (tab Remote)."),
        "too large": tr("The question is too large for the server. Ask about fewer images or smaller ones."),
        "no images": tr(
            "The server's model takes no images. Name one that does in the options (tab Remote)."
        ),
        "refused": tr("The server does not take the question."),
        "busy": tr("The server has too much to do. Try again later, or ask it less at once (tab Remote)."),
        "failed": tr("The server failed. Try again, or tell who runs it."),
        "stalled": tr(
            "The server wrote nothing for too long. Try again, or give it more time in the options (tab "
            "Remote)."
        ),
        "cut": tr("The connection to the server broke off in the middle of the answer. Try again."),
        "protocol": tr(
            "What answers there is no server of the OpenAI chat-completions protocol. See whether the "
            "address is right (options, tab Remote)."
        ),
    }.get(values.get("reason", ""), tr("The server did not answer as it should."))
    return f"{opening} ({values.get('detail', '').strip()})"
