# SPDX-License-Identifier: GPL-2.0-or-later
"""When an image was taken: as its layer, its moment on the map, or a name says."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

from qgis.core import Qgis, QgsDateTimeRange, QgsMapLayer, QgsMapSettings, QgsRasterLayer
from qgis.PyQt.QtCore import Qt

from .gdal_file import source_parts

_YEARS = range(1900, 2100)
_DATES = re.compile(
    r"(?<!\d)(?P<year>\d{4})(?P<gap>[-_./]?)(?P<month>\d{2})(?P=gap)(?P<day>\d{2})(?=\D|\d{6}(?!\d)|$)"
    r"|(?<![A-Za-z])L[A-Z]\d\d{6}(?P<scene_year>\d{4})(?P<scene_day>\d{3})(?!\d)"
)
"""2023-07-01, 20230701 (Sentinel-2 and Landsat products: the first is that of the image), 20230701T211931,
20230701211931; and the day of the year in Landsat's older scene names."""


def date_in(text: str) -> str | None:
    """The first date of the calendar that the text holds, ISO."""
    for match in _DATES.finditer(text):
        found = _calendar_date(match)
        if found is not None and found.year in _YEARS:
            return found.isoformat()
    return None


def date_of_layer(layer: QgsMapLayer) -> str | None:
    """ISO date of a raster layer: its fixed temporal range, else its name, else its file's name."""
    if not isinstance(layer, QgsRasterLayer):
        return None
    moment = fixed_range_of(layer)
    if moment is not None:
        return begin_of(moment)
    in_file = source_parts(layer)[0] if layer.providerType() == "gdal" else ""
    return date_in(layer.name()) or date_in(Path(in_file).name)


def date_of_view(view: QgsMapSettings) -> str | None:
    """ISO date of what a map shows: its moment, else that on which its raster layers agree."""
    if view.isTemporal():
        return begin_of(view.temporalRange())
    dates = {date_of_layer(layer) for layer in view.layers()} - {None}
    return dates.pop() if len(dates) == 1 else None


def fixed_range_of(layer: QgsRasterLayer) -> QgsDateTimeRange | None:
    """The range of time that the layer was given, if it is in use and has a beginning."""
    temporal = layer.temporalProperties()
    if temporal is None or not temporal.isActive():
        return None
    if temporal.mode() != Qgis.RasterTemporalMode.FixedTemporalRange:
        return None
    moment = temporal.fixedTemporalRange()
    return moment if moment.begin().isValid() else None


def begin_of(moment: QgsDateTimeRange) -> str | None:
    """ISO date of the beginning, if there is one."""
    begin = moment.begin()
    return begin.date().toString(Qt.DateFormat.ISODate) if begin.isValid() else None


def _calendar_date(match: re.Match[str]) -> date | None:
    try:
        if match["year"]:
            return date(int(match["year"]), int(match["month"]), int(match["day"]))
        year, day = int(match["scene_year"]), int(match["scene_day"])
        found = date(year, 1, 1) + timedelta(days=day - 1)
    except (ValueError, OverflowError):
        return None
    return found if day > 0 and found.year == year else None
