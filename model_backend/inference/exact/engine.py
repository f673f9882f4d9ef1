# SPDX-License-Identifier: GPL-2.0-or-later
"""Loads the exact engine: torch, in float32 or, where a device computes in it, bfloat16."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

from ...model_cache import cache_folder
from ...request import ModelChoice
from ..answering import Answerer
from ..engine import ModelInfo
from ..source import OnStage, locate
from .checkpoint import Checkpoint, open_checkpoint, stored_dtype
from .device import choose_device, dtype_of
from .memory import check_memory
from .network import TorchNetwork
from .quiet import quiet_transformers


def load_engine(
    choice: ModelChoice, on_stage: OnStage, is_cancelled: Callable[[], bool] = lambda: False
) -> Answerer:
    """The engine for a choice, ready to be asked.

    ``is_cancelled`` is looked at while downloading; the later stages cannot be interrupted.

    Raises:
        RequestError, ModelNotFound, DownloadFailed, ChecksumMismatch, Cancelled: see ``locate``.
        ModelInvalid, RuntimePackageMissing, OutOfMemory: see ``check_memory`` and ``open_checkpoint``.
        DeviceError: the device or precision that was asked for does not work here.
    """
    started = perf_counter()
    quiet_transformers()
    source = locate(choice, on_stage, is_cancelled)
    on_stage("device", None)
    chosen = choose_device(choice)
    on_stage("weights", None)
    check_memory(source.folder, chosen.device, chosen.dtype, choice.memory_limit_mb)
    # the network packs the weights itself, so they come as they are written, in half the memory
    checkpoint = open_checkpoint(source.folder, chosen.device, stored_dtype(source.folder))
    info = ModelInfo(
        name=source.name,
        revision=source.revision(cache_folder(choice.cache_dir)),
        device=chosen.title,
        precision=chosen.precision,
        reason=chosen.reason,
        probe_s=chosen.probe_s,
        load_s=0.0,
        threads=chosen.threads,
        random_weights=checkpoint.random_weights,
        calibration=checkpoint.calibration,
    )
    return make_engine(checkpoint, info, started)


def make_engine(checkpoint: Checkpoint, info: ModelInfo, started: float) -> Answerer:
    """The engine over a checkpoint's model, which it takes over; loading is done since ``started``."""
    network = TorchNetwork(checkpoint.model, dtype_of(info.precision))
    info = replace(info, load_s=perf_counter() - started)
    return Answerer(network, checkpoint.chat, checkpoint.cutter, checkpoint.contract, info)
