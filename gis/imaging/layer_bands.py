# SPDX-License-Identifier: GPL-2.0-or-later
"""What the bands of a raster layer are: guessed, or as the user corrected it, which the project keeps."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from osgeo import gdal
from qgis.core import QgsRasterLayer

from ..errors import SourceUnreadable
from .band_roles import ROLES, BandName, BandRoles, Sensor, guess_roles, nanometres, sensor_of
from .gdal_file import gdal_errors_as, open_raster, source_parts

BANDS_PROPERTY = "lspace/bands"


@dataclass(frozen=True)
class LayerBands:
    """The roles of a layer's bands, and what is to be added to its numbers (see ``SpectralImage``)."""

    roles: BandRoles
    offset: float = 0.0

    @classmethod
    def of(cls, layer: QgsRasterLayer) -> LayerBands:
        """As the user corrected them, else as guessed."""
        return _kept_with(layer) or cls.guessed(layer)

    @classmethod
    def guessed(cls, layer: QgsRasterLayer, sensor: Sensor | None = None) -> LayerBands:
        """By what the layer and its file say; ``sensor`` is what the user says."""
        bands = band_names(layer)
        path = Path(source_parts(layer)[0])
        sensor = sensor or sensor_of(bands, layer.name(), path.name, path.parent.name)
        return cls(guess_roles(bands, sensor))

    def keep_with(self, layer: QgsRasterLayer) -> None:
        """Makes it the user's correction."""
        layer.setCustomProperty(BANDS_PROPERTY, json.dumps({**asdict(self.roles), "offset": self.offset}))


def band_names(layer: QgsRasterLayer) -> tuple[BandName, ...]:
    """What a layer says of its bands; metadata are asked for only in files on this computer."""
    wavelengths = _wavelengths_in(source_parts(layer)[0])
    numbers = range(1, layer.bandCount() + 1)
    return tuple(BandName(layer.bandName(number), wavelengths.get(number)) for number in numbers)


def _kept_with(layer: QgsRasterLayer) -> LayerBands | None:
    """What an earlier correction says of the bands that the layer still has."""
    try:
        kept = json.loads(layer.customProperty(BANDS_PROPERTY, ""))
    except (TypeError, ValueError):
        return None
    if not isinstance(kept, dict):
        return None
    numbers = {role: _band_number(kept.get(role), layer) for role in ROLES}
    offset = kept.get("offset")
    return LayerBands(BandRoles(**numbers), float(offset) if isinstance(offset, (int, float)) else 0.0)


def _band_number(value: Any, layer: QgsRasterLayer) -> int | None:
    return value if isinstance(value, int) and 1 <= value <= layer.bandCount() else None


def _wavelengths_in(path: str) -> dict[int, float]:
    """Band number -> middle of the band in nanometres, where a local file says so."""
    # a server would be asked in the GUI thread, which does not wait; Path stumbles over long names
    if not os.path.isfile(path):
        return {}
    try:
        with gdal_errors_as(SourceUnreadable):
            dataset = open_raster(path)
            numbers = range(1, dataset.RasterCount + 1) if dataset else ()
            found = {number: _wavelength_of(dataset.GetRasterBand(number)) for number in numbers}
    except SourceUnreadable:
        return {}
    return {number: wavelength for number, wavelength in found.items() if wavelength is not None}


def _wavelength_of(band: gdal.Band) -> float | None:
    """By GDAL's own metadata (from 3.10), or as the drivers of ENVI and SAFE write it."""
    micrometres = band.GetMetadataItem("CENTRAL_WAVELENGTH_UM", "IMAGERY")
    if micrometres:
        return nanometres(micrometres, "um")
    items = {key.lower(): value for key, value in band.GetMetadata().items()}
    unit = items.get("wavelength_units", items.get("wavelength_unit", ""))
    return nanometres(items["wavelength"], unit) if "wavelength" in items else None
