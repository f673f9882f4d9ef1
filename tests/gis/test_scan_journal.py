"""The journal of a scan: all of a chip or nothing of it, once, whatever happens meanwhile."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.errors import ExportError, JournalUnusable, ScanDiffers
from lspace.gis.layers import FOOTPRINT_FIELDS, PROPOSAL_FIELDS, is_proposal_layer, is_result_layer
from lspace.gis.provenance import read_run
from lspace.gis.scan.cell_outcome import CellOutcome, CellState, FailedCell
from lspace.gis.scan.grid import ScanGrid
from lspace.gis.scan.journal import Journal
from planted import crs_of
from proposals import files_limited_to
from qgis.core import QgsCoordinateTransform, QgsGeometry, QgsProject, QgsVectorLayer
from scan_file import CONTEXT, GEOMETRY, grid_of, outcome_of, settings_for

NOTHING = {CellState.WAITING: 12, CellState.DONE: 0, CellState.EMPTY: 0, CellState.FAILED: 0}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a scan #1.gpkg"


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """The file of a scan of twelve chips, none of which was asked about."""
    path, settings = tmp_path_factory.mktemp("planned") / "scan.gpkg", settings_for()
    made = Journal.at(path, settings)
    made.plan(grid_of(settings), CONTEXT)
    made.close()
    return path


@pytest.fixture
def journal(planned, path):
    opened = Journal(shutil.copy(planned, path))
    yield opened
    opened.close()


def layer_of(path, table):
    layer = QgsVectorLayer(f"{path}|layername={table}", table, "ogr")
    assert layer.isValid()
    return layer


def raw_boxes(path):
    return sorted(feature["raw_box"] for feature in layer_of(path, "proposals").getFeatures())


# what the file is


def test_the_layers_open_in_qgis_with_fields_style_and_provenance(journal, path):
    run = journal.settings.run
    journal.record(0, outcome_of(0, run))
    for table, fields in (("proposals", PROPOSAL_FIELDS), ("footprints", FOOTPRINT_FIELDS)):
        layer = layer_of(path, table)
        assert layer.fields().names() == ["fid", *fields]
        assert layer.crs() == crs_of("EPSG:4326")
        assert is_result_layer(layer)
        assert read_run(layer) == run
    assert is_proposal_layer(layer_of(path, "proposals"))
    cells = layer_of(path, "lspace_cells")
    states = [category.value() for category in cells.renderer().categories()]
    assert states == ["waiting", "done", "empty", "failed"]


def test_a_cell_lies_where_its_chip_is_cut(journal, path):
    cells = {cell.index: cell for cell in journal.waiting()}
    assert cells == {cell.index: cell for cell in grid_of(journal.settings).cells()}
    drawn = list(layer_of(path, "lspace_cells").getFeatures())
    assert len(drawn) == len(cells) == 12
    for feature in drawn:
        square = QgsGeometry.fromRect(cells[feature["cell"]].square.extent)
        square.transform(
            QgsCoordinateTransform(cells[0].square.crs, crs_of("EPSG:4326"), QgsProject.instance())
        )
        assert feature.geometry().symDifference(square).area() < 1e-9 * square.area()


def test_results_are_the_rows_that_were_given(journal, path):
    journal.record(5, outcome_of(5, journal.settings.run))
    proposals = list(layer_of(path, "proposals").getFeatures())
    assert [feature["raw_box"] for feature in proposals] == ["5/0", "5/1", "5/2"]
    assert [feature["score"] for feature in proposals] == [0.5, 0.6, 0.7]
    expected = outcome_of(5, journal.settings.run).proposals
    assert [bytes(feature.geometry().asWkb()) for feature in proposals] == [wkb for wkb, _ in expected]
    (footprint,) = layer_of(path, "footprints").getFeatures()
    (cell,) = layer_of(path, "lspace_cells").getFeatures("cell = 5")
    assert footprint.geometry().equals(cell.geometry())
    assert (footprint["chip_id"], footprint["n_boxes"]) == ("chip5", 3)
    assert (cell["state"], cell["seconds"], cell["tries"]) == ("done", 0.25, 1)


def test_the_spatial_index_finds_what_was_written(journal, path):
    for index in range(12):
        journal.record(index, outcome_of(index, journal.settings.run))
    layer = layer_of(path, "proposals")
    (first, *_) = layer.getFeatures("raw_box = '7/1'")
    found = [feature["raw_box"] for feature in layer.getFeatures(first.geometry().boundingBox())]
    assert found == ["7/1"]
    assert layer.extent().contains(first.geometry().boundingBox())
    assert layer.featureCount() == 36


def test_a_closed_file_stands_alone_and_travels(journal, path, tmp_path):
    journal.record(3, outcome_of(3, journal.settings.run))
    journal.close()
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    copy = shutil.copy(path, tmp_path / "copy.gpkg")
    assert raw_boxes(copy) == ["3/0", "3/1", "3/2"]


@pytest.mark.parametrize("crs", ["EPSG:32604", "EPSG:3857", "custom"])
def test_any_crs_of_the_results_will_do(path, crs):
    settings = settings_for(2, 1, crs)
    journal = Journal.at(path, settings)
    journal.plan(grid_of(settings), CONTEXT)
    journal.record(0, outcome_of(0, settings.run))
    journal.close()
    layers = [layer_of(path, table) for table in ("proposals", "footprints", "lspace_cells")]
    assert [layer.featureCount() for layer in layers] == [3, 1, 2]
    assert {layer.crs().toProj() for layer in layers} == {crs_of(crs).toProj()}


def test_what_a_kill_left_while_the_file_was_made_is_cleared_by_the_next_start(path, tmp_path):
    mine, old, young, other = (
        tmp_path / name
        for name in (
            f".lspace-scan-{path.name}-a",
            ".lspace-scan-x.gpkg-b",
            ".lspace-scan-y.gpkg-c",
            ".lspace-d",
        )
    )
    for folder in (mine, old, young, other):
        folder.mkdir()
        (folder / "draft").write_text("half")
    os.utime(old, (0, 0))
    Journal.at(path, settings_for()).close()
    assert {file.name for file in tmp_path.iterdir()} == {path.name, young.name, other.name}


# the journal


def test_every_chip_is_asked_about_once_and_counted(journal):
    run = journal.settings.run
    assert journal.counts() == NOTHING
    assert journal.record(0, outcome_of(0, run))
    assert journal.record(1, CellOutcome(CellState.EMPTY, reason="empty"))
    assert journal.record(2, CellOutcome(CellState.FAILED, reason="out of memory"))
    assert journal.counts() == {
        CellState.WAITING: 9,
        CellState.DONE: 1,
        CellState.EMPTY: 1,
        CellState.FAILED: 1,
    }
    assert [cell.index for cell in journal.waiting()] == list(range(3, 12))
    assert [cell.index for cell in journal.waiting(after=6, most=3)] == [7, 8, 9]


def test_a_chip_that_is_recorded_is_not_recorded_again(journal, path):
    run = journal.settings.run
    assert journal.record(4, outcome_of(4, run))
    assert not journal.record(4, outcome_of(4, run))
    assert not journal.record(4, CellOutcome(CellState.FAILED))
    assert not journal.record(99, outcome_of(99, run))
    assert raw_boxes(path) == ["4/0", "4/1", "4/2"]
    assert journal.counts()[CellState.DONE] == 1


def test_of_a_chip_whose_results_do_not_fit_nothing_is_written(journal, path):
    good = outcome_of(6, journal.settings.run)
    wkb, values = good.proposals[-1]
    bad = replace(good, proposals=[*good.proposals, (wkb, {**values, "label": object()})])
    with pytest.raises(JournalUnusable):
        journal.record(6, bad)
    assert raw_boxes(path) == []
    assert journal.counts() == NOTHING
    assert journal.record(6, good)


def test_failed_chips_are_listed_with_their_reason_and_can_be_asked_about_again(journal):
    for index, reason in ((2, "out of memory"), (7, "crashed")):
        journal.record(index, CellOutcome(CellState.FAILED, reason=reason))
    assert journal.failed() == [FailedCell(2, "out of memory", 1), FailedCell(7, "crashed", 1)]
    assert journal.retry_failed() == 2
    assert journal.failed() == []
    assert [cell.index for cell in journal.waiting()] == list(range(12))
    journal.record(7, CellOutcome(CellState.FAILED, reason="crashed"))
    assert journal.failed() == [FailedCell(7, "crashed", 2)]


def test_a_scan_goes_on_where_it_was_closed(journal, path):
    run = journal.settings.run
    for index in range(5):
        journal.record(index, outcome_of(index, run))
    journal.close()
    again = Journal.at(path, settings_for(device="cuda"))
    assert again.settings.run == run
    assert [cell.index for cell in again.waiting()] == list(range(5, 12))
    again.close()


def test_planning_goes_on_where_it_was_given_up(path, monkeypatch):
    monkeypatch.setattr("lspace.gis.scan.journal._CELLS_AT_ONCE", 5)
    settings = settings_for()
    journal = Journal.at(path, settings)
    answers = iter([False, True])
    journal.plan(grid_of(settings), CONTEXT, lambda: next(answers))
    assert (journal.is_planned, journal.counts()[CellState.WAITING]) == (False, 5)
    journal.close()
    journal = Journal.at(path, settings)
    journal.plan(grid_of(settings), CONTEXT)
    assert journal.is_planned
    assert journal.waiting() == list(grid_of(settings).cells())
    journal.plan(ScanGrid(()), CONTEXT)
    assert journal.counts() == NOTHING
    journal.close()


def test_merged_proposals_go_unless_somebody_has_judged_them(journal, path):
    for index in range(3):
        journal.record(index, outcome_of(index, journal.settings.run))
    layer = layer_of(path, "proposals")
    provider, column = layer.dataProvider(), layer.fields().indexOf("status")
    assert provider.changeAttributeValues({5: {column: "accepted"}})
    assert journal.drop_merged([[4, 1], [5, 2], [6, 1], [6, 1]]) == 2
    assert raw_boxes(path) == ["0/0", "0/1", "0/2", "1/1", "2/0", "2/1", "2/2"]


# another scan, or none


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"run": {"model": "other"}}, ("model",)),
        ({"run": {"revision": "ffff"}}, ("revision",)),
        ({"run": {"precision": "q4"}}, ("precision",)),
        ({"run": {"task": "caption", "targets": ()}}, ("task", "targets")),
        ({"run": {"options": {"wordings": {"ground": "Where is {target}?"}}}}, ("options",)),
        ({"images": ("other.tif 3 2 1",)}, ("images",)),
        ({"overlap": 0.25}, ("overlap",)),
        ({"side_m": 2560.0}, ("side_m",)),
    ],
)
def test_another_scan_does_not_go_into_the_same_file(journal, path, change, told):
    run = replace(journal.settings.run, **change.pop("run", {}))
    with pytest.raises(ScanDiffers) as caught:
        Journal.at(path, replace(journal.settings, run=run, **change))
    assert caught.value.values["differences"] == told
    assert journal.counts() == NOTHING


def test_another_area_does_not_go_into_the_same_file(journal, path):
    with pytest.raises(ScanDiffers) as caught:
        Journal.at(path, settings_for(5, 3))
    assert caught.value.values["differences"] == ("aoi",)


def test_a_file_that_is_no_scan_is_refused_and_stays(tmp_path):
    text, other = tmp_path / "text.gpkg", tmp_path / "other.gpkg"
    text.write_text("hello " * 100)
    with closing(sqlite3.connect(other)) as database, database:
        database.execute("CREATE TABLE roads (fid INTEGER)")
    for file in (text, other, tmp_path / "none.gpkg"):
        with pytest.raises(JournalUnusable) as caught:
            Journal(file)
        assert caught.value.values["reason"] == "no scan"
    assert text.read_text() == "hello " * 100
    assert not (tmp_path / "none.gpkg").exists()


def test_a_folder_that_takes_no_file_is_told(tmp_path):
    with pytest.raises(ExportError):
        Journal.at(tmp_path / "missing" / "scan.gpkg", settings_for())


def test_a_full_disk_leaves_what_was_recorded(journal, path):
    run = journal.settings.run
    journal.record(0, outcome_of(0, run))
    with files_limited_to(path.stat().st_size), pytest.raises(JournalUnusable):
        all(journal.record(index, outcome_of(index, run, boxes=400)) for index in range(1, 12))
    done = journal.counts()[CellState.DONE]
    assert 1 <= done < 12
    assert len(raw_boxes(path)) == 3 + 400 * (done - 1)
    assert journal.record(11, outcome_of(11, run))


# others at the same file


def test_qgis_reads_the_layers_while_they_are_written(journal, path):
    layers = {table: layer_of(path, table) for table in ("proposals", "footprints", "lspace_cells")}
    half_read = layers["proposals"].getFeatures()
    for index in range(12):
        assert journal.record(index, outcome_of(index, journal.settings.run))
        for layer in layers.values():
            layer.dataProvider().reloadData()
        assert len(list(layers["proposals"].getFeatures())) == 3 * (index + 1)
        assert len(list(layers["footprints"].getFeatures())) == index + 1
        assert len(list(layers["lspace_cells"].getFeatures("state = 'done'"))) == index + 1
    assert len(list(half_read)) in (0, 36)


def test_a_reviewer_writes_into_the_layer_meanwhile(journal, path):
    run = journal.settings.run
    journal.record(0, outcome_of(0, run))
    layer = layer_of(path, "proposals")
    assert layer.startEditing()
    first = next(layer.getFeatures())
    assert layer.changeAttributeValue(first.id(), layer.fields().indexOf("status"), "accepted")
    journal.record(1, outcome_of(1, run))
    assert layer.commitChanges(), layer.commitErrors()
    journal.record(2, outcome_of(2, run))
    del first
    assert sorted(feature["status"] for feature in layer_of(path, "proposals").getFeatures()) == [
        "accepted",
        *["pending"] * 8,
    ]


def test_another_program_that_writes_is_waited_for_and_then_told(journal, path, monkeypatch):
    run = journal.settings.run
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, other.rollback)
    timer.start()
    assert journal.record(0, outcome_of(0, run))
    timer.join()
    monkeypatch.setattr("lspace.gis.scan.journal._PATIENCE_S", 0.1)
    impatient = Journal(path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalUnusable) as caught:
        impatient.record(1, outcome_of(1, run))
    other.rollback()
    other.close()
    assert caught.value.values["reason"] == "locked"
    assert impatient.record(1, outcome_of(1, run))
    impatient.close()


def test_two_scans_of_one_file_share_its_chips(journal, path):
    run = journal.settings.run
    second = Journal(path)
    taken = [(one.record(index, outcome_of(index, run))) for index in range(12) for one in (journal, second)]
    second.close()
    assert sum(taken) == 12
    assert len(raw_boxes(path)) == 36


def test_the_grid_is_that_of_the_geometry(journal):
    assert {cell.square.extent.width() for cell in journal.waiting()} == {GEOMETRY.side_m}


def test_files_are_made_one_after_another_in_a_thread_while_the_gui_is_at_work(qtbot, tmp_path):
    def make_all():
        for number in range(8):
            Journal.at(tmp_path / f"{number}.gpkg", settings_for()).close()

    with ThreadPoolExecutor(max_workers=1) as thread:
        made = thread.submit(make_all)
        qtbot.waitUntil(made.done, timeout=120_000)
    assert made.exception() is None
    assert len(list(tmp_path.glob("*.gpkg"))) == 8
