"""Rasters written for a test around the demo harbour, and the squares of training-grade chips on them."""

from __future__ import annotations

import numpy as np
from lspace.gis.imaging.training_chips import ChipSquare
from lspace.model_backend.contract import load_contracts
from osgeo import gdal, osr
from planted import crs_of, harbour_in
from qgis.core import QgsCoordinateReferenceSystem, QgsRasterLayer, QgsRectangle

GEOMETRY = load_contracts()["lspace"].chip
SIDE = GEOMETRY.side_m
UTM = crs_of("EPSG:32604")
WIDTH_PX, HEIGHT_PX, PIXEL_M = 700, 620, 10.0


def write_raster(path, bands, crs=UTM, transform=None, nodata=None, kinds=()):
    """A GeoTIFF; without a geotransform it lies around the harbour's middle, north up, 10 m a pixel."""
    count, height, width = bands.shape
    kind = {"uint8": gdal.GDT_Byte, "uint16": gdal.GDT_UInt16, "float32": gdal.GDT_Float32}[bands.dtype.name]
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), width, height, count, kind)
    if transform is None:
        middle = harbour_in(crs)
        left, top = middle.x() - width * PIXEL_M / 2, middle.y() + height * PIXEL_M / 2
        transform = (left, PIXEL_M, 0, top, 0, -PIXEL_M)
    dataset.SetGeoTransform(transform)
    reference = osr.SpatialReference()
    reference.ImportFromWkt(crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT2_2019))
    dataset.SetProjection(reference.ExportToWkt())
    for number, band in enumerate(bands, start=1):
        dataset.GetRasterBand(number).WriteArray(band)
        if nodata is not None:
            dataset.GetRasterBand(number).SetNoDataValue(nodata)
    for number, meaning in kinds:
        dataset.GetRasterBand(number).SetColorInterpretation(meaning)
    dataset.FlushCache()
    return path


def noise(dtype="uint16", count=3, low=500, high=900, seed=0):
    values = np.random.default_rng(seed).integers(low, high, (count, HEIGHT_PX, WIDTH_PX))
    return values.astype(dtype)


def layer_of(path):
    layer = QgsRasterLayer(str(path), "scene")
    assert layer.isValid()
    return layer


def square_around(point=None, crs=UTM):
    middle = point or harbour_in(crs)
    return ChipSquare(QgsRectangle.fromCenterAndSize(middle, SIDE, SIDE), crs)


def paint(bands, rng, count=9, size=8, value=4000):
    """Bright squares on a dark ground; their middles in pixels of the raster."""
    middles = []
    for index in range(count):
        row, column = divmod(index, 3)
        x = 180 + 130 * column + rng.randint(-20, 20)
        y = 160 + 120 * row + rng.randint(-20, 20)
        bands[:, y : y + size, x : x + size] = value
        middles.append((x + size / 2, y + size / 2))
    return middles
