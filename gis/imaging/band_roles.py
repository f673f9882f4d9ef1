# SPDX-License-Identifier: GPL-2.0-or-later
"""Which band of a raster is green, which near infrared: from what its bands say of themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from enum import Enum


class Sensor(Enum):
    """Instruments whose bands have numbers; the same number is another colour on another one."""

    SENTINEL_2 = "sentinel-2"
    LANDSAT_8_9 = "landsat-8-9"


@dataclass(frozen=True)
class BandRoles:
    """Numbers of the bands, from 1, or None where nobody knows; names as the common names of STAC."""

    blue: int | None = None
    green: int | None = None
    red: int | None = None
    nir: int | None = None
    swir16: int | None = None
    swir22: int | None = None

    def has(self, *roles: str) -> bool:
        """Whether all of these are known."""
        return all(getattr(self, role) is not None for role in roles)


ROLES = tuple(field.name for field in fields(BandRoles))
"""From the shortest wavelength to the longest."""


@dataclass(frozen=True)
class BandName:
    """What a raster says of one band."""

    text: str
    """As QGIS shows it: ``Band 1: B02``, or ``Band 1`` where there is nothing to say."""
    wavelength_nm: float | None = None
    """Of its middle, from the band's metadata."""


_SPECTRUM_NM = {
    "blue": (450, 490, 515),
    "green": (515, 560, 600),
    "red": (600, 665, 690),
    "nir": (800, 842, 900),
    "swir16": (1550, 1610, 1750),
    "swir22": (2080, 2190, 2350),
}
"""Least, best and greatest middle of a band; red edge and water vapour lie outside on purpose."""
_NUMBERS = {
    Sensor.SENTINEL_2: {
        "b2": "blue",
        "b3": "green",
        "b4": "red",
        "b8": "nir",
        "b8a": "nir",
        "b11": "swir16",
        "b12": "swir22",
    },
    Sensor.LANDSAT_8_9: {
        "b2": "blue",
        "b3": "green",
        "b4": "red",
        "b5": "nir",
        "b6": "swir16",
        "b7": "swir22",
    },
}
_ONLY_SENTINEL_2 = re.compile(r"\b(b08|b8a|b12)\b", re.IGNORECASE)
_SENSOR_NAMES = {
    Sensor.SENTINEL_2: re.compile(r"sentinel[-_ ]?2|\bs2[abc](?![a-z])|hls\.s30", re.IGNORECASE),
    Sensor.LANDSAT_8_9: re.compile(r"landsat[-_ ]?[89]|\bl[co]0[89]|hls\.l30", re.IGNORECASE),
}
_WORDS = {
    "blue": "blue",
    "green": "green",
    "red": "red",
    "nir": "nir",
    "nir1": "nir",
    "nir08": "nir",
    "swir1": "swir16",
    "swir16": "swir16",
    "swir2": "swir22",
    "swir22": "swir22",
}
_LONG_WORDS = (
    (re.compile(r"near[-_ ]?(?:infra[-_ ]?red|ir)\b"), "nir"),
    (re.compile(r"(?:short[-_ ]?wave[-_ ]?infra[-_ ]?red|swir)[-_ ]*([12])\b"), r"swir\1"),
)
_FILLERS = {"band", "sr", "surface", "reflectance"}
_QGIS_NUMBER = re.compile(r"^band\s+\d+\s*(?::|$)", re.IGNORECASE)
_WAVELENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(nm|nanomet\w*|um|µm|μm|micromet\w*)\b", re.IGNORECASE)
_FROM_A_WORD, _FROM_A_NUMBER, _FROM_THE_NARROW_BAND = 0.0, 0.0, 1.0


def guess_roles(bands: Sequence[BandName], sensor: Sensor | None = None) -> BandRoles:
    """Roles that the bands' words, wavelengths or numbers tell; a band without any of these has none.

    Numbers such as ``B5`` tell something only of a known ``sensor`` (see ``sensor_of``).
    """
    best: dict[str, tuple[float, int]] = {}
    for number, band in enumerate(bands, start=1):
        for role, doubt in _role_of(band, sensor):
            best[role] = min(best.get(role, (doubt, number)), (doubt, number))
    return BandRoles(**{role: number for role, (_, number) in best.items()})


def sensor_of(bands: Sequence[BandName], *names: str) -> Sensor | None:
    """The sensor that the names of layer and file tell, or band names that only one sensor has."""
    told = [sensor for sensor, name in _SENSOR_NAMES.items() if any(map(name.search, names))]
    if told:
        return told[0] if len(told) == 1 else None
    return Sensor.SENTINEL_2 if any(_ONLY_SENTINEL_2.search(band.text) for band in bands) else None


def nanometres(value: str, unit: str) -> float | None:
    """A wavelength of some file's metadata; without a unit, below 100 it is in micrometres."""
    try:
        length = float(value)
    except ValueError:
        return None
    is_micro = unit.lower().startswith(("u", "µ", "μ", "micro")) if unit else length < 100
    return length * 1000 if is_micro else length


def _role_of(band: BandName, sensor: Sensor | None) -> Iterator[tuple[str, float]]:
    """At most one role, and the doubt about it: among several bands the least takes it."""
    text = _QGIS_NUMBER.sub("", band.text).strip().lower()
    word = _word_in(text)
    wavelength = band.wavelength_nm or _wavelength_in(text)
    if word is not None:
        yield word, _FROM_A_WORD
    elif wavelength is not None:
        yield from _role_at(wavelength)
    elif sensor is not None:
        yield from _role_of_number(text, sensor)


def _word_in(text: str) -> str | None:
    """The role that is named, and nothing beside it: ``red edge`` is not red."""
    for pattern, word in _LONG_WORDS:
        text = pattern.sub(word, text)
    tokens = [token for token in re.split(r"[^a-z0-9]+", text) if token and token not in _FILLERS]
    words = [token for token in tokens if not re.fullmatch(r"b?\d+a?", token)]
    return _WORDS.get(words[0]) if len(words) == 1 else None


def _wavelength_in(text: str) -> float | None:
    found = _WAVELENGTH.search(text)
    return nanometres(found[1], found[2]) if found else None


def _role_at(wavelength_nm: float) -> Iterator[tuple[str, float]]:
    for role, (least, best, greatest) in _SPECTRUM_NM.items():
        if least <= wavelength_nm < greatest:
            yield role, abs(wavelength_nm - best)


def _role_of_number(text: str, sensor: Sensor) -> Iterator[tuple[str, float]]:
    found = re.search(r"(?:\b|_)b0?(\d{1,2}a?)(?![a-z0-9])", text)
    name = f"b{found[1]}" if found else ""
    role = _NUMBERS[sensor].get(name)
    if role is not None:
        yield role, _FROM_THE_NARROW_BAND if name == "b8a" else _FROM_A_NUMBER
