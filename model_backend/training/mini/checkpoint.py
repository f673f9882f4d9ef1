# SPDX-License-Identifier: GPL-2.0-or-later
"""The trained network as a checkpoint that the plugin loads as it is."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch

from ...contract import CONTRACT_MARK
from ...inference.checkpoint_files import write_processor, write_tokenizer
from ..fine_tuning.export import export_model
from .batch import TOKENS
from .vocabulary import Vocabulary

_PICTURE = {"min_image_tokens": TOKENS, "max_image_tokens": TOKENS, "do_image_splitting": False}
"""A chip is one view of always as many tokens."""


def export_mini(model: Any, vocabulary: Vocabulary, folder: Path) -> None:
    """Writes model, tokenizer, processor and the contract's name, in float16.

    Raises:
        RequestError: ``folder`` holds something that is not a checkpoint.
    """
    setattr(model.config, CONTRACT_MARK, vocabulary.contract.name)
    with tempfile.TemporaryDirectory() as name:
        readers = Path(name)
        write_tokenizer(readers, vocabulary.tokenizer)
        write_processor(readers, _PICTURE)
        export_model(model, folder, readers=readers, dtype=torch.float16)
