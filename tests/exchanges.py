"""Questions and answers for tests, about real pictures of the harbour in UTM."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from lspace.gis.aoi import Aoi
from lspace.gis.imaging.chip import encode_png, make_chip_id
from lspace.gis.provenance import ChipRecord, Run
from lspace.gis.runs.answer import Answer
from lspace.gis.runs.conversation import Exchange
from lspace.gis.runs.run_progress import RunOutcome
from lspace.model_backend.chip import Chip, ChipKind
from lspace.model_backend.georeference.geotransform import GeoTransform
from planted import crs_of, harbour_in
from qgis.core import QgsGeometry, QgsRectangle

UTM = crs_of("EPSG:32604")
SIDE_PX, PIXEL_M = 64, 20.0


def picture(seed=0, **fields):
    """A chip of noise around the harbour's middle; ``fields`` replace those of the class."""
    rgb = np.random.default_rng(seed).integers(0, 255, (SIDE_PX, SIDE_PX, 3), np.uint8)
    middle, half = harbour_in(UTM), SIDE_PX * PIXEL_M / 2
    transform = GeoTransform(PIXEL_M, 0.0, middle.x() - half, 0.0, -PIXEL_M, middle.y() + half)
    made = Chip(
        chip_id="",
        kind=ChipKind.AS_SHOWN,
        png=encode_png(rgb),
        width_px=SIDE_PX,
        height_px=SIDE_PX,
        transform=transform,
        crs_wkt=UTM.toWkt(),
        gsd_m=PIXEL_M,
        valid_share=1.0,
        sources=("Sentinel-2",),
        date="2023-07-01",
    )
    made = replace(made, **fields)
    return replace(made, chip_id=make_chip_id(made.png, made.transform))


def area(width=2300.0, height=1600.0):
    """An area around the harbour's middle, metres."""
    return Aoi(
        QgsGeometry.fromRect(QgsRectangle.fromCenterAndSize(harbour_in(UTM), width, height)), UTM, 15.0
    )


def answer(text="This shows water and tree cover.", **fields):
    return replace(Answer("", "caption", "Describe this imagery.", text), **fields)


def exchange(*answers, chips=(), images=1, run=(), **fields):
    """An exchange; ``run`` are values of its run, ``fields`` its own."""
    made_run = Run(
        **{
            "task": "caption",
            "model": "NuTonic/lspace",
            "revision": "0123abc",
            "device": "cpu",
            "precision": "float32",
            "output_crs_wkt": UTM.toWkt(),
            "prompts": tuple(dict.fromkeys(each.prompt for each in answers)),
            "chips": tuple(map(ChipRecord.of, chips)),
            "images": images,
            **dict(run),
        }
    )
    values = {"title": "Caption", "aoi": area(), "outcome": RunOutcome.FINISHED, **fields}
    return Exchange(run=made_run, answers=answers, **values)
