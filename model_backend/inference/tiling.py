# SPDX-License-Identifier: GPL-2.0-or-later
"""Into which views a picture is cut before the vision tower sees it; plain arithmetic, no pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Tiling:
    """The rule by which a picture becomes one view, or tiles and a thumbnail.

    The fields carry the names and the values of the checkpoint's processor files; sizes are in pixels,
    width before height.
    """

    downsample_factor: int
    do_image_splitting: bool
    min_tiles: int
    max_tiles: int
    use_thumbnail: bool
    min_image_tokens: int
    max_image_tokens: int
    encoder_patch_size: int
    tile_size: int
    max_pixels_tolerance: float

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

    def grid(self, width: int, height: int) -> tuple[int, int] | None:
        """Columns and rows of tiles, or None where the picture stays whole."""
        if not self.do_image_splitting or self.max_tiles == 1 or not self._is_large(width, height):
            return None
        return self._closest_grid(width, height)

    def _is_large(self, width: int, height: int) -> bool:
        step = self.token_px
        sides = [max(self.encoder_patch_size, round(side / step) * step) for side in (width, height)]
        return sides[0] * sides[1] > self.max_image_tokens * step**2 * self.max_pixels_tolerance

    def _closest_grid(self, width: int, height: int) -> tuple[int, int]:
        best, best_gap = (1, 1), math.inf
        for columns, rows in self._grids():
            gap = abs(width / height - columns / rows)
            fills_half = width * height > 0.5 * self.tile_size**2 * columns * rows
            if gap < best_gap or (gap == best_gap and fills_half):
                best, best_gap = (columns, rows), gap
        return best

    def _grids(self) -> list[tuple[int, int]]:
        sides = range(1, self.max_tiles + 1)
        grids = {(c, r) for c in sides for r in sides if self.min_tiles <= c * r <= self.max_tiles}
        return sorted(grids, key=lambda grid: grid[0] * grid[1])


def _floor_to(value: float, step: int) -> int:
    return math.floor(value / step) * step


def _ceil_to(value: float, step: int) -> int:
    return math.ceil(value / step) * step
