# SPDX-License-Identifier: GPL-2.0-or-later
"""A save that is prepared in one thread and written in another, whatever happens in between."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

pytest.importorskip("qgis")

from lspace.gis.errors import DiskFull, PluginError, SaveCancelled, TargetExists, TargetInUse
from lspace.gis.saving.export import prepare_save
from lspace.gis.saving.export_format import ExportFormat
from lspace.gis.task import BackgroundTask
from osgeo import ogr
from proposals import files_limited_to, proposals
from qgis.core import QgsApplication, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QTimer
from saved import READABLE, save_layer

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")


class Outcome:
    """Runs a function as a task and keeps what it told."""

    def __init__(self, function):
        self.result = self.error = self.thread = None
        self.told = []
        self._function = function
        self.task = BackgroundTask("test", self._call)
        self.task.succeeded.connect(lambda result: self._on("succeeded", result=result))
        self.task.failed.connect(lambda error: self._on("failed", error=error))
        self.task.cancelled.connect(lambda result: self._on("cancelled", result=result))

    def start(self):
        self.task.start()
        return self

    def _call(self, gives_up):
        self.thread = threading.get_ident()
        return self._function(gives_up)

    def _on(self, signal, result=None, error=None):
        assert threading.current_thread() is threading.main_thread()
        self.told.append(signal)
        self.result, self.error = result, error


def labels(path):
    source = ogr.Open(str(path))
    return [feature.GetField("label") for feature in source.GetLayer(0)]


@pytest.mark.parametrize("file_format", READABLE)
def test_another_thread_writes_what_the_layer_was(qtbot, tmp_path, file_format):
    layer = proposals(3)
    QgsProject.instance().addMapLayer(layer)
    prepared = prepare_save(layer, tmp_path / "out", file_format)
    first = next(layer.getFeatures()).id()
    assert layer.startEditing()
    assert layer.changeAttributeValue(first, layer.fields().indexOf("label"), "too late")
    assert layer.commitChanges()
    layer.renderer().setClassAttribute("too late")

    outcome = Outcome(prepared.write).start()
    QgsProject.instance().clear()  # deletes the layer while it is saved
    qtbot.waitUntil(lambda: bool(outcome.told), timeout=20_000)

    assert outcome.told == ["succeeded"]
    assert outcome.thread != threading.get_ident()
    assert labels(outcome.result.path) == ["water"] * 3
    again = QgsVectorLayer(outcome.result.uri, "again", "ogr")
    assert "too late" not in again.renderer().classAttribute()
    assert {file.stem for file in tmp_path.iterdir()} == {"out"}


def test_edits_of_a_layer_in_a_file_do_not_arrive_late(tmp_path):
    source = save_layer(proposals(3), tmp_path / "source", ExportFormat.GEOPACKAGE)
    layer = QgsVectorLayer(source.uri, "file", "ogr")
    prepared = prepare_save(layer, tmp_path / "out", ExportFormat.GEOJSON)
    assert layer.dataProvider().truncate()

    saved = prepared.write()

    assert labels(saved.path) == ["water"] * 3


def test_the_event_loop_goes_on_while_ten_thousand_features_are_saved(qtbot, tmp_path):
    layer = proposals(10_000)
    beats = []
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append(time.monotonic()))
    timer.start(1)
    began = time.monotonic()
    prepared = prepare_save(layer, tmp_path / "out", ExportFormat.GEOPACKAGE)
    ready = time.monotonic()
    outcome = Outcome(prepared.write).start()
    qtbot.waitUntil(lambda: bool(outcome.told), timeout=60_000)
    timer.stop()

    assert outcome.told == ["succeeded"]
    gaps = [after - before for before, after in zip(beats, beats[1:])]
    print(f"prepared in {ready - began:.3f} s, saved in {beats[-1] - ready:.3f} s, gap {max(gaps):.3f} s")
    assert ready - began < 1
    assert max(gaps) < 1


def test_a_full_disk_is_told_in_the_thread_of_the_caller(qtbot, tmp_path):
    prepared = prepare_save(proposals(500), tmp_path / "out", ExportFormat.GEOPACKAGE)

    with files_limited_to(40_000):
        outcome = Outcome(prepared.write).start()
        qtbot.waitUntil(lambda: bool(outcome.told), timeout=20_000)

    assert isinstance(outcome.error, DiskFull)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path):
    prepared = prepare_save(proposals(1), tmp_path / "out", ExportFormat.SHAPEFILE)
    (tmp_path / "out.dbf").write_text("theirs")

    with pytest.raises(TargetExists) as caught:
        prepared.write()

    assert caught.value.values["files"] == [str(tmp_path / "out.dbf")]
    assert [path.name for path in tmp_path.iterdir()] == ["out.dbf"]


def test_a_geopackage_that_somebody_opens_meanwhile_is_not_replaced(tmp_path):
    save_layer(proposals(1), tmp_path / "out", ExportFormat.GEOPACKAGE)
    prepared = prepare_save(proposals(2), tmp_path / "out", ExportFormat.GEOPACKAGE, overwrite=True)
    journal = tmp_path / "out.gpkg-wal"
    journal.write_bytes(b"")

    with pytest.raises(TargetInUse):
        prepared.write()

    journal.unlink()
    assert labels(tmp_path / "out.gpkg") == ["water"]


@pytest.mark.parametrize("answers", [(True,), (False, True), (False, False, True)])
def test_giving_up_between_the_steps_leaves_nothing(tmp_path, answers):
    prepared = prepare_save(proposals(1), tmp_path / "out", ExportFormat.SHAPEFILE)
    answer = iter(answers)

    with pytest.raises(SaveCancelled):
        prepared.write(lambda: next(answer))

    assert list(tmp_path.iterdir()) == []


def test_a_task_that_nobody_holds_ends_all_the_same(qtbot, tmp_path):
    prepared = prepare_save(proposals(1), tmp_path / "out", ExportFormat.GEOJSON)

    BackgroundTask("test", prepared.write).start()

    qtbot.waitUntil((tmp_path / "out.geojson").exists, timeout=20_000)
    qtbot.waitUntil(lambda: QgsApplication.taskManager().countActiveTasks() == 0, timeout=20_000)


def test_a_task_that_was_cancelled_says_so_once(qtbot, tmp_path):
    goes_on = threading.Event()
    prepared = prepare_save(proposals(1), tmp_path / "out", ExportFormat.GEOJSON)
    outcome = Outcome(lambda gives_up: goes_on.wait(20) and prepared.write(gives_up)).start()
    qtbot.waitUntil(lambda: outcome.thread is not None, timeout=20_000)

    outcome.task.give_up()
    goes_on.set()
    qtbot.waitUntil(lambda: bool(outcome.told), timeout=20_000)

    assert (outcome.told, outcome.result) == (["cancelled"], None)
    assert list(tmp_path.iterdir()) == []


def test_no_layer_of_the_thread_lives_on_in_the_error(qtbot, tmp_path):
    prepared = prepare_save(proposals(1), tmp_path / "out", ExportFormat.GEOPACKAGE)
    (tmp_path / "out.gpkg").write_text("a letter")
    target = replace(prepared.target, overwrite=True)

    outcome = Outcome(replace(prepared, target=target).write).start()
    qtbot.waitUntil(lambda: bool(outcome.told), timeout=20_000)

    frames = outcome.error.__traceback__
    while frames is not None:
        held = frames.tb_frame.f_locals.values()
        assert not any(isinstance(value, QgsVectorLayer) for value in held)
        frames = frames.tb_next
    assert (tmp_path / "out.gpkg").read_text() == "a letter"


def test_an_error_that_nobody_foresaw_ends_the_task_too(qtbot):
    def broken(_):
        raise ZeroDivisionError("unforeseen")

    with qtbot.capture_exceptions() as exceptions:
        outcome = Outcome(broken).start()
        qtbot.waitUntil(lambda: bool(outcome.told), timeout=20_000)

    assert [kind for kind, *_ in exceptions] == [ZeroDivisionError]
    assert type(outcome.error) is PluginError
