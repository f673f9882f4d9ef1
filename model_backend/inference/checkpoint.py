# SPDX-License-Identifier: GPL-2.0-or-later
"""A checkpoint: where it lies, whether it is one of ours, and its parts in memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import AutoModelForImageTextToText, AutoTokenizer, Lfm2VlProcessor

from ..contract import Contract, contract_for
from ..errors import ModelInvalid, ModelNotFound, RuntimePackageMissing
from ..model_folder import check_model_folder
from ..request import ModelChoice
from .device import reporting_out_of_memory
from .digest import sha256_of
from .download import IsCancelled, download, told_seldom
from .image_processor import Lfm2VlImageProcessorPil
from .scores import Calibration, calibration_of

OnStage = Callable[[str, "float | None"], None]
"""Code of a stage (``download``, ``device``, ``weights``) and how much of it is done, 0..1, where known."""

OLDEST_TRANSFORMERS = (5, 15)
"""Before this, a cache that is used twice gives other tokens without any error."""
RANDOM_MARK = "lspace_random_weights"
"""Key of config.json that says the weights were never trained."""
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Source:
    """A checkpoint's files."""

    folder: Path
    name: str
    """Hub id, or the folder's name."""
    commit: str | None
    """None for a folder of the user's own."""

    def revision(self) -> str:
        """The commit, or what identifies the weights of a folder: reads all their bytes."""
        return self.commit or f"sha256:{sha256_of(sorted(self.folder.glob('*.safetensors')))[:12]}"


@dataclass(frozen=True)
class Checkpoint:
    """What a source holds, in memory."""

    model: Any
    """``Lfm2VlForConditionalGeneration``, on its device."""
    processor: Any
    """``Lfm2VlProcessor`` that pads on the left."""
    contract: Contract
    random_weights: bool
    calibration: Calibration | None


def locate(choice: ModelChoice, on_stage: OnStage, is_cancelled: IsCancelled) -> Source:
    """The files of the chosen model, downloaded if it is on the hub and not here yet.

    Raises:
        ModelNotFound: neither a folder nor a hub id.
        DownloadFailed, ChecksumMismatch, RequestError, Cancelled: see ``download``.
    """
    folder = Path(choice.model).expanduser()
    if folder.is_dir():
        return Source(folder, folder.resolve().name, None)
    if not _HUB_ID.fullmatch(choice.model):
        raise ModelNotFound(f"there is no folder {choice.model}", model=choice.model)

    report = told_seldom(lambda _file, done, total: on_stage("download", done / max(total, 1)))
    folder, commit = download(choice, report, is_cancelled)
    return Source(folder, choice.model, commit)


def open_checkpoint(folder: Path, device: str, dtype: torch.dtype) -> Checkpoint:
    """Loads a folder's model and processor.

    Raises:
        ModelInvalid: the files are broken, incomplete, or of a model that no contract knows.
        RuntimePackageMissing: transformers is too old to be trusted with a cache.
        OutOfMemory: the weights do not fit.
    """
    check_transformers(version("transformers"))
    config = _checked_config(folder)
    with _reporting_broken_files(folder), reporting_out_of_memory():
        processor = load_processor(folder)
        model = load_model(folder, dtype).to(device).eval()
    return Checkpoint(
        model, processor, contract_for(config), config.get(RANDOM_MARK) is True, calibration_of(config)
    )


def check_transformers(installed: str) -> None:
    """Refuses a version of transformers that computes wrongly."""
    numbers = tuple(int(part) for part in installed.split(".")[:2])
    if numbers < OLDEST_TRANSFORMERS:
        oldest = ".".join(map(str, OLDEST_TRANSFORMERS))
        raise RuntimePackageMissing(f"transformers {oldest} or newer is needed, {installed} is installed")


def _checked_config(folder: Path) -> dict[str, Any]:
    config = check_model_folder(folder)
    calibration_of(config)
    return config


def load_processor(folder: Path) -> Any:
    """The processor (``Lfm2VlProcessor``) of a folder; it pads on the left, splits pictures unless told.

    Raises:
        ModelInvalid: there is no chat template.
    """
    tokenizer = AutoTokenizer.from_pretrained(  # nosec B615  # a local folder
        folder, local_files_only=True, trust_remote_code=False, padding_side="left"
    )
    if not tokenizer.chat_template:
        raise ModelInvalid(f"{folder.name} has no chat template", folder=str(folder))
    return Lfm2VlProcessor(
        image_processor=Lfm2VlImageProcessorPil.from_pretrained(folder, local_files_only=True),
        tokenizer=tokenizer,
        chat_template=tokenizer.chat_template,
    )


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


@contextmanager
def _reporting_broken_files(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ModelInvalid(f"{folder.name} cannot be read: {error}", folder=str(folder)) from error
    except (SafetensorError, StrictDataclassError) as error:  # these two derive from Exception alone
        raise ModelInvalid(f"{folder.name} cannot be read: {error}", folder=str(folder)) from error
