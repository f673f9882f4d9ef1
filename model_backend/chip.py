# SPDX-License-Identifier: GPL-2.0-or-later
"""A chip: the RGB picture a model is shown, and where on the ground it lies."""

from __future__ import annotations

import base64
from dataclasses import astuple, dataclass
from enum import Enum
from typing import Any

from .errors import RequestError
from .georeference.geotransform import GeoTransform
from .record import Readers, number, read_record, strings


class ChipKind(Enum):
    """How the pixels were made (DESIGN, decision 4)."""

    AS_SHOWN = "as shown"
    TRAINING_GRADE = "training grade"


@dataclass(frozen=True)
class Chip:
    """An RGB picture with its place on the map."""

    chip_id: str
    kind: ChipKind
    png: bytes
    """8-bit RGB, PNG-encoded; pixels without data are black."""
    width_px: int
    height_px: int
    transform: GeoTransform
    """Pixel to map units of ``crs_wkt``; x is always east or longitude."""
    crs_wkt: str
    """WKT2."""
    gsd_m: float
    """Size of a pixel on the ground at the chip's centre, metres."""
    valid_share: float
    """Share of pixels that show data, 0..1."""
    sources: tuple[str, ...] = ()
    date: str | None = None
    """ISO date of the imagery, where known."""

    def to_payload(self) -> dict[str, Any]:
        """The chip as JSON-ready values."""
        return {
            **self.__dict__,
            "kind": self.kind.value,
            "png": base64.b64encode(self.png).decode("ascii"),
            "transform": list(astuple(self.transform)),
            "sources": list(self.sources),
        }

    @classmethod
    def from_payload(cls, payload: Any) -> Chip:
        """Reads what ``to_payload`` wrote.

        Raises:
            RequestError: a field is missing, unknown or of the wrong form.
        """
        chip = read_record(cls, payload, _READERS)
        if min(chip.width_px, chip.height_px) < 1 or chip.gsd_m <= 0:
            raise RequestError(f"a chip of {chip.width_px} x {chip.height_px} pixels of {chip.gsd_m} m")
        return chip


_READERS: Readers = {
    "kind": ChipKind,
    "png": lambda text: base64.b64decode(text, validate=True),
    "transform": lambda values: GeoTransform(*map(number, values)),
    "sources": strings,
}
