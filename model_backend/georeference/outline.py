# SPDX-License-Identifier: GPL-2.0-or-later
"""Rectangles of a chip's pixels as polygons of another CRS, or not at all: never a polygon that is wrong."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.enums import TransformDirection

from ..errors import GeoreferenceError
from .crs import is_same_crs, way_between
from .geotransform import GeoTransform

Points = NDArray[np.float64]
"""Shape (n, 2): column and row, or x and y."""

TOLERANCE_PX = 0.1
"""How far a point may lie off, there and back, and an edge from where it should run."""
FEWEST_PIECES = 8
MOST_PIECES = 512
"""Straight pieces that one edge is bent into."""


class Window(NamedTuple):
    """A rectangle of a chip, in pixels from its top left corner."""

    left: float
    top: float
    right: float
    bottom: float


class Outliner:
    """Takes windows of one chip to one CRS."""

    def __init__(self, transform: GeoTransform, source: CRS, target: CRS) -> None:
        self._matrix = np.array([[transform.a, transform.b], [transform.d, transform.e]])
        self._origin = np.array([transform.c, transform.f])
        self._way = None if is_same_crs(source, target) else way_between(source, target)
        self._names = {"source": source.name, "target": target.name}

    def outline(self, window: Window) -> shapely.Polygon:
        """The window in the target CRS; edges are bent where the CRSs differ.

        Raises:
            GeoreferenceError: the window has no area, or reaches where the target CRS is not
                continuous: beyond its bounds, over its antimeridian, around its pole.
        """
        if not (window.left < window.right and window.top < window.bottom):
            raise self._refusal("box without area", window)
        ring = self._straight(window) if self._way is None else self._bent(window)
        polygon = shapely.Polygon(ring)
        if not polygon.is_valid:
            raise self._refusal("box that folds over itself on the map", window)
        if not polygon.contains(shapely.Point(self._there(_centre(window))[0])):
            raise self._refusal("box that turns inside out on the map", window)
        return polygon

    def _straight(self, window: Window) -> Points:
        ring = self._there(_path(window, 1))
        self._check_finite(ring, window)
        return ring

    def _bent(self, window: Window) -> Points:
        """The ring with as few pieces an edge as keep it in place."""
        pieces = FEWEST_PIECES
        while True:
            # Every second point halves a piece: the ring goes without it and is judged by it.
            path = _path(window, 2 * pieces)
            there = self._there(path)
            self._check_finite(there, window)
            self._check_return(path, there, window)
            ring = there[::2]
            chords = (ring + np.roll(ring, -1, axis=0)) / 2
            sag = self._distance_px(path[1::2], self._back(chords))
            if sag <= TOLERANCE_PX:
                return ring
            if pieces == MOST_PIECES:
                raise self._refusal("box across an edge of the output CRS", window, off_px=sag)
            pieces *= 2

    def _check_finite(self, points: Points, window: Window) -> None:
        if not np.isfinite(points).all():
            raise self._refusal("box beyond the bounds of the output CRS", window)

    def _check_return(self, path: Points, there: Points, window: Window) -> None:
        off_px = self._distance_px(path, self._back(there))
        if not off_px <= TOLERANCE_PX:
            raise self._refusal("box that does not come back from the output CRS", window, off_px=off_px)

    def _distance_px(self, one: Points, other: Points) -> float:
        """The largest distance, in pixels; infinite where a point is nowhere."""
        largest = float(np.hypot(*(one - other).T).max())
        return largest if np.isfinite(largest) else float("inf")

    def _there(self, pixels: Points) -> Points:
        points: Points = pixels @ self._matrix.T + self._origin
        if self._way is None:
            return points
        return np.column_stack(self._way.transform(points[:, 0], points[:, 1]))

    def _back(self, points: Points) -> Points:
        if self._way is not None:
            inverse = TransformDirection.INVERSE
            points = np.column_stack(self._way.transform(points[:, 0], points[:, 1], direction=inverse))
        pixels: Points = np.linalg.solve(self._matrix, (points - self._origin).T).T
        return pixels

    def _refusal(self, what: str, window: Window, off_px: float | None = None) -> GeoreferenceError:
        return GeoreferenceError(
            f"{what} ({self._names['source']} to {self._names['target']})",
            window_px=[float(edge) for edge in window],
            off_px=None if off_px is None or math.isinf(off_px) else off_px,
            **self._names,
        )


def _path(window: Window, pieces: int) -> Points:
    """Points around the window, clockwise from the top left, ``pieces`` steps an edge, not closed."""
    left, top, right, bottom = window
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom], [left, top]])
    shares = np.arange(pieces)[:, None] / pieces
    edges = [start + shares * (end - start) for start, end in zip(corners, corners[1:])]
    return np.concatenate(edges)


def _centre(window: Window) -> Points:
    return np.array([[(window.left + window.right) / 2, (window.top + window.bottom) / 2]])
