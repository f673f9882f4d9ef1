# SPDX-License-Identifier: GPL-2.0-or-later
"""What a training starts from: a checkpoint, its own last one, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import Lfm2VlConfig, Lfm2VlForConditionalGeneration, set_seed

from ...inference.checkpoint_files import replacing, write_processor, write_tokenizer
from ...inference.exact.checkpoint import load_model, load_processor, open_checkpoint
from ...inference.random_checkpoint import random_config
from ...inference.random_tokenizer import random_tokenizer
from ...inference.source import locate
from ...request import ModelChoice
from .plan import Plan


@dataclass(frozen=True)
class Start:
    """A model to be trained, and how it reads."""

    model: Any
    """``Lfm2VlForConditionalGeneration`` in float32, on the CPU."""
    processor: Any
    readers: Path
    """Folder with the tokenizer, chat template and processor files."""
    dtype: torch.dtype
    """Of the weights that come of it: as the base has them."""


def find_base(plan: Plan, folder: Path) -> Path | None:
    """The folder of the plan's base, downloaded if need be; None from scratch.

    Args:
        folder: of the plan.

    Raises:
        ModelNotFound, DownloadFailed, ChecksumMismatch, RequestError: see ``locate``.
    """
    if plan.base is None:
        return None
    beside = folder / Path(plan.base).expanduser()
    model = str(beside) if beside.is_dir() else plan.base
    return locate(ModelChoice(model), lambda *_: None, lambda: False).folder


def open_start(plan: Plan, base: Path | None, readers: Path, checkpoint: Path | None) -> Start:
    """The model as it is before its first or next step; without the adapters.

    Args:
        readers: where those of a model from scratch are kept: a later version might write others.
        checkpoint: of this training, to go on from.

    Raises:
        ModelInvalid, RuntimePackageMissing, OutOfMemory: see ``open_checkpoint``.
    """
    if base is None:
        start = _from_scratch(plan, readers)
    else:
        opened = open_checkpoint(base, "cpu", torch.float32)
        start = Start(opened.model, load_processor(base), base, _stored_dtype(base))
    if checkpoint is not None and plan.method == "full":
        # Trainer would pass over the vision tower, whose stored names are not those in memory
        return replace(start, model=load_model(checkpoint, torch.float32))
    return start


def _from_scratch(plan: Plan, readers: Path) -> Start:
    config = random_config("tiny" if plan.shape == "tiny" else "full")
    if not readers.is_dir():
        with replacing(readers) as folder:
            write_tokenizer(folder, random_tokenizer(config.text_config.vocab_size))
            write_processor(folder)
    set_seed(plan.seed)
    model = Lfm2VlForConditionalGeneration(config)
    return Start(model, load_processor(readers), readers, torch.bfloat16)


def _stored_dtype(folder: Path) -> torch.dtype:
    dtype = Lfm2VlConfig.from_pretrained(folder, local_files_only=True).dtype  # nosec B615  # a local folder
    return dtype if isinstance(dtype, torch.dtype) else torch.float32
