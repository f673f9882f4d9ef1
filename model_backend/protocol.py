# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines that cross the process border: one JSON object a line, in ASCII, no line break inside.

Towards the worker: ``load``, ``run``, ``batch``, ``converse``, ``agree``, ``merge``, ``cancel``. From it:
``ready`` once, then for each request any number of ``stage``, ``text``, ``detection``, ``chip_done``,
``merged`` and exactly one of ``result``, ``error``, ``cancelled``.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from .errors import ProtocolError

PROTOCOL_VERSION = 2


class MessageType(Enum):
    """What a message is; the value is its spelling on the wire."""

    LOAD = "load"
    RUN = "run"
    BATCH = "batch"
    CONVERSE = "converse"
    AGREE = "agree"
    MERGE = "merge"
    CANCEL = "cancel"

    READY = "ready"
    STAGE = "stage"
    TEXT = "text"
    DETECTION = "detection"
    CHIP_DONE = "chip_done"
    MERGED = "merged"
    RESULT = "result"
    ERROR = "error"
    CANCELLED = "cancelled"

    def is_terminal(self) -> bool:
        """Whether no further message follows for the same request."""
        return self in (MessageType.RESULT, MessageType.ERROR, MessageType.CANCELLED)


@dataclass(frozen=True)
class Message:
    """One line of the protocol; ``request_id`` 0 belongs to no request."""

    type: MessageType
    request_id: int
    body: dict[str, Any] = field(default_factory=dict)

    def to_line(self) -> bytes:
        """The message as a line, its end included; ValueError for a number that is not finite."""
        fields = {
            "v": PROTOCOL_VERSION,
            "type": self.type.value,
            "id": self.request_id,
            "body": self.body,
        }
        # escaped to ASCII: a path may hold lone surrogates, which UTF-8 cannot write
        return json.dumps(fields, allow_nan=False).encode("ascii") + b"\n"


def parse_line(line: bytes) -> Message:
    """Reads one line.

    Raises:
        ProtocolError: not JSON in UTF-8, another version, or fields of the wrong type.
    """
    try:
        fields = json.loads(line.decode(), parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not JSON: {line[:80]!r}") from error
    if not isinstance(fields, dict) or fields.get("v") != PROTOCOL_VERSION:
        raise ProtocolError(f"not a message of version {PROTOCOL_VERSION}: {line[:80]!r}")
    request_id, body = fields.get("id"), fields.get("body")
    try:
        message_type = MessageType(fields.get("type"))
    except ValueError as error:
        raise ProtocolError(f"unknown message type {fields.get('type')!r}") from error
    if type(request_id) is not int or not isinstance(body, dict):  # bool is an int to isinstance
        raise ProtocolError(f"id or body of the wrong type: {line[:80]!r}")
    return Message(message_type, request_id, body)


def _finite(literal: str) -> float:
    value = float(literal)
    if not math.isfinite(value):
        raise ValueError(f"{literal} is not finite")
    return value
