"""A scan at work: real chips of a real raster, asked about once each, whatever goes wrong between."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

pytest.importorskip("qgis.core")

from lspace.gis.errors import RunCancelled, SourceUnreadable, WorkerCrashed, WorkerFailed
from lspace.gis.imaging.chip import ChipSet
from lspace.gis.imaging.raster_source import RasterSource
from lspace.gis.imaging.training_chips import cut_chip
from lspace.gis.runs.waiting_worker import WaitingWorker
from lspace.gis.scan.cell_outcome import CellOutcome, CellState
from lspace.gis.scan.journal import Journal
from lspace.gis.scan.scan import Scan, ScanProgress, drop_seen_twice
from lspace.model_backend.contract import load_contracts
from lspace.model_backend.proposal import Detection
from lspace.model_backend.protocol import MessageType
from lspace.model_backend.request import RunRequest
from planted import ROOT, WORKER_PYTHON
from qgis.core import QgsVectorLayer
from scan_file import CONTEXT, GEOMETRY, grid_of, settings_for
from written import layer_of, noise, paint, write_raster

CONTRACT = load_contracts()["lspace"]
EMPTY, DONE, FAILED, WAITING = CellState.EMPTY, CellState.DONE, CellState.FAILED, CellState.WAITING


@pytest.fixture
def journal(tmp_path):
    """Five chips in a row, the outer two beyond the raster."""
    settings = settings_for(5, 1, "EPSG:32604", task="vessels", targets=())
    opened = Journal.at(tmp_path / "scan.gpkg", settings)
    opened.plan(grid_of(settings), CONTEXT)
    yield opened
    opened.close()


@pytest.fixture
def cut(tmp_path):
    """Cuts chips of a grey raster with magenta targets."""
    bands = np.repeat(noise(count=1), 3, axis=0)
    paint(bands, random.Random(2))
    bands[1][bands[0] == 4000] = 100
    source = RasterSource.from_layer(layer_of(write_raster(tmp_path / "scene.tif", bands)))
    return lambda square: ChipSet((cut_chip(source, square, GEOMETRY),))


def done(places):
    return [CellOutcome(DONE) for _ in places]


def states(journal):
    counts = journal.counts()
    return [counts[state] for state in (WAITING, DONE, EMPTY, FAILED)]


def test_chips_that_show_something_are_asked_about_and_the_others_are_not(journal, cut):
    asked = []
    scan = Scan(journal, cut, lambda places: asked.extend(places) or done(places), batch=2)
    told = list(scan.progress())
    assert states(journal) == [0, 3, 2, 0]
    assert len({place.placed.chip_id for place in asked}) == len(asked) == 3
    assert [progress.share for progress in told] == pytest.approx([0.4, 0.8, 1])
    assert told[-1].seconds_left == 0
    assert told[0].chips_per_minute > 0


def test_places_are_asked_about_in_batches_and_in_their_order(journal, cut):
    batches = []
    scan = Scan(journal, cut, lambda places: batches.append(places) or done(places), batch=4)
    assert len(list(scan.progress())) == 2
    lefts = [[place.placed.transform.c for place in places] for places in batches]
    assert [len(batch) for batch in lefts] == [3]
    assert lefts[0] == sorted(lefts[0])


def test_a_scan_that_is_cancelled_goes_on_at_the_next_sitting(journal, cut):
    asked = []

    def ask(places):
        asked.extend(place.placed.chip_id for place in places)
        return done(places)

    scan = Scan(journal, cut, ask, batch=1, is_cancelled=lambda: len(asked) == 2)
    list(scan.progress())
    assert states(journal) == [2, 2, 1, 0]
    list(Scan(journal, cut, ask, batch=1).progress())
    assert states(journal) == [0, 3, 2, 0]
    assert len(asked) == len(set(asked)) == 3


def test_a_paused_scan_asks_nothing_until_it_goes_on(journal, cut):
    answers, asked_while_paused = iter([True, True, False]), []
    scan = Scan(
        journal,
        cut,
        lambda places: done(places),
        batch=5,
        is_paused=lambda: asked_while_paused.append(states(journal)) or next(answers, False),
    )
    list(scan.progress())
    assert asked_while_paused[:3] == [[5, 0, 0, 0]] * 3
    assert states(journal) == [0, 3, 2, 0]


@pytest.mark.parametrize("error", [WorkerCrashed("it ended"), WorkerFailed("no", code="out_of_memory")])
def test_the_chip_that_breaks_the_worker_is_found_and_the_others_are_answered(journal, cut, error):
    batches = []

    def ask(places):
        batches.append(len(places))
        # the middle chip lies whole on the raster
        if any(place.placed.valid_share == 1 for place in places):
            raise error
        return done(places)

    list(Scan(journal, cut, ask).progress())
    assert batches == [3, 1, 1, 1]
    assert states(journal) == [0, 2, 2, 1]
    (failed,) = journal.failed()
    assert (failed.index, failed.tries, failed.reason) == (2, 1, str(error))
    assert journal.retry_failed() == 1
    list(Scan(journal, cut, done).progress())
    assert states(journal) == [0, 3, 2, 0]


def test_a_worker_that_always_fails_ends_the_scan_and_the_other_chips_still_wait(journal, cut, monkeypatch):
    monkeypatch.setattr("lspace.gis.scan.scan.MOST_IN_A_ROW", 2)

    def ask(places):
        raise WorkerCrashed("it ended")

    with pytest.raises(WorkerCrashed):
        list(Scan(journal, cut, ask, batch=2).progress())
    assert states(journal)[1] == 0
    assert states(journal)[3] == 1
    assert states(journal)[0] >= 2


def test_giving_up_in_the_middle_of_an_answer_leaves_its_chips_waiting(journal, cut):
    def ask(places):
        raise RunCancelled("given up")

    with pytest.raises(RunCancelled):
        list(Scan(journal, cut, ask).progress())
    assert states(journal) == [3, 0, 2, 0]


def test_a_place_whose_raster_cannot_be_read_fails_with_its_reason(journal, cut):
    calls = []

    def cut_some(square):
        calls.append(square)
        if len(calls) == 3:
            raise SourceUnreadable("no such tile", layer="scene")
        return cut(square)

    list(Scan(journal, cut_some, done).progress())
    assert states(journal) == [0, 2, 2, 1]
    assert "no such tile" in journal.failed()[0].reason


def test_before_the_first_chip_nobody_knows_how_long_it_takes():
    assert ScanProgress(dict.fromkeys(CellState, 1), 0).seconds_left is None
    assert ScanProgress({WAITING: 30, DONE: 10, EMPTY: 0, FAILED: 0}, 15).seconds_left == 120


# with the real worker


def asker(worker, settings):
    """Asks about one place after the other."""

    def ask(places):
        return [answered(worker, settings, place) for place in places]

    return ask


def answered(worker, settings, place):
    found, chips = [], tuple(made.chip for made in place.chips)
    for message in worker.ask(
        MessageType.RUN, RunRequest("vessels", chips, settings.run.output_crs_wkt).to_payload()
    ):
        if message.type is MessageType.DETECTION:
            prompt = message.body["prompt"]["prompt"]
            found.append((Detection.from_payload(message.body["detection"]), prompt))
        elif message.type is MessageType.CHIP_DONE:
            outcome = CellOutcome.answered(settings.run, CONTRACT, place, found, message.body)
    return outcome


def features(journal, table):
    layer = QgsVectorLayer(f"{journal.path}|layername={table}", table, "ogr")
    return list(layer.getFeatures())


def test_what_the_worker_finds_lies_in_the_file_once(journal, cut):
    arguments = [str(ROOT / "tests" / "workers" / "bright_targets.py")]
    with WaitingWorker(WORKER_PYTHON, lambda: False, arguments) as worker:
        worker.answer(MessageType.LOAD, {"model": "bright-targets"})
        list(Scan(journal, cut, asker(worker, journal.settings)).progress())
        footprints, before = features(journal, "footprints"), features(journal, "proposals")
        dropped = drop_seen_twice(journal, worker)
        again = drop_seen_twice(journal, worker)
    kept = features(journal, "proposals")
    assert len(footprints) == 3
    assert sum(feature["n_boxes"] for feature in footprints) == len(before)
    # nine targets, some of them on two chips
    assert len(kept) == 9
    assert len(before) == 9 + dropped > 9
    assert again == 0
    sizes = {feature["chip_id"]: feature["gsd_m"] for feature in footprints}
    assert {feature["status"] for feature in kept} == {"pending"}
    assert all(feature["gsd_m"] == sizes[feature["chip_id"]] for feature in kept)
    assert all(json.loads(feature["raw_box"])["bbox"] for feature in kept)
    shapes = [feature.geometry() for feature in kept]
    assert not any(one.intersects(other) for at, one in enumerate(shapes) for other in shapes[:at])
