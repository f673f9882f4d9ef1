# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine that a choice asks for: the exact one, or the fast one, which computes on a CPU in few bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import DeviceError
from ..request import ModelChoice
from .answering import Answerer
from .exact import engine as exact
from .exact.probe import probe as probe_exact
from .fast import engine as fast
from .fast.probe import probed
from .source import OnStage


def load_engine(
    choice: ModelChoice, on_stage: OnStage, is_cancelled: Callable[[], bool] = lambda: False
) -> Answerer:
    """The engine for a choice, ready to be asked; raises what the ``load_engine`` of both engines raise."""
    load = fast.load_engine if choice.precision in fast.PRECISIONS else exact.load_engine
    return load(choice, on_stage, is_cancelled)


def probe(choice: ModelChoice) -> tuple[dict[str, Any], DeviceError | None]:
    """As the exact engine's ``probe``; what is ``chosen`` has run on the engine that the choice asks for."""
    if choice.precision not in fast.PRECISIONS:
        return probe_exact(choice)
    found, _ = probe_exact(ModelChoice("", device="cpu", threads=choice.threads))
    found["chosen"] = None
    try:
        fast.check_device(choice)
    except DeviceError as error:
        return found, error
    found["chosen"] = probed(choice)
    return found, None
