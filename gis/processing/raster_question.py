# SPDX-License-Identifier: GPL-2.0-or-later
"""What is asked about an area of rasters: made in the main thread, answered in any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsGeometry,
    QgsProcessingException,
    QgsRasterLayer,
)

from ...model_backend.chip import ChipKind
from ...model_backend.request import RunRequest
from ..aoi import WKT_DECIMALS, Aoi
from ..imaging.chip import wkt2_of
from ..reprojection import reprojected
from ..settings import Settings
from .picture_plan import Images, Spot
from .translation import tr


@dataclass(frozen=True)
class RasterQuestion:
    """One task, asked about each place of an area."""

    settings: Settings
    images: Images
    aoi: Aoi
    """In the CRS of the results, that of the last raster."""
    spots: tuple[Spot, ...]
    request: RunRequest
    """Without its chips."""

    @classmethod
    def of(
        cls,
        layers: Sequence[QgsRasterLayer],
        extent: QgsGeometry | None,
        kind: ChipKind,
        settings: Settings,
        context: QgsCoordinateTransformContext,
        task: str,
        **details: Any,
    ) -> RasterQuestion:
        """For the main thread; without an extent it is about all, ``details`` are those of ``RunRequest``.

        Raises:
            ChipError: the layers or the area do not suit.
        """
        images = Images.of(layers, kind, settings.expected_contract.chip, context)
        aoi = _area(layers, extent)
        request = RunRequest(task, (), wkt2_of(aoi.crs), **details)
        return cls(settings, images, aoi, images.spots(aoi), request)

    @property
    def crs(self) -> QgsCoordinateReferenceSystem:
        """Of the results."""
        return self.aoi.crs

    def clipped(self) -> RasterQuestion:
        """The same with boxes cut at the edge of the area."""
        return replace(self, request=replace(self.request, clip_wkt=self.aoi.polygon.asWkt(WKT_DECIMALS)))


def _area(layers: Sequence[QgsRasterLayer], extent: QgsGeometry | None) -> Aoi:
    """The extent that was asked for, or what all rasters have in common."""
    crs = layers[-1].crs()
    if extent is not None:
        return Aoi.from_polygon(extent, crs)
    common = Aoi.from_layer_extent(layers[-1]).polygon
    for layer in layers[:-1]:
        other = Aoi.from_layer_extent(layer)
        common = common.intersection(reprojected(other.polygon, other.crs, crs))
    if not common.area() > 0:
        raise QgsProcessingException(tr("The rasters have no ground in common. Choose others."))
    return Aoi.from_polygon(common, crs)
