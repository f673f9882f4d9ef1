# SPDX-License-Identifier: GPL-2.0-or-later
"""The affine map from pixels to map units: plain arithmetic, importable everywhere."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

from ..errors import GeoreferenceError


@dataclass(frozen=True)
class GeoTransform:
    """Affine map from pixel (column, row) to map (x, y); pixel (0, 0) is the outer corner top left.

    ``x = a * column + b * row + c`` and ``y = d * column + e * row + f``.
    """

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in astuple(self)):
            raise GeoreferenceError(f"geotransform with a value that is not finite: {self}")
        if self.determinant == 0:
            raise GeoreferenceError(f"geotransform that maps the chip onto a line: {self}")

    @classmethod
    def from_corners(
        cls,
        top_left: tuple[float, float],
        top_right: tuple[float, float],
        bottom_left: tuple[float, float],
        width_px: int,
        height_px: int,
    ) -> GeoTransform:
        """The transform of a chip whose outer corners lie at the given map points."""
        (x0, y0), (x1, y1), (x2, y2) = top_left, top_right, bottom_left
        return cls(
            (x1 - x0) / width_px, (x2 - x0) / height_px, x0, (y1 - y0) / width_px, (y2 - y0) / height_px, y0
        )

    @property
    def determinant(self) -> float:
        """Signed area of a pixel in square map units; negative for a map with north up."""
        return self.a * self.e - self.b * self.d

    def to_map(self, column: float, row: float) -> tuple[float, float]:
        """Map point of a pixel position."""
        return (
            self.a * column + self.b * row + self.c,
            self.d * column + self.e * row + self.f,
        )

    def to_pixel(self, x: float, y: float) -> tuple[float, float]:
        """Pixel position (column, row) of a map point."""
        dx, dy = x - self.c, y - self.f
        return (
            (self.e * dx - self.b * dy) / self.determinant,
            (self.a * dy - self.d * dx) / self.determinant,
        )
