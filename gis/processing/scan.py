# SPDX-License-Identifier: GPL-2.0-or-later
"""Proposals over an area of any size, in a file that a broken scan goes on with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import (
    QgsGeometry,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
)

from .algorithm import Parameters, Results
from .model_algorithm import claim_words
from .raster_algorithm import BOXES, CLIP, INPUT, OUTPUT
from .target_algorithm import TargetAlgorithm
from .translation import tr

if TYPE_CHECKING:
    from ...model_backend.chip import ChipKind
    from ...model_backend.contract import ChipGeometry
    from ..aoi import Aoi
    from .area_scan import AreaScan

AREA, BATCH, RETRY, SIDE = "AREA", "BATCH", "RETRY", "SIDE"
WAITING, DONE, EMPTY, FAILED = "WAITING", "DONE", "EMPTY", "FAILED"
MOST_TOGETHER = 64
_TABLES = ("lspace_cells", "proposals")
"""Of the file, the lowest first."""


class ScanAlgorithm(TargetAlgorithm):
    """``lspace:scan``."""

    scan: AreaScan

    def name(self) -> str:
        """Part of the id."""
        return "scan"

    def displayName(self) -> str:
        """For people."""
        return tr("Scan a large area")

    def shortHelpString(self) -> str:
        """What it does, for people."""
        words = tr(
            "Covers an area of any size with overlapping pictures, training grade or as the layer is shown "
            "(any layer, a web map too), and has the model draw boxes in each. What two pictures show is "
            "proposed once. Pictures without data are left out. Everything goes into one GeoPackage as it "
            "comes: proposals, outlines of the pictures, and a grid that says what became of each picture. "
            "Cancel whenever you like, or lose power: run it again with the same file and the same settings, "
            "and it goes on where it was. Pictures that failed are listed in the log and in the grid, and "
            "asked about again by the next run. Results are in the CRS of the raster."
        )
        return f"{words}\n\n{claim_words()}"

    def tags(self) -> list[str]:
        """Words to find it by."""
        return tr("scan,large area,tiles,grid,detect,vessel,water,land cover,satellite,ai").split(",")

    def declare(self) -> None:
        """Adds parameters and outputs."""
        self.addParameter(QgsProcessingParameterRasterLayer(INPUT, tr("Raster layer")))
        self.add_target_parameters()
        words = tr("Area: polygons; none takes the whole raster")
        polygons = [QgsProcessing.SourceType.TypeVectorPolygon]
        self.addParameter(QgsProcessingParameterFeatureSource(AREA, words, polygons, optional=True))
        self.add_clip_parameter()
        self.add_kind_parameter()
        self.add_model_parameters()
        words = tr("Side of a picture as the layer is shown, metres; empty takes the trained one")
        double = QgsProcessingParameterNumber.Type.Double
        self.add_advanced(QgsProcessingParameterNumber(SIDE, words, double, None, optional=True, minValue=1))
        words = tr("Pictures that are asked about side by side")
        integer = QgsProcessingParameterNumber.Type.Integer
        self.add_advanced(
            QgsProcessingParameterNumber(BATCH, words, integer, 8, minValue=1, maxValue=MOST_TOGETHER)
        )
        words = tr("Ask again about pictures that failed")
        self.add_advanced(QgsProcessingParameterBoolean(RETRY, words, defaultValue=True))
        words = tr("File of the scan; one that is there is gone on with")
        self.addParameter(QgsProcessingParameterFileDestination(OUTPUT, words, "GeoPackage (*.gpkg)"))
        for name, words in {
            BOXES: tr("Number of proposals"),
            DONE: tr("Pictures that were asked about"),
            EMPTY: tr("Pictures without data"),
            FAILED: tr("Pictures that failed"),
            WAITING: tr("Pictures that still wait"),
        }.items():
            self.addOutput(QgsProcessingOutputNumber(name, words))

    def make_ready(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Takes the raster and the area."""
        from ...model_backend.request import RunRequest
        from ..imaging.chip import wkt2_of
        from .area_scan import AreaScan
        from .picture_plan import Images

        layer, settings = self.raster(INPUT, parameters, context), self.settings_of(parameters, context)
        kind, transforms = self.kind_of(parameters, context), context.transformContext()
        geometry = self._geometry(settings.expected_contract.chip, kind, parameters, context)
        images = Images.of([layer], kind, geometry, transforms)
        aoi = self._area(parameters, context)
        is_clipped = self.parameterAsBoolean(parameters, CLIP, context)
        request = RunRequest(
            "detect",
            (),
            wkt2_of(aoi.crs),
            self.wanted(parameters, context),
            aoi.polygon.asWkt() if is_clipped else None,
        )
        batch = self.parameterAsInt(parameters, BATCH, context)
        retries = self.parameterAsBoolean(parameters, RETRY, context)
        self.scan = AreaScan(settings, images, aoi, request, transforms, batch, retries)

    def carry_out(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Results:
        """Scans what is not scanned yet."""
        path = Path(self.parameterAsFileOutput(parameters, OUTPUT, context))
        counts = self.scan.run(path, self.wording, feedback)
        if context.project() is not None:
            self._load_layers(path, context)
        return {OUTPUT: str(path), **counts}

    def _geometry(
        self, trained: ChipGeometry, kind: ChipKind, parameters: Parameters, context: QgsProcessingContext
    ) -> ChipGeometry:
        """Pictures as the layer is shown may be of any size."""
        from ...model_backend.chip import ChipKind

        side_m = self.parameterAsDouble(parameters, SIDE, context) if parameters.get(SIDE) else 0.0
        return replace(trained, side_m=side_m) if side_m and kind is ChipKind.AS_SHOWN else trained

    def _area(self, parameters: Parameters, context: QgsProcessingContext) -> Aoi:
        """In the CRS of the raster, which is that of the results."""
        from ..aoi import Aoi
        from ..reprojection import reprojected

        layer = self.raster(INPUT, parameters, context)
        source = self.parameterAsSource(parameters, AREA, context)
        if source is None:
            return Aoi.from_layer_extent(layer)
        shapes = QgsGeometry.unaryUnion([feature.geometry() for feature in source.getFeatures()])
        area = Aoi.from_polygon(shapes, source.sourceCrs())
        return Aoi.from_polygon(reprojected(area.polygon, area.crs, layer.crs()), layer.crs())

    def _load_layers(self, path: Path, context: QgsProcessingContext) -> None:
        """Has QGIS load the file's layers, where results are loaded at all."""
        for table in _TABLES:
            title = f"{path.stem} {table}"
            details = QgsProcessingContext.LayerDetails(title, context.project(), table)
            context.addLayerToLoadOnCompletion(f"{path}|layername={table}", details)
