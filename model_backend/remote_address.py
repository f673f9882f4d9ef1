# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a server that answers is found, as a user writes it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from .errors import RequestError

_TAIL = "/chat/completions"


@dataclass(frozen=True)
class RemoteAddress:
    """A server of the OpenAI chat-completions protocol."""

    url: str
    """Base URL without a slash at its end, such as ``https://host:8000/v1``."""
    host: str
    """With its port, where one is written: what a person is told."""
    is_encrypted: bool
    is_loopback: bool
    """Whether it is this computer, so that nothing leaves it."""

    @classmethod
    def parse(cls, text: str) -> RemoteAddress:
        """Reads a base URL, or that of the chat completions; without a path it is ``/v1``.

        Raises:
            RequestError: no address of http or https, or one with a login or a query; not repeated in words,
                as it may hold a key.
        """
        try:
            parts = urlsplit(text.strip())
            name, port = parts.hostname, parts.port
        except ValueError as error:
            raise RequestError("the server's address cannot be read") from error
        if parts.scheme not in ("http", "https") or not name or any(map(str.isspace, parts.netloc)):
            raise RequestError("the server's address has to begin with https:// or http://")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise RequestError("the server's address may hold no login and no question mark")
        host = f"[{name}]" if ":" in name else name
        host = f"{host}:{port}" if port else host
        return cls(f"{parts.scheme}://{host}{_path(parts)}", host, parts.scheme == "https", _is_here(name))


def _path(parts: SplitResult) -> str:
    return parts.path.rstrip("/").removesuffix(_TAIL) or "/v1"


def _is_here(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
