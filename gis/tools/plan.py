# SPDX-License-Identifier: GPL-2.0-or-later
"""What a tool is about to do, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ...model_backend.tool import ToolCall


@dataclass(frozen=True)
class Plan:
    """A call that makes sense, before anything is done."""

    call: ToolCall
    changes: bool
    """Whether a layer, a file or the project will be changed: then the user is asked first."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Plain values, by which a person can be told what exactly will happen."""


@dataclass(frozen=True)
class ToolOutcome:
    """What came of a call."""

    call: ToolCall
    result: dict[str, Any]
    """JSON-ready and short: what the model is told; ``error``, a sentence, where it failed."""
    failed: bool = False
    undo: Callable[[], bool] | None = None
    """Takes back what was done; False where it is too late, and then nothing changes."""
