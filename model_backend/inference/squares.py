# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures to the squares that CLIP reads: the middle of a picture, small, cut into patches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image, Resampling

from .model_files import reporting_broken_files, settings_if_there
from .n2_eye import MODEL_TYPE, n2_eye_settings
from .patches import Cutter, PatchCutter, Patches

# CLIP's own, where a checkpoint's files say nothing
_MEAN, _STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class SquareCutter:
    """How a checkpoint wants its pictures: the shorter side to this length, then the square in the middle."""

    side: int
    patch: int
    tokens: int
    """Vectors that the model makes of a picture."""
    mean: NDArray[np.float32]
    """(3,), of values 0..1."""
    std: NDArray[np.float32]

    @classmethod
    def read(cls, folder: Path) -> SquareCutter:
        """As a checkpoint's files say; ModelInvalid as of ``n2_eye_settings``."""
        settings = n2_eye_settings(settings_if_there(folder / "config.json"))
        written = settings_if_there(folder / "preprocessor_config.json")
        return cls(
            side=settings.vision["image_size"],
            patch=settings.vision["patch_size"],
            tokens=settings.picture_tokens,
            mean=np.array(written.get("image_mean", _MEAN), np.float32),
            std=np.array(written.get("image_std", _STD), np.float32),
        )

    def cut(self, picture: Image) -> Patches:
        """The patches of a picture of any size and mode; what lies outside of the square is not seen."""
        square = self._square(picture.convert("RGB"))
        pixels = (np.asarray(square, np.float32) * np.float32(1 / 255) - self.mean) / self.std
        count = self.side // self.patch
        blocks = pixels.reshape(count, self.patch, count, self.patch, 3).transpose(0, 2, 1, 3, 4)
        return Patches(np.ascontiguousarray(blocks.reshape(count**2, -1)), (count, count), self.tokens)

    def _square(self, picture: Image) -> Image:
        width, height = picture.size
        shorter, longer = min(width, height), max(width, height)
        length = int(self.side * longer / shorter)
        size = (self.side, length) if width <= height else (length, self.side)
        small = picture if picture.size == size else picture.resize(size, Resampling.BICUBIC)
        left, top = (size[0] - self.side) // 2, (size[1] - self.side) // 2
        return small.crop((left, top, left + self.side, top + self.side))


def cutter_of(folder: Path) -> Cutter:
    """That of a checkpoint's kind of model; ModelInvalid where its settings are broken."""
    with reporting_broken_files(folder):
        is_n2_eye = settings_if_there(folder / "config.json").get("model_type") == MODEL_TYPE
        return SquareCutter.read(folder) if is_n2_eye else PatchCutter.read(folder)
