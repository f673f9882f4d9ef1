# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known about the ground of a scene, brought into the frame of a chip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from pyogrio import raw
from pyogrio.errors import DataSourceError
from pyproj import CRS
from pyproj.exceptions import CRSError
from rasterio.enums import Resampling
from rasterio.errors import RasterioIOError
from rasterio.features import rasterize

from ...contract import ChipGeometry
from ...errors import RequestError
from ...georeference.crs import way_between
from ...trained_boxes import PixelBox
from .cutting import Mask, Square, opened, read_square
from .truth import NO_CLASS, Classes, majority

_LEAST_INSIDE = 0.5
"""Share of a box's area that has to lie in the chip."""
_DIGITS = 6
"""Of a pixel: what is less is rounding on the way from the map."""


@dataclass(frozen=True)
class Features:
    """The features of a vector file in the CRS of the chips."""

    shapes: NDArray[np.object_]
    labels: tuple[str, ...]
    """One a feature; empty without a field to read them from."""


def class_cells(
    raster: Path,
    names: Mapping[int, str],
    classes: Sequence[str],
    square: Square,
    geometry: ChipGeometry,
    grid_px: int,
) -> Classes:
    """The class of each cell of a chip: an index of ``classes``, ``len(classes)`` for any other class."""
    values, covered = read_square(raster, (1,), square, geometry.native_px, Resampling.nearest)
    numbers = np.full(covered.shape, NO_CLASS, np.uint8)
    for value, name in names.items():
        index = classes.index(name) if name in classes else len(classes)
        numbers[covered & (values[0] == value)] = index
    return majority(numbers, len(classes) + 1, grid_px)


def share_of_class(raster: Path, names: Mapping[int, str], wanted: str) -> float | None:
    """Share, 0..1, of one class among a whole raster's pixels with a class; None where none has its name."""
    if wanted not in names.values():
        return None
    known = found = 0
    with opened(raster) as source:
        for _, window in source.block_windows(1):
            values = source.read(1, window=window, masked=True).compressed()
            known += int(np.isin(values, list(names)).sum())
            found += int(np.isin(values, [value for value in names if names[value] == wanted]).sum())
    return found / known if known else None


def read_features(path: Path, crs: str, label_field: str | None = None) -> Features:
    """The features of a vector file, brought into a CRS; those without a geometry are left out.

    Raises:
        RequestError: it cannot be read, or has no CRS or no such field.
    """
    columns = [] if label_field is None else [label_field]
    try:
        meta, _, geometries, fields = raw.read(path, columns=columns)
    except DataSourceError as error:
        raise RequestError(f"{path} cannot be read: {error}", path=str(path)) from error
    if geometries is None or not meta["crs"]:
        raise RequestError(f"{path} has no geometries with a CRS", path=str(path))
    if len(fields) != len(columns):
        raise RequestError(f"{path} has no field {label_field!r}", path=str(path))
    shapes = _transformed(shapely.from_wkb(geometries), meta["crs"], crs)
    placed = np.isfinite(shapely.bounds(shapes)).all(axis=1)
    labels = tuple(str(label) for label in fields[0][placed]) if columns else ("",) * int(placed.sum())
    return Features(shapes[placed], labels)


def pixel_boxes(features: Features, square: Square, grid_px: int) -> Iterator[tuple[str, PixelBox]]:
    """Label and box of each feature of which at least half, by the area of its box, lies in the chip."""
    transform = square.transform(grid_px)
    for label, (west, south, east, north) in zip(
        features.labels, shapely.bounds(features.shapes), strict=True
    ):
        box = _inside((*transform.to_pixel(west, north), *transform.to_pixel(east, south)), grid_px)
        if box is not None:
            yield label, box


def changed_cells(
    path: Path, features: Features | None, square: Square, geometry: ChipGeometry, grid_px: int
) -> Mask:
    """(grid_px, grid_px): the cells of a chip that have changed for the most part.

    Args:
        features: the polygons of a vector file; None for a raster that is not 0 where something has changed.
    """
    if features is None:
        values, covered = read_square(path, (1,), square, geometry.native_px, Resampling.nearest)
        changed = covered & np.isfinite(values[0]) & (values[0] != 0)
    else:
        changed = _burnt(features, square, geometry.native_px)
    cells: Mask = majority(changed.astype(np.uint8), 2, grid_px) == 1
    return cells


def is_raster(path: Path) -> bool:
    """Whether a file is a raster; else it may be a vector file."""
    try:
        with rasterio.open(path):
            return True
    except RasterioIOError:
        return False


def _transformed(shapes: NDArray[np.object_], source: str, target: str) -> NDArray[np.object_]:
    try:
        way = way_between(CRS.from_user_input(source), CRS.from_user_input(target))
    except CRSError as error:
        raise RequestError(f"not a CRS: {error}") from error
    moved: NDArray[np.object_] = shapely.transform(
        shapes, lambda points: np.column_stack(way.transform(points[:, 0], points[:, 1]))
    )
    return moved


def _inside(edges: tuple[float, float, float, float], grid_px: int) -> PixelBox | None:
    """The pixels of a box that it has inside the chip; None where less than half of it lies there."""
    left, top, right, bottom = (round(edge, _DIGITS) for edge in edges)
    width, height = min(right, grid_px) - max(left, 0), min(bottom, grid_px) - max(top, 0)
    if min(width, height) < 0 or width * height < _LEAST_INSIDE * (right - left) * (bottom - top):
        return None
    first_x, first_y = (min(max(floor(edge), 0), grid_px - 1) for edge in (left, top))
    last_x, last_y = (min(ceil(edge), grid_px) - 1 for edge in (right, bottom))
    return first_x, first_y, max(first_x, last_x), max(first_y, last_y)


def _burnt(features: Features, square: Square, side_px: int) -> Mask:
    polygons = [shape for shape in features.shapes if not shape.is_empty]
    if not polygons:
        return np.zeros((side_px, side_px), dtype=bool)
    burnt: Mask = rasterize(polygons, out_shape=(side_px, side_px), transform=square.affine(side_px)) > 0
    return burnt
