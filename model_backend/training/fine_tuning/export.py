# SPDX-License-Identifier: GPL-2.0-or-later
"""A trained model as a checkpoint that the plugin loads as it is."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import torch

from ...errors import RequestError
from ...inference.checkpoint_files import replacing
from ...inference.scores import CALIBRATION_MARK
from ...inference.source import RANDOM_MARK
from .architecture import architecture_of

_READERS = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"),
    *("processor_config.json", "preprocessor_config.json"),
)
"""Files that say how words and pictures are read."""


def export_model(model: Any, folder: Path, *, readers: Path, dtype: torch.dtype) -> None:
    """Writes a whole checkpoint, which replaces ``folder`` in one step once it is complete.

    Args:
        model: without adapters; it is left as it is.
        readers: folder with the tokenizer, chat template and processor files that the model was trained with.
        dtype: of the weights in the file.

    Raises:
        RequestError: ``folder`` holds something that is not a checkpoint.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / "config.json").is_file():
        raise RequestError(f"{folder} is not empty and not a checkpoint", folder=str(folder))
    config = copy.deepcopy(model.config)
    for mark in (RANDOM_MARK, CALIBRATION_MARK):  # of other weights
        if hasattr(config, mark):
            delattr(config, mark)
    with replacing(folder) as fresh:
        architecture_of(config.model_type).write(fresh, config, model, dtype)
        copy_readers(readers, fresh)


def copy_readers(source: Path, target: Path) -> None:
    """Copies the files of a checkpoint that say how words and pictures are read."""
    for name in _READERS:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
