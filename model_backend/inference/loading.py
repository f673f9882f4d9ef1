# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine that a choice asks for: the exact one, or the fast one, which computes on a CPU in few bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..errors import DeviceError
from ..request import ModelChoice
from .answering import Answerer
from .exact import engine as exact
from .exact.device import pick_device
from .exact.probe import probe as probe_exact
from .fast import engine as fast
from .fast.probe import probed
from .source import OnStage

_DEFAULT = "q8"
"""On a CPU: as good as exact on lspace-mini's evaluation, and the same numbers however it is asked."""


def load_engine(
    choice: ModelChoice, on_stage: OnStage, is_cancelled: Callable[[], bool] = lambda: False
) -> Answerer:
    """The engine for a choice, ready to be asked; raises what the ``load_engine`` of both engines raise."""
    settled, reason = _settled(choice)
    if settled.precision in fast.PRECISIONS:
        return fast.load_engine(settled, on_stage, is_cancelled, reason)
    return exact.load_engine(choice, on_stage, is_cancelled)


def probe(choice: ModelChoice) -> tuple[dict[str, Any], DeviceError | None]:
    """As the exact engine's ``probe``; what is ``chosen`` has run on the engine that the choice asks for."""
    try:
        settled, reason = _settled(choice)
        if settled.precision not in fast.PRECISIONS:
            return probe_exact(choice)
        fast.check_device(settled)
        chosen, error = probed(settled, reason), None
    except DeviceError as refusal:
        chosen, error = None, refusal
    found, _ = probe_exact(ModelChoice("", device="cpu", threads=choice.threads))
    return {**found, "chosen": chosen}, error


def _settled(choice: ModelChoice) -> tuple[ModelChoice, str]:
    """The choice with the precision that ``auto`` stands for on a CPU, and why it is that."""
    if choice.precision in fast.PRECISIONS:
        return choice, f"{choice.precision} was asked for; it runs on the CPU, by ONNX Runtime."
    if choice.precision == "auto" and choice.device in ("auto", "cpu"):
        device, why = pick_device(choice.device)
        if device == "cpu":
            reason = f"{why}; there {_DEFAULT} is several times faster than float32 and nearly as exact."
            return replace(choice, precision=_DEFAULT), reason
    return choice, ""
