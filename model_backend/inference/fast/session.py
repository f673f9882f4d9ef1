# SPDX-License-Identifier: GPL-2.0-or-later
"""Graphs ready to run, with as little memory and idle work as ONNX Runtime can do with."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import onnxruntime

VISION, LANGUAGE, HEAD, PART = "vision.onnx", "language.onnx", "head.onnx", "part.onnx"
"""Files of a model's graphs."""
_SAME_AS_REQUESTED = 1
"""ONNX Runtime's code for an arena that grows by what is asked for; else it doubles."""


def open_sessions(files: Sequence[Path], threads: int) -> list[onnxruntime.InferenceSession]:
    """The graphs in some files, loaded side by side; their numbers are mapped from files beside them."""
    _share_arena()
    with ThreadPoolExecutor() as pool:  # loading leaves the interpreter free
        return list(pool.map(lambda file: _open(file, threads), files))


def _open(file: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # planned re-use of buffers is no faster here and holds more of them
    options.enable_mem_pattern = options.enable_mem_reuse = False
    options.add_session_config_entry("session.use_env_allocators", "1")
    # threads wait without spinning once an answer is there
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


@cache
def returning_memory() -> onnxruntime.RunOptions:
    """For what takes much memory for a moment, which the arena would keep for good."""
    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


@cache
def _share_arena() -> None:
    """One arena for all graphs of the process: they run one after the other, in the same buffers."""
    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    memory = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
    settings = {"arena_extend_strategy": _SAME_AS_REQUESTED}
    onnxruntime.create_and_register_allocator(memory, onnxruntime.OrtArenaCfg(settings))
