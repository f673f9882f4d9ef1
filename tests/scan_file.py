"""The file of a small scan around the demo harbour, and what is written into it for each chip."""

from __future__ import annotations

from lspace.gis.aoi import Aoi
from lspace.gis.imaging.chip import wkt2_of
from lspace.gis.provenance import Run
from lspace.gis.scan.cell_outcome import CellOutcome, CellState
from lspace.gis.scan.grid import ScanGrid
from lspace.gis.scan.scan_settings import ScanSettings
from lspace.model_backend.contract import load_contracts
from planted import crs_of, harbour_in
from qgis.core import QgsCoordinateTransformContext, QgsGeometry, QgsRectangle

GEOMETRY = load_contracts()["lspace"].chip
CONTEXT = QgsCoordinateTransformContext()
STRIDE = 0.8 * GEOMETRY.side_m


def settings_for(columns=4, rows=3, crs="EPSG:4326", **of_the_run):
    """Those of a scan of so many chips."""
    utm = crs_of("EPSG:32604")
    middle, side = harbour_in(utm), GEOMETRY.side_m
    # less by a pixel, as an edge bends on its way through another CRS
    size = (side + (columns - 1) * STRIDE - 10, side + (rows - 1) * STRIDE - 10)
    aoi = Aoi(QgsGeometry.fromRect(QgsRectangle.fromCenterAndSize(middle, *size)), utm)
    values = {"task": "ground", "model": "lspace", "revision": "0123abc", "device": "cpu"}
    values |= {"precision": "float32", "targets": ("water",), "output_crs_wkt": wkt2_of(crs_of(crs))}
    return ScanSettings(Run(**{**values, **of_the_run}), aoi, ("scene.tif 1 2 3",), side, 0.2)


def grid_of(settings):
    return ScanGrid.over(settings.aoi, GEOMETRY, CONTEXT, settings.overlap)


def outcome_of(index, run, boxes=3):
    """What a chip gives: proposals that tell whose they are, and where in the row they stand."""
    proposals = []
    for place in range(boxes):
        x, y = -158 + index * 0.01, 21 + place * 0.01
        shape = QgsGeometry.fromRect(QgsRectangle(x, y, x + 0.002, y + 0.002))
        shape.convertToMultiType()
        known = {"label": "water", "score": 0.5 + place / 10, "status": "pending", "chip_id": f"chip{index}"}
        values = {
            **known,
            "run_id": run.run_id,
            "raw_box": f"{index}/{place}",
        }
        proposals.append((bytes(shape.asWkb()), values))
    known = {"chip_id": f"chip{index}", "outcome": "done", "n_boxes": boxes, "run_id": run.run_id}
    return CellOutcome(CellState.DONE, 0.25, "", proposals, known)
