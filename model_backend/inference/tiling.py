# SPDX-License-Identifier: GPL-2.0-or-later
"""How large a picture is made before the vision tower sees it; plain arithmetic, no pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Tiling:
    """The rule by which a picture becomes one view.

    The fields carry the names and the values of the checkpoint's processor files; sizes are in pixels,
    width before height.
    """

    downsample_factor: int
    min_image_tokens: int
    max_image_tokens: int
    encoder_patch_size: int

    @property
    def token_px(self) -> int:
        """Side of the square that becomes one image token."""
        return self.encoder_patch_size * self.downsample_factor

    def whole_size(self, width: int, height: int) -> tuple[int, int]:
        """Size of the whole picture as a single view: within the token limits, whole tokens a side."""
        step = self.token_px
        rounded = max(step, round(width / step) * step), max(step, round(height / step) * step)
        least, most = self.min_image_tokens * step**2, self.max_image_tokens * step**2
        area = rounded[0] * rounded[1]
        if area > most:
            shrink = math.sqrt(width * height / most)
            return max(step, _floor_to(width / shrink, step)), max(step, _floor_to(height / shrink, step))
        if area < least:
            grow = math.sqrt(least / (width * height))
            return _ceil_to(width * grow, step), _ceil_to(height * grow, step)
        return rounded


def _floor_to(value: float, step: int) -> int:
    return math.floor(value / step) * step


def _ceil_to(value: float, step: int) -> int:
    return math.ceil(value / step) * step
