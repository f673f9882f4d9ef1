# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a folder holds a model that can be run, seen without the packages that run it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, BinaryIO

from .contract import contract_for
from .errors import ModelInvalid

NEEDED = ("config.json", "tokenizer.json", "tokenizer_config.json")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_POINTER = b"version "
"""How a file begins that git LFS left in place of the real one."""
_LONGEST_HEADER = 100_000_000
"""Bytes; safetensors' own limit."""


def check_model_folder(folder: Path) -> dict[str, Any]:
    """The configuration of a folder's model, whose contract is known.

    Raises:
        ModelInvalid: what is wrong; ``reason`` is ``missing``, ``weights``, ``pickle``, ``pointer``, ``cut``,
            ``json`` or ``contract``.
    """
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise ModelInvalid(f"{folder.name} lacks {', '.join(missing)}", reason="missing", missing=missing)
    count_parameters(folder)
    settings = {path.name: _read_json(path) for path in sorted(folder.glob("*.json"))}
    config = settings["config.json"]
    if not isinstance(config, dict):
        raise ModelInvalid(f"config.json of {folder.name} holds no settings", reason="json")
    contract_for(config)
    return config


def count_parameters(folder: Path) -> int:
    """How many numbers a folder's weights hold.

    Raises:
        ModelInvalid: no weights, pickled ones, or files that are not whole.
    """
    files = sorted(folder.glob("*.safetensors"))
    if files:
        return sum(_count(file) for file in files)
    pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
    if pickles:
        # a pickle runs code when it is read
        raise ModelInvalid(
            f"{pickles[0]} is a pickle; only safetensors weights are loaded", reason="pickle", files=pickles
        )
    raise ModelInvalid(
        f"{folder.name} holds no weights (*.safetensors)", reason="weights", folder=str(folder)
    )


def stored_precisions(folder: Path) -> set[str]:
    """In which precisions the weights of a whole folder are written, as safetensors calls them."""
    found = set()
    for file in folder.glob("*.safetensors"):
        with file.open("rb") as stream:
            found |= {str(tensor["dtype"]) for tensor in _read_header(file, stream)}
    return found


def _count(file: Path) -> int:
    try:
        with file.open("rb") as stream:
            tensors = _read_header(file, stream)
            there, begin = file.stat().st_size, stream.tell()
        ends = [tensor["data_offsets"][1] for tensor in tensors]
        whole = begin + max(ends, default=0)
        count = sum(_product(tensor["shape"]) for tensor in tensors)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _broken(file, "cannot be read") from error
    if there != whole:
        raise _broken(file, f"is cut off: {there / 1e6:.1f} of {whole / 1e6:.1f} MB are there")
    return count


def _read_header(file: Path, stream: BinaryIO) -> list[dict[str, Any]]:
    """What the file says of its tensors; the stream is left where their numbers begin."""
    start = stream.read(8)
    if start == _POINTER:
        words = f"{file.parent.name}/{file.name} is a pointer of git LFS, not the weights: run 'git lfs pull'"
        raise ModelInvalid(words, reason="pointer", file=file.name)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length > _LONGEST_HEADER:
        raise _broken(file, "cannot be read")
    header = json.loads(stream.read(length))
    return [tensor for name, tensor in header.items() if name != "__metadata__"]


def _product(shape: list[int]) -> int:
    count = 1
    for side in shape:
        count *= side
    return count


def _broken(file: Path, fault: str) -> ModelInvalid:
    return ModelInvalid(f"{file.parent.name}/{file.name} {fault}", reason="cut", file=file.name)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelInvalid(f"{path.name} is not JSON: {error}", reason="json", file=path.name) from error
