# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures to the patches that a vision tower reads, with nothing but numpy and Pillow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image, Resampling

from .model_files import settings_if_there
from .tiling import Tiling

# what every checkpoint of this kind has where its files say nothing
_DEFAULTS: dict[str, Any] = {
    "downsample_factor": 2,
    "min_image_tokens": 64,
    "max_image_tokens": 256,
    "encoder_patch_size": 16,
    "resample": Resampling.BILINEAR,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": 0.5,
    "image_std": 0.5,
}


@dataclass(frozen=True)
class Patches:
    """One picture, cut up for the vision tower."""

    pixels: NDArray[np.float32]
    """(patches, patch side x patch side x 3): row by row, channels last within a patch."""
    grid: tuple[int, int]
    """Rows and columns of patches."""
    tokens: int
    """Vectors that the model makes of it, each in the place of one image token."""


class Cutter(Protocol):
    """Cuts pictures up as one kind of model wants them."""

    def cut(self, picture: Image) -> Patches:
        """The patches of a picture of any size and mode."""
        ...


@dataclass(frozen=True)
class PatchCutter:
    """How a checkpoint wants its pictures cut; a picture is always one view, whatever its size."""

    tiling: Tiling
    resample: int
    """As Pillow counts."""
    offset: NDArray[np.float32]
    """(3,): taken from the grey levels 0..255 of each channel."""
    divisor: NDArray[np.float32]

    @classmethod
    def read(cls, folder: Path) -> PatchCutter:
        """As a checkpoint's processor files say."""
        settings = {**_DEFAULTS, **_written(folder)}
        # in float32 and in this order, so that no bit differs from the reference
        scale = np.float32(1.0 / settings["rescale_factor"] if settings["do_rescale"] else 1.0)
        named = (settings["image_mean"], settings["image_std"]) if settings["do_normalize"] else (0.0, 1.0)
        mean, std = (np.broadcast_to(np.asarray(value, dtype=np.float32), (3,)) for value in named)
        tiling = Tiling(**{field.name: settings[field.name] for field in fields(Tiling)})
        return cls(tiling, int(settings["resample"]), mean * scale, std * scale)

    def cut(self, picture: Image) -> Patches:
        """The patches of a picture of any size and mode."""
        size = self.tiling.whole_size(*picture.size)
        rgb = picture.convert("RGB")
        pixels = np.asarray(rgb if rgb.size == size else rgb.resize(size, Resampling(self.resample)))
        normalised: NDArray[np.float32] = (pixels.astype(np.float32) - self.offset) / self.divisor
        side = self.tiling.encoder_patch_size
        columns, rows = (length // side for length in size)
        blocks = normalised.reshape(rows, side, columns, side, 3).transpose(0, 2, 1, 3, 4)
        tokens = rows * columns // self.tiling.downsample_factor**2
        return Patches(blocks.reshape(rows * columns, -1), (rows, columns), tokens)


def _written(folder: Path) -> Mapping[str, Any]:
    """What the files set; the newer one counts alone where it is there."""
    nested = settings_if_there(folder / "processor_config.json").get("image_processor")
    settings: Mapping[str, Any] = nested or settings_if_there(folder / "preprocessor_config.json")
    return {name: value for name, value in settings.items() if name in _DEFAULTS and value is not None}
