# SPDX-License-Identifier: GPL-2.0-or-later
"""Which pixels of a raster lie inside a polygon: those whose centres do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from qgis.core import QgsGeometry, QgsRectangle


class Window(NamedTuple):
    """A part of a raster, in whole pixels from its upper left."""

    column: int
    row: int
    width: int
    height: int

    @classmethod
    def around(cls, box: QgsRectangle, columns: int, rows: int) -> Window:
        """The pixels that a box in pixel coordinates touches, of a raster of that size; it may be empty."""
        left, top = max(math.floor(box.xMinimum()), 0), max(math.floor(box.yMinimum()), 0)
        right, bottom = min(math.ceil(box.xMaximum()), columns), min(math.ceil(box.yMaximum()), rows)
        return cls(left, top, max(right - left, 0), max(bottom - top, 0))

    def strips(self, most_pixels: int) -> Iterator[Window]:
        """The same pixels, some rows at a time; nothing of an empty window."""
        if self.width == 0:
            return
        step = max(most_pixels // self.width, 1)
        for row in range(0, self.height, step):
            yield Window(self.column, self.row + row, self.width, min(step, self.height - row))


Ring = Sequence[tuple[float, float]]


def rings_of(polygon: QgsGeometry) -> list[Ring]:
    """Corners of all rings, outer and inner, each closed."""
    multi = QgsGeometry(polygon)
    parts = multi.asMultiPolygon() if multi.convertToMultiType() else []
    return [[(point.x(), point.y()) for point in ring] for part in parts for ring in part]


def centres_inside(rings: Sequence[Ring], window: Window) -> np.ndarray:
    """Mask of the window's pixels whose centres have an odd number of edges to their right.

    Args:
        rings: in pixel coordinates, (0, 0) the outer corner of the raster's first pixel.
    """
    inside = np.zeros((window.height, window.width), bool)
    centres_x = window.column + np.arange(window.width) + 0.5
    for ring in rings:
        for (x0, y0), (x1, y1) in zip(ring, ring[1:]):
            first = max(math.ceil(min(y0, y1) - 0.5) - window.row, 0)
            last = min(math.ceil(max(y0, y1) - 0.5) - window.row, window.height)
            if first < last:
                centres_y = window.row + np.arange(first, last) + 0.5
                crossings = x0 + (centres_y - y0) * (x1 - x0) / (y1 - y0)
                inside[first:last] ^= centres_x < crossings[:, None]
    return inside
