# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a row is a conversation, and one that its model could hold in the plugin."""

from __future__ import annotations

import re

from ...contract import Contract
from ...errors import RowInvalid
from ...inference.tool_calls import read_calls
from .row import Row

_ORDER = re.compile("(system )?(user assistant ((tool )+assistant )*)+")


def check_turns(row: Row) -> None:
    """Refuses what the plugin never asks: turns out of order, pictures after the first question, and calls
    of tools that make no sense.

    Raises:
        RowInvalid: with the reason.
    """
    roles = [message.role for message in row.messages]
    if not _ORDER.fullmatch("".join(f"{role} " for role in roles)):
        raise RowInvalid(
            "roles are an optional system, then user and assistant, who may ask tools before it answers; "
            f"here {', '.join(roles)}"
        )
    asked = [message for message in row.messages if message.role == "user"]
    if any(message.images for message in asked[1:]):
        raise RowInvalid("an image after the first question: all are shown before it")
    for message in row.messages:
        calls = read_calls(message.text, row.tools) if message.role == "assistant" else []
        faults = [called.fault for called in calls if called.fault]
        if faults:
            raise RowInvalid(f"a call that cannot be carried out: {faults[0]}")


def check_conversation(row: Row, contract: Contract) -> None:
    """Refuses a row that the contract's model would never be asked; one without talk is not looked at.

    Raises:
        RowInvalid: more pictures than it is shown in a conversation, or tools where it calls none.
    """
    talk = contract.talk
    if talk is None:
        return
    count, most = len(row.images), talk.most_images
    if count > most:
        noun = "image" if most == 1 else "images"
        raise RowInvalid(f"{contract.title} is shown at most {most} {noun} in a conversation, not {count}")
    if not talk.tools and (row.tools or any(message.role == "tool" for message in row.messages)):
        raise RowInvalid(f"{contract.title} calls no tools")
