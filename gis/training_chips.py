# SPDX-License-Identifier: GPL-2.0-or-later
"""Training-grade chips: squares of a raster layer in local UTM, cut and stretched as in training."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtCore import Qt

from ..model_backend.chip import Chip, ChipKind
from ..model_backend.contract import ChipGeometry
from ..model_backend.georeference.geotransform import GeoTransform
from .aoi import Aoi
from .chip import MadeChip, check_content, emptiness_notes, encode_png, gsd_of, make_chip_id, wkt2_of
from .errors import BlankChip, CrsUnknown, NoUtmZone, SourceUnreadable
from .stretch import downsample, stretch

STRIDE_SHARE = 0.75
"""Chips of a grid are at most this share of their side apart: each overlaps its neighbour by a quarter."""
UTM_LATITUDES = (-80.0, 84.0)
EDGE_VERTICES = 20
"""An AOI's edge is bent by the transform; it is followed with this many points."""


@dataclass(frozen=True)
class RasterSource:
    """A raster layer as GDAL opens it; a plain value that a thread may use."""

    name: str
    uri: str
    crs_wkt: str
    bands: tuple[int, int, int]
    """Numbers of the red, green and blue band, from 1, as the layer shows them."""
    date: str | None

    @classmethod
    def from_layer(cls, layer: QgsRasterLayer) -> RasterSource:
        """The source behind a layer.

        Raises:
            SourceUnreadable: the layer is not read by GDAL.
            CrsUnknown: it has no CRS.
        """
        if layer.providerType() != "gdal":
            raise SourceUnreadable("not a GDAL layer", layer=layer.name(), provider=layer.providerType())
        if not layer.crs().isValid():
            raise CrsUnknown("the layer has no CRS", layer=layer.name())
        crs_wkt = wkt2_of(layer.crs())
        return cls(layer.name(), layer.source(), crs_wkt, _shown_bands(layer), _date_of(layer))


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
    """
    crs = utm_zone_of(aoi)
    polygon = _transformed(aoi.polygon, aoi.crs, crs)
    around = polygon.boundingBox()
    lefts = _starts(around.xMinimum(), around.xMaximum(), geometry.side_m)
    bottoms = _starts(around.yMinimum(), around.yMaximum(), geometry.side_m)[::-1]
    side = geometry.side_m
    squares = [QgsRectangle(x, y, x + side, y + side) for y in bottoms for x in lefts]
    return [ChipSquare(square, crs) for square in squares if polygon.intersects(square)]


def utm_zone_of(aoi: Aoi) -> QgsCoordinateReferenceSystem:
    """The WGS 84 / UTM zone of the AOI's middle."""
    centre = QgsGeometry.fromPointXY(aoi.frame().centre)
    point = _transformed(centre, aoi.crs, QgsCoordinateReferenceSystem("EPSG:4326")).asPoint()
    south, north = UTM_LATITUDES
    if not south <= point.y() <= north:
        raise NoUtmZone("outside the UTM zones", latitude=point.y())
    zone = int((point.x() + 180) // 6) % 60 + 1
    return QgsCoordinateReferenceSystem(f"EPSG:{(32600 if point.y() >= 0 else 32700) + zone}")


def cut_chip(source: RasterSource, square: ChipSquare, geometry: ChipGeometry) -> MadeChip:
    """Reads, stretches and shrinks one square; touches no layer and may run in any thread.

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
        gsd_m=gsd_of(transform, square.crs, side, side),
        valid_share=share,
        sources=(source.name,),
        date=source.date,
    )
    return MadeChip(chip, emptiness_notes(share))


def _starts(low: float, high: float, side: float) -> list[float]:
    """Where the squares of a row begin: centred if one is enough, else evenly from edge to edge."""
    length = high - low
    if length <= side:
        return [(low + high - side) / 2]
    count = math.ceil((length - side) / (side * STRIDE_SHARE)) + 1
    return [low + index * (length - side) / (count - 1) for index in range(count)]


def _transformed(
    geometry: QgsGeometry, source: QgsCoordinateReferenceSystem, target: QgsCoordinateReferenceSystem
) -> QgsGeometry:
    moved = QgsGeometry(geometry)
    if not moved.isEmpty() and moved.length() > 0:
        moved = moved.densifyByCount(EDGE_VERTICES)
    transform = QgsCoordinateTransform(source, target, QgsProject.instance().transformContext())
    try:
        outcome = moved.transform(transform)
    except QgsCsException as error:
        raise CrsUnknown(str(error), target=target.authid()) from error
    if outcome != QgsGeometry.OperationResult.Success:
        raise CrsUnknown("the area cannot be transformed", target=target.authid())
    return moved


def _read_square(source: RasterSource, square: ChipSquare, side_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Float bands, shape (3, side, side), and the mask of pixels with data."""
    dataset = gdal.OpenEx(source.uri, gdal.OF_RASTER | gdal.OF_READONLY)
    if dataset is None:
        raise SourceUnreadable(gdal.GetLastErrorMsg(), layer=source.name)
    chosen = gdal.Translate("", dataset, format="VRT", bandList=list(source.bands))
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
    values = warped.ReadAsArray() if warped else None
    if values is None or values.shape[0] != 4:
        raise SourceUnreadable(gdal.GetLastErrorMsg(), layer=source.name)
    bands, covered = values[:3], values[3] > 0
    # a collar of zeros is no data too, whether or not the file says so
    return bands, covered & np.isfinite(bands).all(axis=0) & (bands != 0).any(axis=0)


def _shown_bands(layer: QgsRasterLayer) -> tuple[int, int, int]:
    renderer = layer.renderer()
    used = renderer.usesBands() if renderer is not None else []
    if layer.bandCount() < 3:
        return (1, 1, 1)
    red, green, blue = used[:3] if len(used) >= 3 and min(used[:3]) > 0 else [1, 2, 3]
    return (red, green, blue)


def _date_of(layer: QgsRasterLayer) -> str | None:
    temporal = layer.temporalProperties()
    if temporal is None or not temporal.isActive():
        return None
    begin = temporal.fixedTemporalRange().begin()
    return begin.date().toString(Qt.DateFormat.ISODate) if begin.isValid() else None
