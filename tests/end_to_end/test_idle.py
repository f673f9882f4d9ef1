"""A model that nobody asks is let go, and comes back with the next question."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.aoi import Aoi
from lspace.gis.runs import runner as module
from lspace.gis.runs.run_order import RunOrder
from lspace.gis.runs.run_progress import RunOutcome, RunStage
from lspace.gis.settings import Settings
from planted import WORKER_PYTHON, crs_of, harbour_layer, view_of
from processes import is_running

SETTINGS = Settings(interpreter=WORKER_PYTHON, model="NuTonic/lspace", idle_minutes=1)


@pytest.fixture
def order(qgis_app):
    view = view_of([harbour_layer()], crs_of("EPSG:3857"), 300, 300, 6.0)
    return RunOrder(Aoi.from_view(view), view, "caption")


@pytest.fixture
def short_minutes(monkeypatch):
    monkeypatch.setattr(module, "MINUTE_MS", 300)


def test_after_the_set_time_the_process_is_gone_and_the_next_run_starts_it_again(
    qtbot, make_runner, complete, order, short_minutes
):
    runner = make_runner()
    complete(runner, order, SETTINGS)
    process_id = runner.worker_process_id
    with qtbot.waitSignal(runner.model_released, timeout=10_000):
        pass
    assert runner.worker_process_id is None
    qtbot.waitUntil(lambda: not is_running(process_id), timeout=10_000)
    runner.steps.clear()
    assert complete(runner, order, SETTINGS).outcome is RunOutcome.FINISHED
    assert runner.steps[0].stage is RunStage.STARTING


def test_a_question_in_time_puts_it_off(qtbot, make_runner, complete, order, monkeypatch):
    monkeypatch.setattr(module, "MINUTE_MS", 3000)
    runner = make_runner()
    released = []
    runner.model_released.connect(lambda: released.append(True))
    complete(runner, order, SETTINGS)
    process_id = runner.worker_process_id
    for _ in range(3):
        qtbot.wait(1200)
        complete(runner, order, SETTINGS)
    assert released == []
    assert runner.worker_process_id == process_id


def test_never_means_never(qtbot, make_runner, complete, order, short_minutes):
    runner = make_runner()
    complete(runner, order, replace(SETTINGS, idle_minutes=0))
    with qtbot.assertNotEmitted(runner.model_released, wait=1000):
        pass
    assert runner.worker_process_id is not None


def test_a_long_answer_is_not_taken_for_silence(qtbot, make_runner, complete, order, monkeypatch):
    monkeypatch.setattr(module, "MINUTE_MS", 50)
    runner = make_runner("bright_targets.py", "0.1")
    complete(runner, order, SETTINGS)
    assert complete(runner, order, SETTINGS).outcome is RunOutcome.FINISHED
