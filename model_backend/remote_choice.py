# SPDX-License-Identifier: GPL-2.0-or-later
"""Which server is to answer in place of this computer, and how it is to be asked."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from .record import read_record


@dataclass(frozen=True)
class RemoteChoice:
    """A model on a server of the OpenAI chat-completions protocol."""

    address: str
    """As ``RemoteAddress`` reads it."""
    model: str = ""
    """As the server calls it; empty takes the only one that it has."""
    contract: str = "lspace"
    """Name of the contract that it was trained to: the server says nothing of that."""
    concurrency: int = 4
    """Questions that it is asked at once."""
    first_token_s: float = 120.0
    """How long it may take to begin an answer, the wait for its turn included."""
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    """HTTP headers with the user's login: in no payload, no ``repr`` and no log."""

    def to_payload(self) -> dict[str, Any]:
        """The choice as JSON-ready values, without the login."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "headers"}

    @classmethod
    def from_payload(cls, payload: Any) -> RemoteChoice:
        """Reads what ``to_payload`` wrote, and the ``headers`` beside it; RequestError for anything else."""
        return read_record(cls, payload, {"headers": _read_headers})


def _read_headers(values: Any) -> dict[str, str]:
    """The errors repeat no value, and neither does what a library says of one that it cannot send."""
    if not isinstance(values, dict):
        raise TypeError("has to be an object")
    for text in (*values, *values.values()):
        if not (isinstance(text, str) and text.isascii() and text.isprintable()):
            raise ValueError("a login holds letters that cannot be sent")
    return dict(values)
