# SPDX-License-Identifier: GPL-2.0-or-later
"""From the panels of the dock, or from a scan's file, to what is scanned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qgis.core import QgsCoordinateTransformContext, QgsProject
from qgis.gui import QgsMapCanvas

from ...gis.aoi import WKT_DECIMALS, Aoi
from ...gis.errors import ChipError
from ...gis.imaging.chip import wkt2_of
from ...gis.imaging.image_source import ImageSource
from ...gis.processing.area_scan import AreaScan
from ...gis.processing.picture_plan import Images
from ...gis.scan.scan_images import find_images
from ...gis.scan.scan_settings import ScanSettings
from ...gis.settings import Settings
from ...model_backend.chip import ChipKind
from ...model_backend.contract import ChipGeometry
from ...model_backend.request import RunRequest
from ..dock import LSpaceDock

TOGETHER = 8
"""Pictures that are asked about side by side on this computer."""


class ScanOrder:
    """Reads the dock; all methods are for the GUI thread and raise ``ChipError``."""

    def __init__(self, dock: LSpaceDock, canvas: QgsMapCanvas) -> None:
        self._dock = dock
        self._canvas = canvas

    def area(self) -> tuple[Aoi, ChipGeometry, QgsCoordinateTransformContext]:
        """Where the pictures would lie, and of which size."""
        sources = self._dock.images_panel.sources()
        trained = Settings.load().expected_contract.chip
        self._dock.scan_panel.show_side(_is_as_shown(sources), trained.side_m)
        return self._aoi(), self._geometry(trained, sources), QgsProject.instance().transformContext()

    def anew(self) -> AreaScan:
        """What the panels say."""
        settings, asked, aoi = Settings.load(), self._dock.task_panel.asked(), self._aoi()
        request = RunRequest(
            task=asked.task,
            chips=(),
            output_crs_wkt=wkt2_of(aoi.crs),
            targets=asked.targets,
            clip_wkt=aoi.polygon.asWkt(WKT_DECIMALS) if asked.clip else None,
            question=asked.question,
            wordings=dict(asked.wordings),
        )
        sources = self._dock.images_panel.sources()
        geometry = self._geometry(settings.expected_contract.chip, sources)
        return _scan(settings, sources, geometry, aoi, request)

    def again(self, wanted: ScanSettings) -> AreaScan:
        """What the file says, of images that are chosen or in the project."""
        settings = Settings.load()
        try:
            chosen = self._dock.images_panel.sources()
        except ChipError:
            chosen = ()
        sources = find_images(wanted.images, chosen, self._canvas.mapSettings(), QgsProject.instance())
        geometry = replace(settings.expected_contract.chip, side_m=wanted.side_m)
        return _scan(settings, sources, geometry, wanted.aoi, wanted.request)

    def _aoi(self) -> Aoi:
        return self._dock.aoi_panel.aoi().for_chips(self._canvas.mapSettings())

    def _geometry(self, trained: ChipGeometry, sources: Sequence[ImageSource]) -> ChipGeometry:
        chosen_m = self._dock.scan_panel.side_m()
        return replace(trained, side_m=chosen_m) if _is_as_shown(sources) else trained


def _scan(
    settings: Settings, sources: Sequence[ImageSource], geometry: ChipGeometry, aoi: Aoi, request: RunRequest
) -> AreaScan:
    transforms = QgsProject.instance().transformContext()
    images = Images.of_sources(sources, geometry)
    together = settings.remote_at_once if settings.remote else TOGETHER
    return AreaScan(settings, images, aoi, request, transforms, together, retries=False)


def _is_as_shown(sources: Sequence[ImageSource]) -> bool:
    return {source.kind for source in sources} == {ChipKind.AS_SHOWN}
