# SPDX-License-Identifier: GPL-2.0-or-later
"""The file formats that a layer can be saved as."""

from __future__ import annotations

from enum import Enum
from typing import Protocol


class FileFormat(Protocol):
    """What a file can be saved as."""

    title: str
    extension: str
    companions: tuple[str, ...]
    """Endings of the files beside it."""


class ExportFormat(Enum):
    """A file format to save as."""

    SHAPEFILE = ("ESRI Shapefile", ".shp", "Shapefile", False)
    GEOPACKAGE = ("GPKG", ".gpkg", "GeoPackage", False)
    GEOJSON = ("GeoJSON", ".geojson", "GeoJSON", True)
    FLATGEOBUF = ("FlatGeobuf", ".fgb", "FlatGeobuf", False)
    KML = ("KML", ".kml", "KML", True)

    def __init__(self, driver: str, extension: str, title: str, forces_wgs84: bool) -> None:
        self.driver = driver
        self.extension = extension
        self.title = title
        """The format's proper name, the same in every language."""
        self.forces_wgs84 = forces_wgs84
        """Whether the format knows only longitude and latitude (RFC 7946; KML 2.2)."""

    @property
    def companions(self) -> tuple[str, ...]:
        """Endings of the files that belong to the main one; those of an older layer must not outlive it."""
        sidecars = () if self is ExportFormat.GEOPACKAGE else (".qml", ".qmd")
        if self is ExportFormat.SHAPEFILE:
            return (".shx", ".dbf", ".prj", ".cpg", ".qpj", ".qix", ".sbn", ".sbx", ".shp.xml", *sidecars)
        return sidecars
