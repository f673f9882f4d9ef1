# SPDX-License-Identifier: GPL-2.0-or-later
"""Where an image of a question comes from; which part of it is shown to the model, the AOI says."""

from __future__ import annotations

from dataclasses import dataclass

from qgis.core import QgsMapSettings

from ..model_backend.chip import ChipKind
from .training_chips import RasterSource


@dataclass(frozen=True)
class ImageSource:
    """A view of the map, or a raster layer."""

    title: str
    """For people: a layer, a map theme, a frame's date, or the map view."""
    view: QgsMapSettings
    """What is drawn for chips as shown: layers, styles, temporal range, scale."""
    raster: RasterSource | None = None
    """What training-grade chips are cut from instead; None means as shown."""
    date: str | None = None
    """ISO date given by the user; None takes what the map or the layer says."""

    @property
    def kind(self) -> ChipKind:
        """Which chips are made of it."""
        return ChipKind.AS_SHOWN if self.raster is None else ChipKind.TRAINING_GRADE
