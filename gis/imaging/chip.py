# SPDX-License-Identifier: GPL-2.0-or-later
"""A chip that was made, and what all ways of making one share: its scale, its PNG, its id."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsPointXY,
)
from qgis.PyQt.QtCore import QBuffer, QByteArray, QIODevice
from qgis.PyQt.QtGui import QImage

from ...model_backend.chip import Chip
from ...model_backend.georeference.geotransform import GeoTransform
from ..aoi import ruler_for
from ..errors import BlankChip, CrsUnknown, RenderFailed
from .chip_note import ChipNote

GSD_SPAN_PX = 16


@dataclass(frozen=True)
class MadeChip:
    """A chip and what is to be said about it."""

    chip: Chip
    notes: tuple[ChipNote, ...] = ()


@dataclass(frozen=True)
class ChipSet:
    """The chips of one place that a question is asked about, in the prompt's order: earlier ones first."""

    chips: tuple[MadeChip, ...]
    """At least one."""

    @property
    def placed(self) -> Chip:
        """The one on whose grid boxes are placed: the last."""
        return self.chips[-1].chip


def gsd_of(
    transform: GeoTransform,
    crs: QgsCoordinateReferenceSystem,
    width_px: int,
    height_px: int,
    context: QgsCoordinateTransformContext | None = None,
) -> float:
    """Metres on the ground that a pixel in the middle of the chip covers: the side of an equal square.

    Off the GUI thread it needs a context.

    Raises:
        CrsUnknown: nothing can be measured in this CRS here.
    """
    column, row, half = width_px / 2, height_px / 2, GSD_SPAN_PX / 2
    lines = [[(column - half, row), (column + half, row)], [(column, row - half), (column, row + half)]]
    ruler = ruler_for(crs, context)
    try:
        along, across = (
            ruler.measureLine([QgsPointXY(*transform.to_map(*point)) for point in line]) / GSD_SPAN_PX
            for line in lines
        )
    except QgsCsException as error:
        raise CrsUnknown(str(error), crs=crs.userFriendlyIdentifier()) from error
    gsd = (along * across) ** 0.5
    if not (gsd > 0 and np.isfinite(gsd)):
        raise CrsUnknown("no ground distance can be measured here", crs=crs.userFriendlyIdentifier())
    return float(gsd)


def encode_png(rgb: np.ndarray) -> bytes:
    """PNG of an RGB picture, uint8, shape (height, width, 3)."""
    pixels = np.ascontiguousarray(rgb)
    height, width, _ = pixels.shape
    image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):
        raise RenderFailed("the picture could not be encoded", width=width, height=height)
    return bytes(content)


def make_chip_id(png: bytes, transform: GeoTransform) -> str:
    """Twelve digits that the same pixels at the same place always get."""
    numbers = tuple(map(float, astuple(transform)))  # numpy writes its own in another way
    return hashlib.sha256(png + repr(numbers).encode()).hexdigest()[:12]


def check_content(rgb: np.ndarray, valid_share: float) -> None:
    """Refuses a picture in which there is nothing to see.

    Raises:
        BlankChip: no pixel has data, or all have the same colour.
    """
    if valid_share == 0:
        raise BlankChip("no layer shows anything here", reason="empty")
    if (rgb == rgb[0, 0]).all():
        raise BlankChip("the picture has one colour only", reason="uniform")


def wkt2_of(crs: QgsCoordinateReferenceSystem) -> str:
    """The CRS as WKT2, without line breaks."""
    wkt = crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT_PREFERRED, False)
    if not wkt:
        raise CrsUnknown("the CRS cannot be written as WKT", crs=crs.userFriendlyIdentifier())
    return wkt
