"""The model is loaded while the question is still being put together."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import pytest

pytest.importorskip("qgis.core")

from clicks import click
from demo_window import DemoWindow
from lspace.gis.aoi import Aoi
from lspace.gis.runs import runner as module
from lspace.gis.runs.run_order import RunOrder
from lspace.gis.runs.run_progress import RunOutcome, RunStage
from lspace.gis.settings import Settings
from planted import WORKER_PYTHON, crs_of, harbour_layer, view_of
from processes import is_running

MINI = Settings(interpreter=WORKER_PYTHON)
COPY = replace(MINI, threads=1)
"""Another choice, for which the model has to be loaded again."""


@pytest.fixture
def order(qgis_app):
    view = view_of([harbour_layer()], crs_of("EPSG:3857"), 300, 300, 6.0)
    return RunOrder(Aoi.from_view(view), view, "caption")


@pytest.fixture
def runner(make_runner):
    made = make_runner(None)
    made.infos = []
    made.model_ready.connect(made.infos.append)
    return made


def wait_for_model(qtbot, runner):
    qtbot.waitUntil(lambda: bool(runner.infos), timeout=60_000)


def test_a_run_finds_the_model_loaded(qtbot, runner, complete, order):
    runner.prepare(MINI)
    wait_for_model(qtbot, runner)
    process_id = runner.worker_process_id
    assert complete(runner, order, MINI).outcome is RunOutcome.FINISHED
    assert runner.worker_process_id == process_id
    assert runner.steps[0].stage is RunStage.DRAWING
    assert not any(step.step == "weights" for step in runner.steps)


def test_a_run_takes_over_a_model_that_is_still_being_loaded(qtbot, runner, complete, order):
    runner.prepare(MINI)
    process_id = runner.worker_process_id
    assert complete(runner, order, MINI).outcome is RunOutcome.FINISHED
    assert runner.worker_process_id == process_id
    assert len(runner.infos) == 1
    assert any(step.step == "weights" for step in runner.steps)


def test_a_run_with_another_choice_does_not_wait_for_the_first(qtbot, runner, complete, order):
    runner.prepare(MINI)
    first = runner.worker_process_id
    assert complete(runner, order, COPY).outcome is RunOutcome.FINISHED
    assert runner.worker_process_id != first
    assert [info["threads"] for info in runner.infos] == [1]
    qtbot.waitUntil(lambda: not is_running(first), timeout=10_000)


def test_a_model_that_nobody_asks_is_let_go(qtbot, runner, monkeypatch):
    monkeypatch.setattr(module, "MINUTE_MS", 20)
    runner.prepare(MINI)
    with qtbot.waitSignal(runner.model_released, timeout=60_000):
        pass
    assert len(runner.infos) == 1
    assert runner.worker_process_id is None


def test_a_worker_that_dies_meanwhile_is_replaced_by_the_run(qtbot, runner, complete, order):
    runner.prepare(MINI)
    qtbot.waitUntil(lambda: bool(runner.worker_process_id), timeout=10_000)
    os.kill(runner.worker_process_id, signal.SIGKILL)
    qtbot.waitUntil(lambda: runner.worker_process_id is None, timeout=10_000)
    assert runner.ends == []
    assert complete(runner, order, MINI).outcome is RunOutcome.FINISHED


@pytest.mark.parametrize(
    "settings",
    [replace(MINI, model="NuTonic/lspace"), Settings(), replace(MINI, interpreter="/no/python")],
    ids=["not downloaded", "no Python chosen", "Python gone"],
)
def test_what_cannot_be_loaded_now_is_left_to_the_run(runner, settings):
    runner.prepare(settings)
    assert runner.worker_process_id is None
    assert runner.ends == []


def test_a_broken_model_is_tried_once_and_told_by_the_run(qtbot, runner, complete, order, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    broken = replace(MINI, model=str(tmp_path))
    runner.prepare(broken)
    qtbot.waitUntil(lambda: runner._ahead.is_over, timeout=60_000)
    runner.prepare(broken)
    assert runner._ahead.is_over
    assert runner.ends == []
    assert complete(runner, order, broken).outcome is RunOutcome.FAILED


def test_beginning_to_draw_has_it_loaded(qtbot, qgis_app):
    window = DemoWindow()
    try:
        assert window.runner.worker_process_id is None
        click(window.dock.aoi_panel.drawing.polygon_button)
        qtbot.waitUntil(lambda: "ready" in window.dock.state_label.text(), timeout=60_000)
    finally:
        window.leave()
