# SPDX-License-Identifier: GPL-2.0-or-later
"""Chips of a raster: squares of its UTM zone, cut and stretched as a contract's chips were."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from PIL import Image
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import RasterioError
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform

from ...contract import ChipGeometry
from ...errors import RequestError
from ...georeference.geotransform import GeoTransform

LEAST_VALID = 0.98
"""Share of a chip's pixels with data below which it is left out."""
Picture = NDArray[np.uint8]
"""(model_px, model_px, 3)."""
Mask = NDArray[np.bool_]
_UTM_LATITUDES = (-80.0, 84.0)
_LEAST_SPAN = 1e-6
"""Between the two percentiles, as in training: a few bright pixels on an even ground become white."""
_POINTS_A_SIDE = 21
_NO_STEP = 1e-6
"""A rest of the way to the far edge that is no more than rounding, in strides."""


@dataclass(frozen=True)
class Square:
    """Where a chip lies: a square with north up, metres."""

    row: int
    column: int
    left: float
    top: float
    side_m: float
    crs: str
    """Of its UTM zone, such as ``EPSG:32629``."""

    def transform(self, side_px: int) -> GeoTransform:
        """From the pixels of a picture with that many a side to metres."""
        pixel = self.side_m / side_px
        return GeoTransform(pixel, 0.0, self.left, 0.0, -pixel, self.top)

    def affine(self, side_px: int) -> Affine:
        """The same, as rasterio takes it."""
        return Affine(*astuple(self.transform(side_px)))


def plan_squares(raster: Path, side_m: float, stride_m: float) -> list[Square]:
    """A regular grid over a raster, row by row from the north west, the last ones flush with the far edges.

    A raster that is turned against its UTM zone has no full square along the edges of its bounds: the grid
    is laid over the rectangle inside it where that gives more full ones. A raster smaller than a square
    gets one around its middle.

    Raises:
        RequestError: it cannot be read, has no CRS, or lies outside the UTM zones.
    """
    if not stride_m > 0:
        raise RequestError(f"a stride is more than 0 m: {stride_m}")
    with opened(raster) as source:
        crs = _utm_zone(raster, *source.lnglat())
        top, right, bottom, left = _sides(source, crs)
    footprint = shapely.Polygon(np.vstack([top, right, bottom, left]))
    inside = (left[:, 0].max(), bottom[:, 1].max(), right[:, 0].min(), top[:, 1].min())
    grids = [_grid(bounds, side_m, stride_m, crs) for bounds in (footprint.bounds, inside)]
    return max(grids, key=lambda squares: _count_full(squares, footprint))


def cut_picture(
    raster: Path, bands: tuple[int, int, int], square: Square, geometry: ChipGeometry
) -> Picture | None:
    """The chip as the model is shown it; None where too little of it has data."""
    values, covered = read_square(raster, bands, square, geometry.native_px, Resampling.bilinear)
    # a collar of zeros is no data too, whether or not the file says so
    valid = covered & np.isfinite(values).all(axis=0) & (values != 0).any(axis=0)
    if valid.mean() < LEAST_VALID:
        return None
    stretched = stretch(np.where(valid, values, np.nan), geometry.stretch_percentiles)
    size = (geometry.model_px, geometry.model_px)
    shrunk = Image.fromarray(stretched.transpose(1, 2, 0)).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(shrunk)


def stretch(bands: NDArray[Any], percentiles: tuple[float, float]) -> NDArray[np.uint8]:
    """Each band on its own, between two percentiles of its finite values above 0; 0 where not finite.

    The plugin's own chips take the same steps.
    """
    return np.stack([_stretch_band(band.astype(np.float64), percentiles) for band in bands])


