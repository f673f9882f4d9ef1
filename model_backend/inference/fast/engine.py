# SPDX-License-Identifier: GPL-2.0-or-later
"""Loads the fast engine: ONNX Runtime on a CPU, with the weights in eight or four bits, or in float32."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

from ...contract import contract_for
from ...errors import DeviceError
from ...main_memory import main_memory
from ...model_cache import cache_folder
from ...model_folder import check_model_folder, count_parameters
from ...request import ModelChoice
from ..answering import Answerer
from ..chat import Chat
from ..engine import ModelInfo
from ..room import check_free, check_limit
from ..scores import calibration_of
from ..source import RANDOM_MARK, OnStage, locate
from ..squares import cutter_of
from .network import load_network

# Measured at lspace's size: 449 million weights, a picture of 512 px, everything together.
_BYTES_A_WEIGHT = {"float32": 4.6, "q8": 1.5, "q4": 1.2}
_PROGRAM = 100_000_000


def load_engine(
    choice: ModelChoice,
    on_stage: OnStage,
    is_cancelled: Callable[[], bool] = lambda: False,
    reason: str = "",
) -> Answerer:
    """The engine for a choice, ready to be asked; the first time, the model's graphs are made, in seconds.

    ``reason`` says why it is this engine, in a sentence.

    Raises:
        RequestError, ModelNotFound, DownloadFailed, ChecksumMismatch, Cancelled: see ``locate``.
        ModelInvalid, OutOfMemory: see ``load_network`` and ``check_limit``.
        ModelError: the graphs cannot be kept.
        DeviceError: another device than a CPU was asked for.
    """
    started = perf_counter()
    check_device(choice)
    source = locate(choice, on_stage, is_cancelled)
    on_stage("weights", None)
    config = check_model_folder(source.folder)
    calibration = calibration_of(config)
    _check_memory(source.folder, choice)
    threads = threads_for(choice)
    cache = cache_folder(choice.cache_dir)
    with ThreadPoolExecutor(max_workers=1) as beside:  # the network's numbers leave the interpreter free
        opening = beside.submit(Chat.open, source.folder)
        network = load_network(
            source.folder, choice.precision, threads, cache, lambda: on_stage("graphs", None)
        )
    info = ModelInfo(
        name=source.name,
        revision=source.revision(cache),
        device="cpu",
        precision=choice.precision,
        reason=reason,
        probe_s=0.0,
        load_s=perf_counter() - started,
        threads=threads,
        random_weights=config.get(RANDOM_MARK) is True,
        calibration=calibration,
    )
    chat, cutter = opening.result(), cutter_of(source.folder)
    return Answerer(network, chat, cutter, contract_for(config), info)


def check_device(choice: ModelChoice) -> None:
    """Raises DeviceError where a GPU is asked for: these graphs are made for CPUs."""
    if choice.device not in ("auto", "cpu"):
        raise DeviceError(
            f"{choice.device} was asked for, but {choice.precision} is for CPUs", device=choice.device
        )


def threads_for(choice: ModelChoice) -> int:
    """As many as were asked for; otherwise a core stays with the GUI, where there are more than two."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return choice.threads or (cores - 1 if cores > 2 else cores)


def _check_memory(folder: Path, choice: ModelChoice) -> None:
    needed = int(count_parameters(folder) * _BYTES_A_WEIGHT[choice.precision]) + _PROGRAM
    check_limit(needed, choice.memory_limit_mb)
    memory = main_memory()
    if memory is not None:
        check_free(needed, memory.available, "main memory")
