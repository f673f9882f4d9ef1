# SPDX-License-Identifier: GPL-2.0-or-later
"""The links of the conversation's log: what a click on one asks for. No other address is ever followed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote, unquote

_SCHEME = "lspace:"


class LinkAction(Enum):
    """What a link asks for."""

    PLACE = "place"
    """The heading of an exchange, which shows its place as ZOOM does."""
    AGAIN = "again"
    ANYWAY = "anyway"
    COPY = "copy"
    ZOOM = "zoom"
    REMOVE = "remove"
    FOLD = "fold"
    """Shows or hides the answers as the model wrote them."""
    LABEL = "label"
    UNDO = "undo"
    """Takes back a step; its place among those of its exchange is the link's label."""
    SHOW = "show"
    """Shows the layer of a step, named in the same way."""
    STOP = "stop"
    EARLIER = "earlier"


@dataclass(frozen=True)
class Link:
    """An action on an exchange."""

    action: LinkAction
    exchange_id: str = ""
    label: str = ""

    def to_url(self) -> str:
        """The address that stands in the log; nothing in it needs escaping in HTML."""
        return "/".join([_SCHEME + self.action.value, quote(self.exchange_id, ""), quote(self.label, "")])

    @classmethod
    def from_url(cls, url: str) -> Link | None:
        """The link of an address, or None for an address from elsewhere."""
        parts = url[len(_SCHEME) :].split("/")
        if not url.startswith(_SCHEME) or len(parts) != 3 or parts[0] not in _ACTIONS:
            return None
        return cls(LinkAction(parts[0]), unquote(parts[1]), unquote(parts[2]))


_ACTIONS = {action.value for action in LinkAction}
