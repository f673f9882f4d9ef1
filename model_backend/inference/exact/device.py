# SPDX-License-Identifier: GPL-2.0-or-later
"""On what the model runs, in which precision, and why: measured, not guessed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import torch
from torch.nn.functional import linear

from ...errors import DeviceError, OutOfMemory, RequestError
from ...request import ModelChoice

_WORTH_IT = 1.2
"""bfloat16 has to be this much faster on a CPU before we give up float32's digits."""
_ROWS, _SIDE = 256, 1024  # a prefill in small: float32 takes some 4 ms on two cores
KERNEL_FLOP = 2 * _ROWS * _SIDE * _SIDE
"""Operations of the layer that ``kernel_seconds`` times."""
_CORES = torch.get_num_threads()  # before anyone changes it: physical cores that this process may use
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class DeviceChoice:
    """A device that has just computed something, and the reason for taking it."""

    device: str
    """For torch: ``cpu``, ``cuda:0`` or ``mps``."""
    title: str
    """For people, such as ``cuda:0 (NVIDIA H200)``."""
    precision: str
    """``float32`` or ``bfloat16``."""
    reason: str
    """One sentence."""
    probe_s: float
    threads: int

    @property
    def dtype(self) -> torch.dtype:
        """The precision as torch names it."""
        return dtype_of(self.precision)


def dtype_of(precision: str) -> torch.dtype:
    """``float32`` or ``bfloat16`` as torch names it."""
    return _DTYPES[precision]


def choose_device(choice: ModelChoice) -> DeviceChoice:
    """The device and precision for a choice, after running a small layer on each candidate.

    Sets torch's number of threads for the process.

    Raises:
        DeviceError: a device or precision was asked for that does not work here.
        RequestError: an unknown device or precision.
    """
    _check_words(choice)
    started = perf_counter()
    threads = _threads(choice.threads)
    torch.set_num_threads(threads)
    device, why_device = pick_device(choice.device)
    precision, why_precision = _pick_precision(device, choice.precision)
    reason = f"{why_device}; {why_precision}."
    return DeviceChoice(device, title_of(device), precision, reason, perf_counter() - started, threads)


@contextmanager
def reporting_out_of_memory() -> Iterator[None]:
    """Turns what torch and Python raise for want of memory into OutOfMemory."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemory("too little memory for the model or the chip") from error
    except RuntimeError as error:
        # torch's CPU allocator has no exception class of its own
        if "can't allocate memory" in str(error):
            raise OutOfMemory("too little memory for the model or the chip") from error
        raise


def _check_words(choice: ModelChoice) -> None:
    if choice.device not in ("auto", "cpu", "cuda", "mps"):
        raise RequestError(f"unknown device {choice.device!r}", device=choice.device)
    if choice.precision not in ("auto", *_DTYPES):
        raise RequestError(f"unknown precision {choice.precision!r}", precision=choice.precision)
    if choice.threads is not None and choice.threads < 1:
        raise RequestError("at least one thread is needed", threads=choice.threads)


def _threads(asked: int | None) -> int:
    # one core stays with the GUI; of two cores both are needed to be bearable
    return asked or (_CORES - 1 if _CORES > 2 else _CORES)


def pick_device(asked: str) -> tuple[str, str]:
    """The device, as torch names it, for ``auto`` or the one that was asked for, and why it is that.

    Raises:
        DeviceError: it was asked for and does not work here.
    """
    if asked == "cpu":
        return "cpu", "the CPU was asked for"
    if asked != "auto":
        fault = fault_of(asked)
        if fault:
            raise DeviceError(f"{asked} was asked for, but {fault}", device=asked)
        return torch_name(asked), f"{asked} was asked for"
    for candidate in ("cuda", "mps"):
        if fault_of(candidate) is None:
            return torch_name(candidate), f"{candidate} is there and works"
    return "cpu", "torch finds no GPU that works"


def torch_name(device: str) -> str:
    """``cpu``, ``cuda`` or ``mps`` with the number of the card."""
    return f"cuda:{torch.cuda.current_device()}" if device == "cuda" else device


def fault_of(device: str) -> str | None:
    """Why ``cpu``, ``cuda`` or ``mps`` cannot be used, after computing something on it; None where it can."""
    if not _is_there(device):
        for_cpu = device == "cuda" and torch.version.cuda is None and torch.version.hip is None
        return f"this torch {'is a build for the CPU only' if for_cpu else 'finds no such device'}"
    try:
        kernel_seconds(device, torch.float32)
    except RuntimeError as error:  # a driver that is too old, a card that this torch was not built for
        return f"it fails: {str(error).splitlines()[0]}"
    return None


def _is_there(device: str) -> bool:
    if device == "cuda":
        return torch.cuda.is_available()
    return device != "mps" or torch.backends.mps.is_available()


def _pick_precision(device: str, asked: str) -> tuple[str, str]:
    if asked == "bfloat16" and not has_bfloat16(device):
        raise DeviceError(f"{device} cannot compute in bfloat16", device=device)
    if asked != "auto":
        return asked, f"{asked} was asked for"
    if device != "cpu":
        precision = "bfloat16" if has_bfloat16(device) else "float32"
        return precision, f"it {'computes' if precision == 'bfloat16' else 'does not compute'} in bfloat16"
    gain = kernel_seconds("cpu", torch.float32) / kernel_seconds("cpu", torch.bfloat16)
    if gain >= _WORTH_IT:
        return "bfloat16", f"this CPU is {gain:.1f} times faster in bfloat16 than in float32"
    return "float32", f"this CPU gains nothing from bfloat16 ({1 / gain:.1f} times the time of float32)"


def has_bfloat16(device: str) -> bool:
    """Whether a device, as torch names it, computes in bfloat16 by itself."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        kernel_seconds(device, torch.bfloat16)
    except (RuntimeError, TypeError):  # MPS raises TypeError where macOS is too old
        return False
    return True


def kernel_seconds(device: str, dtype: torch.dtype) -> float:
    """Best of three linear layers, after one that is not counted."""
    rows = torch.ones(_ROWS, _SIDE, dtype=dtype, device=device)
    weights = torch.ones(_SIDE, _SIDE, dtype=dtype, device=device)
    times = []
    for _ in range(4):
        started = perf_counter()
        linear(rows, weights).sum().item()  # item() waits for the device
        times.append(perf_counter() - started)
    return min(times[1:])


def title_of(device: str) -> str:
    """A device, as torch names it, in words for people."""
    if device.startswith("cuda"):
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return device
