# SPDX-License-Identifier: GPL-2.0-or-later
"""The raster file behind a layer, as GDAL opens it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from osgeo import gdal
from qgis.core import QgsRasterLayer

from ..errors import PluginError

OPEN_OPTION = "|option:"
"""How QGIS writes GDAL's open options behind a path."""


def source_parts(layer: QgsRasterLayer) -> list[str]:
    """The path or address of a layer that GDAL reads, then its open options."""
    return layer.source().split(OPEN_OPTION)


def open_raster(uri: str, open_options: Sequence[str] = ()) -> gdal.Dataset | None:
    """The file, for the thread that opens it; None, or GDAL's own exception, where it cannot be opened."""
    flags = gdal.OF_RASTER | gdal.OF_READONLY | gdal.OF_VERBOSE_ERROR
    return gdal.OpenEx(uri, flags, open_options=list(open_options))


def alpha_of(dataset: gdal.Dataset) -> list[int]:
    """The number of the alpha band, if there is one: what is transparent is no data."""
    numbers = range(1, dataset.RasterCount + 1)
    kinds = {number: dataset.GetRasterBand(number).GetColorInterpretation() for number in numbers}
    return [number for number, kind in kinds.items() if kind == gdal.GCI_AlphaBand][:1]


@contextmanager
def gdal_errors_as(kind: type[PluginError], **values: Any) -> Iterator[None]:
    """Keeps GDAL's words off the console; its exceptions, where another plugin wants them, become ours."""
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        yield
    except RuntimeError as error:
        raise kind(str(error), **values) from error
    finally:
        gdal.PopErrorHandler()
