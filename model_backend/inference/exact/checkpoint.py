# SPDX-License-Identifier: GPL-2.0-or-later
"""A checkpoint's parts in memory, as transformers reads them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import AutoModelForImageTextToText

from ...contract import Contract, contract_for
from ...errors import ModelInvalid, RuntimePackageMissing
from ...model_folder import check_model_folder, stored_precisions
from ..chat import Chat
from ..model_files import reporting_broken_files
from ..n2_eye import MODEL_TYPE, image_token
from ..patches import Cutter
from ..scores import Calibration, calibration_of
from ..source import RANDOM_MARK
from ..squares import cutter_of
from .device import reporting_out_of_memory
from .n2_eye import load_n2_eye

OLDEST_TRANSFORMERS = (5, 15)
"""Before this, a cache that is used twice gives other tokens without any error."""
_DTYPES = {"BF16": torch.bfloat16, "F16": torch.float16}


@dataclass(frozen=True)
class Checkpoint:
    """What a folder holds, in memory."""

    model: Any
    """``Lfm2VlForConditionalGeneration`` or ``N2Eye``, on its device."""
    chat: Chat
    cutter: Cutter
    contract: Contract
    random_weights: bool
    calibration: Calibration | None


def open_checkpoint(folder: Path, device: str, dtype: torch.dtype) -> Checkpoint:
    """Loads a folder's model and how it reads.

    Raises:
        ModelInvalid: the files are broken, incomplete, or of a model that no contract knows.
        RuntimePackageMissing: transformers is too old to be trusted with a cache.
        OutOfMemory: the weights do not fit.
    """
    check_transformers(version("transformers"))
    config = check_model_folder(folder)
    calibration = calibration_of(config)
    refused = RuntimeError, SafetensorError, StrictDataclassError
    with reporting_broken_files(folder, *refused), reporting_out_of_memory():
        chat, cutter = Chat.open(folder), cutter_of(folder)
        is_n2_eye = config["model_type"] == MODEL_TYPE
        load: Any = load_n2_eye if is_n2_eye else load_model
        model = load(folder, dtype).to(device).eval()
        if is_n2_eye:  # its published configuration does not say
            model.config.image_token_id = image_token(folder, model.config.text_config.vocab_size)
    return Checkpoint(model, chat, cutter, contract_for(config), config.get(RANDOM_MARK) is True, calibration)


def stored_dtype(folder: Path) -> torch.dtype:
    """The precision in which all weights of a folder are written; float32 where they differ."""
    precisions = stored_precisions(folder)
    return _DTYPES.get(precisions.pop(), torch.float32) if len(precisions) == 1 else torch.float32


def check_transformers(installed: str) -> None:
    """Refuses a version of transformers that computes wrongly."""
    numbers = tuple(int(part) for part in installed.split(".")[:2])
    if numbers < OLDEST_TRANSFORMERS:
        oldest = ".".join(map(str, OLDEST_TRANSFORMERS))
        raise RuntimePackageMissing(f"transformers {oldest} or newer is needed, {installed} is installed")


def load_model(folder: Path, dtype: torch.dtype) -> Any:
    """The model (``Lfm2VlForConditionalGeneration``) of a folder, on the CPU.

    Raises:
        ModelInvalid: tensors are missing, unknown or of another shape.
    """
    loaded: Any = AutoModelForImageTextToText.from_pretrained(  # nosec B615  # a local folder
        folder,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        dtype=dtype,
        output_loading_info=True,
    )
    model, loading = loaded
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        names = sorted(map(str, loading[kind]))
        if names:
            words = kind.replace("_keys", " tensors")
            raise ModelInvalid(f"{folder.name} has {len(names)} {words}: {', '.join(names[:3])}", names=names)
    return model
