# SPDX-License-Identifier: GPL-2.0-or-later
"""What one click on Run asks for."""

from __future__ import annotations

from dataclasses import dataclass

from qgis.core import QgsMapSettings

from ..model_backend.chip import ChipKind
from .aoi import Aoi
from .training_chips import RasterSource


@dataclass(frozen=True)
class RunOrder:
    """A task on an area, and how the pictures of it are to be made."""

    aoi: Aoi
    view: QgsMapSettings
    """The map as it was when Run was clicked; its CRS is that of the results."""
    task: str
    """``caption`` or ``detect``."""
    targets: tuple[str, ...] = ()
    chip_kind: ChipKind = ChipKind.AS_SHOWN
    source: RasterSource | None = None
    """Needed for training-grade chips."""
    clip: bool = False
    """Whether boxes are cut at the edge of the AOI."""
    max_new_tokens: int | None = None
