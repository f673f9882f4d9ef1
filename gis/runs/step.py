# SPDX-License-Identifier: GPL-2.0-or-later
"""What happened after a question of a conversation: the model wrote something, or a tool was called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from ...model_backend.turn import Role, Turn


class StepState(Enum):
    """What became of it."""

    SAID = "said"
    """The model wrote it."""
    DONE = "done"
    FAILED = "failed"
    """The tool was tried and could not."""
    REJECTED = "rejected"
    """Not tried: there is no such tool, its arguments make no sense, or it is one call too many."""
    REFUSED = "refused"
    """The user did not allow it."""
    CANCELLED = "cancelled"
    """The user gave up before it was done."""
    UNDONE = "undone"
    """Done, and later taken back by the user."""


@dataclass(frozen=True)
class Step:
    """One turn of the model or of a tool."""

    state: StepState
    text: str
    """The turn: what the model wrote, its calls with their marks, or the result that it is told, JSON."""
    said: str = ""
    """Of what the model wrote, the prose."""
    tool: str = ""
    """Name of the tool that was called, as the model wrote it."""
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_tool(
        cls, state: StepState, tool: str, arguments: Mapping[str, Any], result: Mapping[str, Any]
    ) -> Step:
        """A call and what the model is told of it."""
        return cls(state, json.dumps(result, ensure_ascii=False), tool=tool, arguments=dict(arguments))

    @property
    def is_call(self) -> bool:
        """Whether a tool was called."""
        return self.state is not StepState.SAID

    def result(self) -> dict[str, Any]:
        """What the model was told; empty where it makes no sense."""
        try:
            values = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return values if isinstance(values, dict) else {}

    def turn(self) -> Turn:
        """As the model reads it when the conversation goes on."""
        if not self.is_call:
            return Turn(Role.ASSISTANT, self.text)
        if self.state is not StepState.UNDONE:
            return Turn(Role.TOOL, self.text)
        told = {**self.result(), "undone": "the user took this back"}
        return Turn(Role.TOOL, json.dumps(told, ensure_ascii=False))

    def to_payload(self) -> dict[str, Any]:
        """The step as JSON-ready values."""
        return {**asdict(self), "state": self.state.value}

    @classmethod
    def from_payload(cls, values: Mapping[str, Any]) -> Step:
        """Reads what ``to_payload`` wrote; KeyError, TypeError or ValueError for anything else."""
        texts = {name: values[name] for name in ("text", "said", "tool")}
        arguments = values["arguments"]
        if not all(isinstance(text, str) for text in texts.values()) or not isinstance(arguments, dict):
            raise TypeError("a field of a step is of the wrong kind")
        return cls(StepState(values["state"]), arguments=arguments, **texts)
