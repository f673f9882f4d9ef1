# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine that a choice asks for: the exact one, or the fast one, which computes on a CPU without torch.

The exact engine's packages take seconds to import, so that happens where a choice needs them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import DeviceError, RequestError
from ..packages import has_torch, reporting_missing_packages
from ..request import ModelChoice
from .answering import Answerer
from .fast import engine as fast
from .gpu import may_have_gpu
from .source import OnStage

if TYPE_CHECKING:
    from .remote.engine import RemoteEngine

_DEFAULT = "q8"
"""On a CPU: as good as exact on lspace-mini's evaluation, and the same numbers however it is asked."""
_FEW_BITS = ("q8", "q4")


def load_engine(
    choice: ModelChoice, on_stage: OnStage, is_cancelled: Callable[[], bool] = lambda: False
) -> Answerer | RemoteEngine:
    """The engine for a choice, ready to be asked.

    Raises:
        RuntimePackageMissing: torch is here and cannot be imported.
        BackendError: what the ``load_engine`` of the engines raise.
    """
    if choice.remote is not None:
        from .remote.engine import load_engine as load_remote

        return load_remote(choice.remote, on_stage, is_cancelled)
    for_fast = _for_fast(choice)
    if for_fast is not None:
        settled, reason = for_fast
        return fast.load_engine(settled, on_stage, is_cancelled, reason)
    with reporting_missing_packages():
        from .exact import engine as exact
    return exact.load_engine(choice, on_stage, is_cancelled)


def probe(choice: ModelChoice) -> tuple[dict[str, Any], DeviceError | None]:
    """As the exact engine's ``probe``; what is ``chosen`` has run on the engine that the choice asks for."""
    from .fast.probe import found_without_torch, probed

    try:
        for_fast = _for_fast(choice)
        if for_fast is None:
            return _probe_exact(choice)
        settled, reason = for_fast
        fast.check_device(settled)
        chosen, error = probed(settled, reason), None
    except DeviceError as refusal:
        chosen, error = None, refusal
    if has_torch():
        found, _ = _probe_exact(ModelChoice("", device="cpu", threads=choice.threads))
    else:
        found = found_without_torch(choice)
    return {**found, "chosen": chosen}, error


def _probe_exact(choice: ModelChoice) -> tuple[dict[str, Any], DeviceError | None]:
    with reporting_missing_packages():
        from .exact.probe import probe as probe_exact
    return probe_exact(choice)


def _for_fast(choice: ModelChoice) -> tuple[ModelChoice, str] | None:
    """The choice, its precision settled, and why the fast engine gets it; None where the exact one does."""
    if choice.precision in _FEW_BITS:
        return choice, f"{choice.precision} was asked for; it runs on the CPU, by ONNX Runtime."
    why = _why_cpu(choice) if has_torch() else _why_without_torch(choice)
    if why is None:
        return None
    if choice.precision == "float32":
        return choice, f"{why}; float32 was asked for, and ONNX Runtime computes in it."
    reason = f"{why}; there {_DEFAULT} is several times faster than float32 and nearly as exact."
    return replace(choice, precision=_DEFAULT), reason


def _why_cpu(choice: ModelChoice) -> str | None:
    """Why ``auto`` stands for a CPU; None where it does not, or something else was asked for."""
    if choice.precision != "auto" or choice.device not in ("auto", "cpu"):
        return None
    if choice.device == "cpu":
        return "the CPU was asked for"
    if not may_have_gpu():
        return "there is no driver of a GPU here, so it is the CPU"
    with reporting_missing_packages():
        from .exact.device import pick_device
    device, why = pick_device(choice.device)
    return why if device == "cpu" else None


def _why_without_torch(choice: ModelChoice) -> str:
    """Raises DeviceError for what the fast engine alone does not give."""
    if choice.precision not in ("auto", "float32", "bfloat16"):
        raise RequestError(f"unknown precision {choice.precision!r}", precision=choice.precision)
    beyond = [asked for asked in (choice.device, choice.precision) if asked not in ("auto", "cpu", "float32")]
    if beyond:
        words = f"{' and '.join(beyond)} was asked for, which needs torch, and this Python has none"
        raise DeviceError(words, device=choice.device, reason="no torch")
    if choice.device == "cpu":
        return "the CPU was asked for"
    return "this Python has no torch, so it is the CPU"
