# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers, places and labels as a report writes them; what was not measured is said so, never zero."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsCoordinateReferenceSystem

from ...gis.reporting.reported_proposal import Spread
from ...model_backend.contract import load_contracts
from ..measures import sides_words
from ..words import tr

HECTARE_M2 = 10_000.0
KM2_M2 = 1_000_000.0


def area_words(area_m2: float | None) -> str:
    """Square metres, hectares or square kilometres, whichever is handy."""
    if area_m2 is None:
        return tr("not measured")
    if area_m2 < HECTARE_M2:
        return tr("{area:.0f} m²").format(area=area_m2)
    if area_m2 < KM2_M2:
        return tr("{area:.2f} ha").format(area=area_m2 / HECTARE_M2)
    return tr("{area:.2f} km²").format(area=area_m2 / KM2_M2)


def share_words(share: float | None) -> str:
    """Per cent of a share 0..1."""
    return tr("not measured") if share is None else tr("{share:.0f} %").format(share=100 * share)


def spread_words(spread: Spread, words_of: Callable[[float], str]) -> str:
    """From the least to the most, and how many have the number where not all do."""
    if not spread.values:
        return tr("not measured") if spread.total else tr("none")
    least, most = words_of(min(spread.values)), words_of(max(spread.values))
    words = least if least == most else tr("{least} to {most}").format(least=least, most=most)
    if spread.is_whole:
        return words
    counted = tr("{words} ({count} of {total})")
    return counted.format(words=words, count=len(spread.values), total=spread.total)


def place_words(lonlat: tuple[float, float] | None) -> str:
    """Latitude and longitude with their hemispheres; the fifth decimal is a metre."""
    if lonlat is None:
        return tr("place not known")
    longitude, latitude = lonlat
    north, east = tr("N") if latitude >= 0 else tr("S"), tr("E") if longitude >= 0 else tr("W")
    return f"{abs(latitude):.5f}° {north}, {abs(longitude):.5f}° {east}"


def size_words(size_m: tuple[float, float] | None) -> str:
    """Width by height."""
    if size_m is None:
        return tr("size not known")
    return sides_words(*size_m)


def crs_words(crs: QgsCoordinateReferenceSystem | str) -> str:
    """A CRS's code and name; text is read as WKT."""
    known = (
        crs if isinstance(crs, QgsCoordinateReferenceSystem) else QgsCoordinateReferenceSystem.fromWkt(crs)
    )
    return known.userFriendlyIdentifier() if known.isValid() else tr("not known")


def label_words(label: str) -> str:
    """A label, which in older layers is the model's bare word, as a claim that a model can make."""
    return load_contracts()["lspace"].words_for_label(label) or tr("without a label")
