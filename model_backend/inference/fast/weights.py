# SPDX-License-Identifier: GPL-2.0-or-later
"""The tensors of a checkpoint, read from its safetensors files only when and as far as they are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ModelInvalid

Floats = NDArray[np.float32]
PREFIX = "model.language_model."
EMBEDDING = PREFIX + "embed_tokens.weight"
TOWER = "model.vision_tower."
POSITIONS = TOWER + "embeddings.position_embedding.weight"

# lspace's files have a level more in their names than the classes of today
_LONGER = "model.vision_tower.vision_model."
_SHORTER = "model.vision_tower."
# numpy has no bfloat16; whole numbers only count what nobody asks for
_KINDS = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16, "I64": np.int64}


@dataclass(frozen=True)
class Stored:
    """One tensor as it lies in a file: its pages are read when its numbers are."""

    numbers: NDArray[Any]
    is_bfloat16: bool

    def floats(self, index: Any = ...) -> Floats:
        """A copy of a part of it, or of all, in float32."""
        part = self.numbers[index]
        if self.is_bfloat16:  # the upper half of a float32
            part = (part.astype(np.uint32) << 16).view(np.float32)
        floats: Floats = part.astype(np.float32, copy=not self.is_bfloat16)
        return floats


Rename = Callable[[Iterable[str]], Mapping[str, str]]


def _todays_names(names: Iterable[str]) -> dict[str, str]:
    return {name: name.replace(_LONGER, _SHORTER) for name in names}


class Weights:
    """All tensors of a folder."""

    def __init__(self, folder: Path, rename: Rename = _todays_names) -> None:
        """Maps the files, one or several.

        Args:
            rename: from the names in the files to those that are asked for; what it leaves out is not there.

        Raises:
            ModelInvalid: there is none, one is broken, or its numbers are of an unknown kind.
        """
        self._folder = folder
        self._tensors: dict[str, Stored] = {}
        self._unused: set[str] = set()
        for file in sorted(folder.glob("*.safetensors")):
            self._tensors.update(_mapped(file))
        if not self._tensors:
            raise ModelInvalid(f"{folder.name} holds no weights (*.safetensors)", folder=str(folder))
        self._tensors = {known: self._tensors[name] for name, known in rename(self._tensors).items()}
        self._unused.update(self._tensors)

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def stored(self, name: str, *shape: int) -> Stored:
        """A tensor of that shape.

        Raises:
            ModelInvalid: it is not there, or of another shape.
        """
        tensor = self._tensors.get(name)
        if tensor is None:
            raise ModelInvalid(f"{self._folder.name} has no tensor {name}", names=[name])
        if tensor.numbers.shape != shape:
            there = tensor.numbers.shape
            raise ModelInvalid(f"{name} in {self._folder.name} is {there}, not {shape}", names=[name])
        self._unused.discard(name)
        return tensor

    def floats(self, name: str, *shape: int) -> Floats:
        """A tensor's numbers in float32; raises as ``stored`` does."""
        return self.stored(name, *shape).floats()

    def check_all_used(self) -> None:
        """Refuses a checkpoint with tensors that nobody asked for: it is of another kind than it says."""
        names = sorted(self._unused)
        if names:
            words = f"{self._folder.name} has {len(names)} unexpected tensors: {', '.join(names[:3])}"
            raise ModelInvalid(words, names=names)


def _mapped(file: Path) -> dict[str, Stored]:
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if length > file.stat().st_size:
                raise ValueError("it is cut off, or is of another kind")
            header = json.loads(stream.read(length))
        header.pop("__metadata__", None)
        everything = np.memmap(file, np.uint8, "r", offset=8 + length)
        return {name: _stored(everything, entry) for name, entry in header.items()}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ModelInvalid(
            f"{file.parent.name}/{file.name} cannot be read: {error}", file=file.name
        ) from error


def _stored(everything: NDArray[np.uint8], entry: dict[str, Any]) -> Stored:
    begin, end = entry["data_offsets"]
    # asarray: a memmap's slices each cost several times a plain array's
    numbers = np.asarray(everything[begin:end]).view(_KINDS[entry["dtype"]]).reshape(entry["shape"])
    return Stored(numbers, entry["dtype"] == "BF16")
