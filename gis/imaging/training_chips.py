# SPDX-License-Identifier: GPL-2.0-or-later
"""Training-grade chips: squares of a raster layer in local UTM, cut and stretched as in training."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsGeometry,
    QgsRectangle,
)

from ...model_backend.chip import Chip, ChipKind
from ...model_backend.contract import ChipGeometry
from ...model_backend.georeference.geotransform import GeoTransform
from ..aoi import Aoi
from ..errors import AoiTooLarge, BlankChip, NoUtmZone, SourceUnreadable
from ..reprojection import in_lonlat, reprojected
from .chip import MadeChip, check_content, encode_png, gsd_of, make_chip_id, wkt2_of
from .chip_note import notes_on_pixels
from .gdal_file import alpha_of, gdal_errors_as
from .raster_source import RasterSource
from .stretch import downsample, stretch

OVERLAP = 0.25
"""Of a chip's side: by so much, at the least, the chips of one run overlap their neighbours."""
SLACK_M = 1e-5
"""No chip is made for less: so much an area may grow on its way from one CRS to another and back."""
MOST_CHIPS = 100
LARGEST_GRID = 10 * MOST_CHIPS
"""Of a slanted AOI many squares of the grid are left out; a larger grid is not even looked through."""
UTM_LATITUDES = (-80.0, 84.0)


@dataclass(frozen=True)
class ChipSquare:
    """Where one chip is to be cut: a square in a UTM zone, metres."""

    extent: QgsRectangle
    crs: QgsCoordinateReferenceSystem


def plan_squares(aoi: Aoi, geometry: ChipGeometry) -> list[ChipSquare]:
    """Squares that cover the AOI, row by row from the north west.

    One square around the middle where the AOI fits into it; otherwise a grid of overlapping ones, the
    outer ones flush with the AOI's edges. Squares that do not touch the AOI are left out.

    Raises:
        NoUtmZone: the AOI's middle lies too near to a pole.
        CrsUnknown: the AOI cannot be brought into UTM.
        AoiTooLarge: one run does not take as many.
    """
    crs = utm_zone_of(aoi)
    polygon = reprojected(aoi.polygon, aoi.crs, crs)
    around, side = polygon.boundingBox(), geometry.side_m
    lefts = starts_between(around.xMinimum(), around.xMaximum(), side, OVERLAP)
    bottoms = starts_between(around.yMinimum(), around.yMaximum(), side, OVERLAP)[::-1]
    count = len(lefts) * len(bottoms)
    if count <= LARGEST_GRID:
        grid = [QgsRectangle(x, y, x + side, y + side) for y in bottoms for x in lefts]
        squares = [ChipSquare(square, crs) for square in grid if polygon.intersects(square)]
        count = len(squares)
    if count > MOST_CHIPS:
        raise AoiTooLarge("too many chips", chips=count, most=MOST_CHIPS)
    return squares


def nearest_square(squares: list[ChipSquare], aoi: Aoi) -> ChipSquare:
    """The one in whose middle the AOI's middle lies best.

    Raises:
        CrsUnknown: the AOI's middle cannot be brought into UTM.
    """
    centre = reprojected(QgsGeometry.fromPointXY(aoi.frame().centre), aoi.crs, squares[0].crs).asPoint()
    return min(squares, key=lambda square: square.extent.center().sqrDist(centre))


def utm_zone_of(aoi: Aoi) -> QgsCoordinateReferenceSystem:
    """The WGS 84 / UTM zone of the AOI's middle."""
    centre = QgsGeometry.fromPointXY(aoi.frame().centre)
    point = in_lonlat(centre, aoi.crs).asPoint()
    return utm_zone_at(point.x(), point.y())


def utm_zone_at(longitude: float, latitude: float) -> QgsCoordinateReferenceSystem:
    """The WGS 84 / UTM zone of a place, degrees; NoUtmZone near the poles."""
    south, north = UTM_LATITUDES
    if not south <= latitude <= north:
        raise NoUtmZone("outside the UTM zones", latitude=latitude)
    zone = int((longitude + 180) // 6) % 60 + 1
    return QgsCoordinateReferenceSystem(f"EPSG:{(32600 if latitude >= 0 else 32700) + zone}")


def cut_chip(source: RasterSource, square: ChipSquare, geometry: ChipGeometry) -> MadeChip:
    """Reads, stretches and shrinks one square; touches neither layers nor the project: for any thread.

    Raises:
        SourceUnreadable: GDAL cannot open or warp the source.
        BlankChip: the square has no data, or all bands are flat.
    """
    bands, valid = _read_square(source, square, geometry.native_px)
    share = float(valid.mean())
    if share == 0:
        raise BlankChip("the raster has no data here", reason="empty")
    stretched = stretch(np.where(valid, bands, np.nan), geometry.stretch_percentiles)
    rgb = downsample(stretched.transpose(1, 2, 0), geometry.model_px)
    check_content(rgb, share)
    side, extent, png = geometry.model_px, square.extent, encode_png(rgb)
    pixel = geometry.gsd_m
    transform = GeoTransform(pixel, 0.0, extent.xMinimum(), 0.0, -pixel, extent.yMaximum())
    chip = Chip(
        chip_id=make_chip_id(png, transform),
        kind=ChipKind.TRAINING_GRADE,
        png=png,
        width_px=side,
        height_px=side,
        transform=transform,
        crs_wkt=wkt2_of(square.crs),
        gsd_m=gsd_of(transform, square.crs, side, side, QgsCoordinateTransformContext()),
        valid_share=share,
        sources=(source.name,),
        date=source.date,
    )
    return MadeChip(chip, notes_on_pixels(rgb, share))


def starts_between(low: float, high: float, side: float, overlap: float) -> list[float]:
    """Where the squares of a row begin: centred if one is enough, else evenly from edge to edge.

    Args:
        overlap: with the next square, as a share of the side, at the least.
    """
    length = high - low
    if length <= side + SLACK_M:
        return [(low + high - side) / 2]
    count = math.ceil((length - side - SLACK_M) / (side * (1 - overlap))) + 1
    return [low + index * (length - side) / (count - 1) for index in range(count)]


def _read_square(source: RasterSource, square: ChipSquare, side_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Float bands, shape (3, side, side), and the mask of pixels with data."""
    with gdal_errors_as(SourceUnreadable, layer=source.name):
        values = _warp(source, square, side_px)
    if values is None or values.shape[0] != 4:
        raise SourceUnreadable(gdal.GetLastErrorMsg(), layer=source.name)
    bands, covered = values[:3], values[3] > 0
    # a collar of zeros is no data too, whether or not the file says so
    return bands, covered & np.isfinite(bands).all(axis=0) & (bands != 0).any(axis=0)


def _warp(source: RasterSource, square: ChipSquare, side_px: int) -> np.ndarray | None:
    """The chosen bands and their alpha, float, shape (4, side, side); None where GDAL cannot."""
    dataset = source.open()
    if dataset is None:
        return None
    chosen = gdal.Translate("", dataset, format="VRT", bandList=[*source.bands, *alpha_of(dataset)])
    extent = square.extent
    warped = chosen and gdal.Warp(
        "",
        chosen,
        format="MEM",
        srcSRS=source.crs_wkt,
        dstSRS=wkt2_of(square.crs),
        outputBounds=(extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()),
        width=side_px,
        height=side_px,
        resampleAlg="bilinear",
        outputType=gdal.GDT_Float32,
        dstAlpha=True,
    )
    return warped.ReadAsArray() if warped else None
