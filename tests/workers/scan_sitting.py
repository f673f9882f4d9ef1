"""Scans the demo scene with lspace-mini, slowly, and says when some pictures are done: made to be killed.

Usage: ``scan_sitting.py PATH``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import conftest  # noqa: F401 - knows the plugin folder as ``lspace``
from lspace.gis.aoi import Aoi
from lspace.gis.imaging.chip import wkt2_of
from lspace.gis.imaging.image_source import ImageSource
from lspace.gis.processing.area_scan import AreaScan
from lspace.gis.processing.picture_plan import Images
from lspace.gis.scan.cell_outcome import CellState
from lspace.gis.scan.scan_sight import ScanWatch
from lspace.gis.settings import Settings
from lspace.model_backend.request import RunRequest
from lspace.ui.algorithm_words import algorithm_wording
from planted import ROOT, WORKER_PYTHON, crs_of
from qgis.core import (
    QgsApplication,
    QgsCoordinateTransformContext,
    QgsMapSettings,
    QgsProcessingFeedback,
    QgsRasterLayer,
)


def tell(sight):
    if sight.progress is not None and sight.progress.counts[CellState.DONE]:
        print("some", flush=True)
        time.sleep(60)


def main(path):
    application = QgsApplication([], False)
    application.initQgis()
    layer = QgsRasterLayer(str(ROOT / "resources" / "demo" / "honolulu.tif"), "Honolulu, Sentinel-2")
    settings, view = Settings(interpreter=WORKER_PYTHON), QgsMapSettings()
    view.setDestinationCrs(crs_of("EPSG:3857"))
    images = Images.of_sources([ImageSource.of_raster(layer, view)], settings.expected_contract.chip)
    aoi = Aoi.from_layer_extent(layer)
    request = RunRequest("vessels", (), wkt2_of(aoi.crs))
    scan = AreaScan(settings, images, aoi, request, QgsCoordinateTransformContext(), 2, retries=False)
    scan.run(Path(path), algorithm_wording(), QgsProcessingFeedback(), ScanWatch(tell))


if __name__ == "__main__":
    main(*sys.argv[1:])
