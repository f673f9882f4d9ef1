# SPDX-License-Identifier: GPL-2.0-or-later
"""An image by its bands' roles: numbers in proportion to reflectance, NaN where there is no data."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from osgeo import gdal
from qgis.core import QgsRasterLayer
from qgis.PyQt.QtGui import QTransform

from ..errors import CrsUnknown, RasterUnusable, SourceUnreadable
from ..imaging.band_roles import BandRoles
from ..imaging.gdal_file import alpha_of, gdal_errors_as
from ..imaging.raster_source import RasterSource
from .pixel_mask import Window


@dataclass(frozen=True)
class SpectralImage:
    """A raster layer and what its bands are; a plain value that a thread may use."""

    source: RasterSource
    roles: BandRoles
    offset: float = 0.0
    """Added to the file's numbers, where it has no offset of its own, so that 0 means no light."""

    @classmethod
    def from_layer(cls, layer: QgsRasterLayer, roles: BandRoles, offset: float = 0.0) -> SpectralImage:
        """The image behind a layer.

        Raises:
            RasterUnusable: it is not read by GDAL, or has no CRS.
        """
        try:
            return cls(RasterSource.from_layer(layer), roles, offset)
        except SourceUnreadable as error:
            raise RasterUnusable("not a GDAL layer", layer=layer.name(), reason="provider") from error
        except CrsUnknown as error:
            raise RasterUnusable("no CRS", layer=layer.name(), reason="crs") from error


class OpenImage:
    """A spectral image whose file is open, for the thread that opened it."""

    def __init__(self, image: SpectralImage) -> None:
        """Raises ``RasterUnusable`` if GDAL cannot open it, or it has no place on the map."""
        self.image = image
        source = image.source
        with self._gdal_errors():
            self._dataset = source.open()
            if self._dataset is None:
                raise RasterUnusable(gdal.GetLastErrorMsg(), layer=source.name, reason="pixels")
            self._transform = self._dataset.GetGeoTransform(can_return_null=True)
        inverse = self._transform and gdal.InvGeoTransform(self._transform)
        if not inverse:
            raise RasterUnusable("no geotransform", layer=source.name, reason="place")
        x, x_by_x, x_by_y, y, y_by_x, y_by_y = inverse
        self.to_pixels = QTransform(x_by_x, y_by_x, x_by_y, y_by_y, x, y)
        """From map units of the layer's CRS to pixels from the outer corner of the first one."""
        self.columns, self.rows = self._dataset.RasterXSize, self._dataset.RasterYSize

    def read(self, roles: Sequence[str], window: Window) -> dict[str, np.ndarray]:
        """Role -> float array of the window's shape.

        Raises:
            RasterUnusable: the file is damaged, or has no band of that number.
        """
        with self._gdal_errors():
            opaque = self._opaque(window)
            return {role: self._read_band(self._number(role), window, opaque) for role in roles}

    def read_on(self, grid: OpenImage, roles: Sequence[str], window: Window) -> dict[str, np.ndarray]:
        """The same on the pixels of another image, between which bilinear values are taken."""
        if self._has_grid_of(grid):
            return self.read(roles, window)
        with self._gdal_errors():
            values = self._warp(grid, roles, window)
            return {
                role: self._calibrated(self._number(role), values[index]) for index, role in enumerate(roles)
            }

    def _gdal_errors(self) -> AbstractContextManager[None]:
        return gdal_errors_as(RasterUnusable, layer=self.image.source.name, reason="pixels")

    def _number(self, role: str) -> int:
        number = getattr(self.image.roles, role)
        if number is None or not 1 <= number <= self._dataset.RasterCount:
            raise RasterUnusable("no such band", layer=self.image.source.name, reason="pixels", band=number)
        return int(number)

    def _read_band(self, number: int, window: Window, opaque: np.ndarray | bool) -> np.ndarray:
        band = self._dataset.GetRasterBand(number)
        values, mask = self._array(band, window), self._array(band.GetMaskBand(), window)
        return self._calibrated(number, np.where((mask > 0) & opaque, values.astype(float), np.nan))

    def _opaque(self, window: Window) -> np.ndarray | bool:
        """Where it is not transparent: GDAL's masks know of an alpha band only beside one or three bands."""
        numbers = alpha_of(self._dataset)
        return self._array(self._dataset.GetRasterBand(numbers[0]), window) > 0 if numbers else True

    def _array(self, band: gdal.Band, window: Window) -> np.ndarray:
        values = band.ReadAsArray(*window)
        if values is None:
            raise RasterUnusable(gdal.GetLastErrorMsg(), layer=self.image.source.name, reason="pixels")
        return values

    def _calibrated(self, number: int, values: np.ndarray) -> np.ndarray:
        band = self._dataset.GetRasterBand(number)
        scale = band.GetScale() or 1.0
        return values * scale + (band.GetOffset() or self.image.offset * scale)

    def _has_grid_of(self, other: OpenImage) -> bool:
        here, there = self.image.source.crs_wkt, other.image.source.crs_wkt
        sizes = (self.columns, self.rows) == (other.columns, other.rows)
        return sizes and here == there and np.allclose(self._transform, other._transform, rtol=1e-9, atol=0)

    def _warp(self, grid: OpenImage, roles: Sequence[str], window: Window) -> np.ndarray:
        target = gdal.GetDriverByName("MEM").Create(
            "", window.width, window.height, len(roles), gdal.GDT_Float64
        )
        x, y = gdal.ApplyGeoTransform(grid._transform, window.column, window.row)
        _, a, b, _, d, e = grid._transform
        target.SetGeoTransform((x, a, b, y, d, e))
        target.SetProjection(grid.image.source.crs_wkt)
        for number in range(1, len(roles) + 1):
            target.GetRasterBand(number).SetNoDataValue(np.nan)
            target.GetRasterBand(number).Fill(np.nan)
        numbers = [*map(self._number, roles), *alpha_of(self._dataset)]
        chosen = gdal.Translate("", self._dataset, format="VRT", bandList=numbers)
        crs = {"srcSRS": self.image.source.crs_wkt, "dstSRS": grid.image.source.crs_wkt}
        if chosen is None or not gdal.Warp(target, chosen, resampleAlg="bilinear", **crs):
            raise RasterUnusable(gdal.GetLastErrorMsg(), layer=self.image.source.name, reason="pixels")
        return target.ReadAsArray().reshape(len(roles), window.height, window.width)
