"""Proposal layers for tests as a reviewer left them, and the worker's own judgement of rows made of them."""

from __future__ import annotations

import json
import subprocess

import numpy as np
from lspace.gis.imaging.chip import encode_png, make_chip_id
from lspace.gis.layers import add_detections, create_proposal_layer
from lspace.gis.provenance import ChipRecord, Run
from lspace.model_backend.chip import Chip, ChipKind
from lspace.model_backend.georeference.geotransform import GeoTransform
from lspace.model_backend.proposal import Detection, Proposal
from planted import ROOT, WORKER_PYTHON, crs_of, harbour_in
from qgis.core import QgsGeometry, QgsPointXY

UTM = crs_of("EPSG:32604")
SIDE_M = 5120.0
GRID = 224
WATER, TREES, VESSELS = "water", "tree cover", "vessel candidate"


def chip_at(east_m=0.0, seed=0, size=(GRID, GRID), turn_deg=0.0, date=None, side_m=SIDE_M):
    """A picture of noise, ``side_m`` wide, that far east of the harbour's middle."""
    width, height = size
    pixel, angle = side_m / width, np.radians(turn_deg)
    along, across = pixel * np.cos(angle), pixel * np.sin(angle)
    middle = harbour_in(UTM)
    left = middle.x() + east_m - (width * along + height * across) / 2
    top = middle.y() - (width * across - height * along) / 2
    transform = GeoTransform(along, across, left, across, -along, top)
    png = encode_png(np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8))
    return Chip(
        chip_id=make_chip_id(png, transform),
        kind=ChipKind.TRAINING_GRADE,
        png=png,
        width_px=width,
        height_px=height,
        transform=transform,
        crs_wkt=UTM.toWkt(),
        gsd_m=pixel,
        valid_share=1.0,
        date=date,
    )


def run_of(*chips, task="ground", targets=(WATER,), images=1, **fields):
    """The record of a run that asked about these chips."""
    records = tuple(map(ChipRecord.of, chips))
    values = {"output_crs_wkt": UTM.toWkt(), "targets": targets, "chips": records, "images": images, **fields}
    return Run(task, "NuTonic/lspace", "0123abc", "cpu", "float32", **values)


def outline(chip, box):
    """The polygon of a box, as pixels of the chip from its left top corner, far edges outside."""
    x_min, y_min, x_max, y_max = box
    corners = [(x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max), (x_min, y_min)]
    return QgsGeometry.fromMultiPolygonXY([[[QgsPointXY(*chip.transform.to_map(*at)) for at in corners]]])


def proposal_layer(run, crs=UTM):
    return create_proposal_layer(run, crs)


def propose(layer, run, chip, box, label=WATER, status="accepted", prompt=None, **values):
    """Adds a proposal that was reviewed, its fields replaced by ``values``; returns its id."""
    shape = outline(chip, box)
    found = Detection(
        Proposal(label, (0, 0, 1, 1), 0.9, (), ""), chip.chip_id, bytes(shape.asWkb()), 1.0, 10.0
    )
    (fid,) = add_detections(layer, run, [found], prompt_of(label) if prompt is None else prompt)
    decide(layer, fid, status=status, reviewed="2026-01-02T03:04:05Z", **values)
    return fid


def decide(layer, fid, **values):
    columns = {layer.fields().indexOf(name): value for name, value in values.items()}
    assert layer.dataProvider().changeAttributeValues({fid: columns})


def prompt_of(target):
    return (
        f"The input is satellite imagery. Inspect it and detect the {target}. "
        'Provide result as a valid JSON: [{"label": str, "bbox": [x1,y1,x2,y2]}, ...]. '
        "Coordinates must be normalized to 0-1."
    )


def pictures_of(*chips):
    """Finds the pixels of these chips."""
    known = {chip.chip_id: chip for chip in chips}
    return lambda record: known.get(record.chip_id)


def ask_worker(code, **values):
    """What a piece of Python prints as JSON in the worker's environment; ``values`` are its globals."""
    script = f"import json, sys\nglobals().update(json.load(sys.stdin))\n{code}"
    command = [WORKER_PYTHON, "-c", script]
    told = json.dumps(values)
    done = subprocess.run(command, cwd=ROOT, input=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read_by_worker(folder, contract="lspace"):
    """The rows of a folder, if the worker takes every one of them for training and for evaluation."""
    code = """
from pathlib import Path
from model_backend.contract import load_contracts
from model_backend.training.corpus.validation import read_valid_rows
from model_backend.training.evaluation.question import questions_of
from model_backend.training.fine_tuning.collation import check_row

contract = load_contracts()[name]
rows = read_valid_rows(Path(folder) / "rows.jsonl", contract)
for row in rows:
    check_row(row)
questions = questions_of(rows, contract)
print(json.dumps([
    {"system": row.system, "prompt": row.prompt, "answer": row.answer, "metadata": row.metadata,
     "images": [path.name for path in row.images], "truth": len(question.truth)}
    for row, question in zip(rows, questions)
]))
"""
    return ask_worker(code, folder=str(folder), name=contract)
