"""A layer saved in one go, for tests that may wait."""

from __future__ import annotations

from lspace.gis.saving.export import prepare_save
from lspace.gis.saving.export_format import ExportFormat
from osgeo import ogr

READABLE = [each for each in ExportFormat if each is not ExportFormat.KML or ogr.GetDriverByName("LIBKML")]
"""Formats whose values GDAL reads back: from KML it does only if it was built with LIBKML."""


def save_layer(layer, path, file_format, **choices):
    """Prepares and writes; takes the arguments and raises the errors of both."""
    return prepare_save(layer, path, file_format, **choices).write()
