# SPDX-License-Identifier: GPL-2.0-or-later
"""What one side said in a conversation with a model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from .record import read_record


class Role(Enum):
    """Who said it."""

    USER = "user"
    ASSISTANT = "assistant"
    """The model."""
    TOOL = "tool"
    """What came of the model's calls."""


@dataclass(frozen=True)
class Turn:
    """One turn; a question is the user's last, or a tool's."""

    role: Role
    text: str
    """Of the model as it wrote it, its calls with their marks; of a tool its result, as JSON."""

    def to_payload(self) -> dict[str, Any]:
        """The turn as JSON-ready values."""
        return {"role": self.role.value, "text": self.text}

    @classmethod
    def from_payload(cls, payload: Any) -> Turn:
        """Reads what ``to_payload`` wrote; RequestError for anything else."""
        return read_record(cls, payload, {"role": Role})
