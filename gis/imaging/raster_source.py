# SPDX-License-Identifier: GPL-2.0-or-later
"""A raster layer as GDAL opens it, apart from the layer."""

from __future__ import annotations

from dataclasses import dataclass

from osgeo import gdal
from qgis.core import QgsMultiBandColorRenderer, QgsRasterLayer

from ..errors import CrsUnknown, SourceUnreadable
from .chip import wkt2_of
from .gdal_file import open_raster, source_parts
from .image_date import begin_of, fixed_range_of


@dataclass(frozen=True)
class RasterSource:
    """A plain value that a thread may use."""

    name: str
    uri: str
    open_options: tuple[str, ...]
    crs_wkt: str
    bands: tuple[int, int, int]
    """Numbers of the red, green and blue band, from 1, as the layer shows them."""
    date: str | None

    @classmethod
    def from_layer(cls, layer: QgsRasterLayer) -> RasterSource:
        """The source behind a layer.

        Raises:
            SourceUnreadable: the layer is broken, or not read by GDAL.
            CrsUnknown: it has no CRS.
        """
        if not layer.isValid() or layer.providerType() != "gdal":
            raise SourceUnreadable("not a GDAL layer", layer=layer.name(), provider=layer.providerType())
        if not layer.crs().isValid():
            raise CrsUnknown("the layer has no CRS", layer=layer.name())
        uri, *options = source_parts(layer)
        moment = fixed_range_of(layer)
        date = begin_of(moment) if moment is not None else None
        return cls(layer.name(), uri, tuple(options), wkt2_of(layer.crs()), _shown_bands(layer), date)

    def open(self) -> gdal.Dataset | None:
        """As ``open_raster``."""
        return open_raster(self.uri, self.open_options)


def _shown_bands(layer: QgsRasterLayer) -> tuple[int, int, int]:
    renderer = layer.renderer()
    if isinstance(renderer, QgsMultiBandColorRenderer):
        red, green, blue = renderer.redBand(), renderer.greenBand(), renderer.blueBand()
        if min(red, green, blue) > 0:
            return (red, green, blue)
    return (1, 2, 3) if layer.bandCount() >= 3 else (1, 1, 1)
