"""Questions and answers for tests, about real pictures of the harbour in UTM."""

from __future__ import annotations

from dataclasses import replace

from lspace.gis.aoi import Aoi
from lspace.gis.imaging.chip import make_chip_id
from lspace.gis.provenance import ChipRecord, Run
from lspace.gis.runs.answer import Answer
from lspace.gis.runs.conversation import Exchange
from lspace.gis.runs.run_progress import RunOutcome
from lspace.model_backend.chip import ChipKind
from planted import harbour_in
from qgis.core import QgsGeometry, QgsRectangle
from reviewed import UTM, chip_at


def picture(seed=0, **fields):
    """A chip of noise around the harbour's middle; ``fields`` replace those of the class."""
    made = chip_at(seed=seed, size=(64, 64), side_m=1280.0, date="2023-07-01")
    made = replace(made, **{"kind": ChipKind.AS_SHOWN, "sources": ("Sentinel-2",), **fields})
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
