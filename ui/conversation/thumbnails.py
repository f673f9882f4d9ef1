# SPDX-License-Identifier: GPL-2.0-or-later
"""Small pictures of chips, made once and kept for the log."""

from __future__ import annotations

from dataclasses import dataclass

from qgis.PyQt.QtCore import QSize, Qt
from qgis.PyQt.QtGui import QImage

from ...gis.provenance import ChipRecord
from ...gis.runs.chip_store import ChipStore
from ...gis.runs.conversation import Exchange

MOST_SIDES = 2
"""Room for the images of one place, in sides of one: four are shown smaller."""


@dataclass(frozen=True)
class Thumbnail:
    """A small picture in the log."""

    name: str
    """The chip's id."""
    width: int
    """As shown, pixels of the screen's own scale."""
    height: int


class Thumbnails:
    """Those of a store's chips, none larger than a square."""

    def __init__(self, store: ChipStore) -> None:
        self._store = store
        self.images: dict[str, QImage] = {}
        """By name, in the screen's own pixels."""

    def of(self, exchange: Exchange, side: int, ratio: float) -> list[Thumbnail]:
        """Those of the first place's images, as far as their pixels are there; ``ratio`` as of the screen."""
        shrunk = min(1, MOST_SIDES / exchange.run.images)
        made = []
        for record in exchange.run.chips[: exchange.run.images]:
            image = self._image(record, round(side * ratio))
            if image is not None:
                size = (round(shrunk * length / ratio) for length in (image.width(), image.height()))
                made.append(Thumbnail(record.chip_id, *size))
        return made

    def _image(self, record: ChipRecord, side_px: int) -> QImage | None:
        name = record.chip_id
        if name not in self.images:
            chip = self._store.chip(record)
            picture = QImage.fromData(chip.png) if chip is not None else QImage()
            if picture.isNull():
                return None
            smooth = Qt.TransformationMode.SmoothTransformation
            whole = Qt.AspectRatioMode.KeepAspectRatio
            self.images[name] = picture.scaled(QSize(side_px, side_px), whole, smooth)
        return self.images[name]
