"""A whole scan with an engine that answers at once: pictures cut, sent, answered, recorded, and merged."""

from __future__ import annotations

import sys
import tempfile
from contextlib import closing
from pathlib import Path
from time import perf_counter

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import conftest  # noqa: F401 - knows the plugin folder as ``lspace``
from lspace.gis.imaging.chip import ChipSet
from lspace.gis.imaging.raster_source import RasterSource
from lspace.gis.imaging.training_chips import cut_chip
from lspace.gis.runs.waiting_worker import WaitingWorker
from lspace.gis.scan.cell_outcome import CellOutcome, CellState
from lspace.gis.scan.journal import Journal
from lspace.gis.scan.scan import Scan, drop_seen_twice
from lspace.model_backend.contract import load_contracts
from lspace.model_backend.proposal import Detection
from lspace.model_backend.protocol import MessageType
from lspace.model_backend.request import BatchRequest, RunRequest
from planted import ROOT, WORKER_PYTHON, crs_of, harbour_in
from scan_file import CONTEXT, GEOMETRY, STRIDE, grid_of, settings_for
from written import layer_of, write_raster

CONTRACT = load_contracts()["lspace"]
UTM = "EPSG:32604"
INSTANT = [str(ROOT / "tests" / "workers" / "instant.py")]
COARSE_M = 100
"""Of a raster that is quickly made; a picture's size does not depend on it."""


def scanned(columns: int, rows: int) -> dict[str, float]:
    """Seconds of the steps, how many pictures were done, and the proposals before and after merging."""
    with tempfile.TemporaryDirectory() as folder:
        source = RasterSource.from_layer(layer_of(_scene(Path(folder) / "scene.tif", columns, rows)))
        settings = settings_for(columns, rows, UTM, task="vessels", targets=())
        with (
            closing(Journal.at(Path(folder) / "scan.gpkg", settings)) as journal,
            WaitingWorker(WORKER_PYTHON, lambda: False, INSTANT) as worker,
        ):
            worker.answer(MessageType.LOAD, {"model": "instant"})
            journal.plan(grid_of(settings), CONTEXT)
            began = perf_counter()
            scan = Scan(
                journal,
                lambda square: ChipSet((cut_chip(source, square, GEOMETRY),)),
                lambda places: _asked(worker, settings, places),
            )
            for _ in scan.progress():
                pass
            done, proposals = perf_counter(), journal.proposals()
            dropped = drop_seen_twice(journal, worker)
            merged, count = perf_counter(), journal.counts()[CellState.DONE]
    return {
        "chips": count,
        "scanning_s": done - began,
        "merging_s": merged - done,
        "proposals": proposals,
        "merged": dropped,
    }


def _scene(path: Path, columns: int, rows: int) -> Path:
    """Noise around the harbour, a little larger than the scan."""
    sides = [round(((count + 1) * STRIDE + GEOMETRY.side_m) / COARSE_M) for count in (rows, columns)]
    bands = np.random.default_rng(0).integers(0, 256, (3, *sides), dtype=np.uint8)
    middle = harbour_in(crs_of(UTM))
    left, top = middle.x() - sides[1] * COARSE_M / 2, middle.y() + sides[0] * COARSE_M / 2
    return write_raster(path, bands, crs_of(UTM), (left, COARSE_M, 0, top, 0, -COARSE_M))


def _asked(worker, settings, places):
    runs = [
        RunRequest("vessels", tuple(made.chip for made in place.chips), settings.run.output_crs_wkt)
        for place in places
    ]
    told = worker.ask(MessageType.BATCH, BatchRequest(tuple(runs)).to_payload())
    bodies = [message.body for message in told if message.type is MessageType.CHIP_DONE]
    return [_outcome(settings.run, place, body) for place, body in zip(places, bodies, strict=True)]


def _outcome(run, place, body):
    found = [
        (Detection.from_payload(each["detection"]), each["prompt"]["prompt"]) for each in body["detections"]
    ]
    return CellOutcome.answered(run, CONTRACT, place, found, body)
