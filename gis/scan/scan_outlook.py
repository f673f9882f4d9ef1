# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scan would be, before it begins or goes on; found out off the GUI thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from qgis.core import QgsCoordinateTransformContext

from ...model_backend.contract import ChipGeometry
from ..aoi import Aoi
from .grid import ScanGrid
from .scan_file import ScanFile

MOST_COUNTED = 100_000
"""Pictures; beyond, those beside an area of crooked shape are counted, too."""


@dataclass(frozen=True)
class ScanOutlook:
    """The file, and how many pictures the area takes."""

    file: ScanFile | None = None
    """None where there is none yet."""
    pictures: int = 0
    side_m: float = 0.0
    """Of a picture."""
    is_exact: bool = True
    """Whether ``pictures`` are all needed; else there are no more."""

    @classmethod
    def of(
        cls,
        path: Path | None,
        area: tuple[Aoi, ChipGeometry, QgsCoordinateTransformContext] | None,
        gives_up: Callable[[], bool],
    ) -> ScanOutlook:
        """Looks into the file, and where there is none, counts the pictures of the area.

        Raises:
            JournalUnusable: the file holds no scan, or cannot be used.
            NoUtmZone, CrsUnknown: the area takes no grid.
        """
        file = None if path is None else ScanFile.read(path)
        if file is not None or area is None:
            return cls(file)
        grid, count = ScanGrid.over(*area), 0
        for _ in islice(grid.cells(), MOST_COUNTED + 1):
            count += 1
            if gives_up():
                break
        is_exact = count <= MOST_COUNTED
        return cls(None, count if is_exact else grid.size, area[1].side_m, is_exact)