def read_square(
    raster: Path, bands: tuple[int, ...], square: Square, side_px: int, resampling: Resampling
) -> tuple[NDArray[Any], Mask]:
    """The bands, (bands, side_px, side_px), and where the raster has data.

    Raises:
        RequestError: it cannot be read, lacks a band, or has no CRS.
    """
    with opened(raster) as source:
        if max(bands) > source.count:
            raise RequestError(f"{raster} has {source.count} bands, not {max(bands)}", path=str(raster))
        warping = {
            "crs": square.crs,
            "transform": square.affine(side_px),
            "width": side_px,
            "height": side_px,
            "resampling": resampling,
            "add_alpha": ColorInterp.alpha not in source.colorinterp,
        }
        with WarpedVRT(source, **warping) as warped:
            return warped.read(bands), warped.dataset_mask() > 0


@contextmanager
def opened(raster: Path) -> Iterator[rasterio.DatasetReader]:
    """A raster with a CRS, and GDAL's errors as ours; RequestError for any other file."""
    try:
        with rasterio.open(raster) as source:
            if source.crs is None:
                raise RequestError(f"{raster} has no CRS", path=str(raster))
            yield source
    except RasterioError as error:
        raise RequestError(f"{raster} cannot be read: {error}", path=str(raster)) from error


def _utm_zone(raster: Path, longitude: float, latitude: float) -> str:
    lowest, highest = _UTM_LATITUDES
    if not lowest <= latitude <= highest:
        raise RequestError(f"{raster} lies outside the UTM zones", latitude=latitude)
    zone = int((longitude + 180) // 6) % 60 + 1
    return f"EPSG:{(32600 if latitude >= 0 else 32700) + zone}"


def _sides(source: rasterio.DatasetReader, crs: str) -> list[NDArray[np.float64]]:
    """Points along the top, right, bottom and left side of a raster, clockwise, (points, 2) each."""
    way, back = np.linspace(0, 1, _POINTS_A_SIDE), np.linspace(1, 0, _POINTS_A_SIDE)
    near, far = np.zeros(_POINTS_A_SIDE), np.ones(_POINTS_A_SIDE)
    placed, sides = source.transform, []
    for columns, rows in ((way, near), (far, way), (back, far), (near, back)):
        across, down = columns * source.width, rows * source.height
        x = placed.a * across + placed.b * down + placed.c
        y = placed.d * across + placed.e * down + placed.f
        sides.append(np.column_stack(transform(source.crs, crs, x, y)))
    return sides


def _grid(
    bounds: tuple[float, float, float, float], side_m: float, stride_m: float, crs: str
) -> list[Square]:
    left, bottom, right, top = bounds
    lefts = [left + step for step in _steps(right - left, side_m, stride_m)]
    tops = [top - step for step in _steps(top - bottom, side_m, stride_m)]
    return [
        Square(row, column, x, y, side_m, crs) for row, y in enumerate(tops) for column, x in enumerate(lefts)
    ]


def _count_full(squares: list[Square], footprint: shapely.Polygon) -> int:
    boxes = [
        shapely.box(square.left, square.top - square.side_m, square.left + square.side_m, square.top)
        for square in squares
    ]
    shares = shapely.area(shapely.intersection(footprint, boxes)) / shapely.area(boxes)
    return int((shares >= LEAST_VALID).sum())


def _steps(length: float, side: float, stride: float) -> list[float]:
    """From the near edge to where each square of a line begins."""
    room = length - side
    if room <= 0:
        return [room / 2]
    steps = [index * stride for index in range(math.floor(room / stride + _NO_STEP) + 1)]
    return steps if room - steps[-1] <= stride * _NO_STEP else [*steps, room]


def _stretch_band(band: NDArray[np.float64], percentiles: tuple[float, float]) -> NDArray[np.uint8]:
    used = band[np.isfinite(band) & (band > 0)]
    if used.size == 0:
        return np.zeros(band.shape, np.uint8)
    low, high = np.percentile(used, percentiles)
    known = np.where(np.isfinite(band), band, low)
    grey: NDArray[np.uint8] = (np.clip((known - low) / max(high - low, _LEAST_SPAN), 0, 1) * 255).astype(
        np.uint8
    )
    return grey
