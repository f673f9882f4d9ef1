# SPDX-License-Identifier: GPL-2.0-or-later
"""What a training starts from: a checkpoint, its own last one, or nothing."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import Lfm2VlForConditionalGeneration, set_seed

from ...contract import Contract, contract_for
from ...inference.chat import Chat
from ...inference.checkpoint_files import replacing, write_config, write_processor, write_tokenizer
from ...inference.exact.checkpoint import open_checkpoint, stored_dtype
from ...inference.patches import Cutter, PatchCutter
from ...inference.random_checkpoint import random_config
from ...inference.random_tokenizer import random_tokenizer
from ...inference.source import locate
from ...model_folder import check_model_folder
from ...request import ModelChoice
from .architecture import Architecture, architecture_of
from .plan import Plan

_FROM_SCRATCH = "lfm2_vl"


@dataclass(frozen=True)
class Start:
    """A model to be trained, and how it reads."""

    model: Any
    """In float32, on the CPU."""
    architecture: Architecture
    chat: Chat
    cutter: Cutter
    """Of pictures, as the engine has it."""
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


def contract_of(base: Path | None) -> Contract:
    """What the model of a base, or one from scratch, is used for.

    Raises:
        ModelInvalid: the base is not whole, or of a model that no contract knows.
    """
    return contract_for({"model_type": _FROM_SCRATCH} if base is None else check_model_folder(base))


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
        architecture = architecture_of(opened.contract.model_type)
        start = Start(opened.model, architecture, opened.chat, opened.cutter, base, stored_dtype(base))
    if checkpoint is not None and plan.method == "full":
        # Trainer would pass over the vision tower, whose stored names are not those in memory
        return replace(start, model=start.architecture.load(checkpoint, torch.float32))
    return start


def _from_scratch(plan: Plan, readers: Path) -> Start:
    config = random_config("tiny" if plan.shape == "tiny" else "full")
    if not readers.is_dir():
        with replacing(readers) as folder:
            write_config(folder, copy.deepcopy(config), torch.bfloat16)
            write_tokenizer(folder, random_tokenizer(config.text_config.vocab_size))
            write_processor(folder)
    set_seed(plan.seed)
    model = Lfm2VlForConditionalGeneration(config)
    chat, cutter = Chat.open(readers), PatchCutter.read(readers)
    return Start(model, architecture_of(_FROM_SCRATCH), chat, cutter, readers, torch.bfloat16)
