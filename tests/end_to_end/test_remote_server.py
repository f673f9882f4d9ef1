"""Map -> chip -> worker -> server -> layer: the features lie where the server saw something."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("qgis.core")

from lspace.gis.aoi import Aoi
from lspace.gis.provenance import read_run
from lspace.gis.runs.run_order import RunOrder
from lspace.gis.runs.run_progress import RunOutcome
from lspace.gis.settings import Settings
from planted import WORKER_PYTHON, crs_of, harbour_layer, square_at, target_layer, units_per_metre, view_of
from servers.chat_server import ChatServer, Fault

pytest_plugins = ("logins",)
CRS = crs_of("EPSG:32604")
SQUARE = square_at(CRS, -700, 300, 240)
GRID_PX = 224


@pytest.fixture
def server():
    with ChatServer(magenta_box) as running:
        yield running


@pytest.fixture
def settings(server):
    return Settings(interpreter=WORKER_PYTHON, remote=True, remote_address=server.url)


@pytest.fixture
def order():
    view = view_of([target_layer([SQUARE], CRS), harbour_layer()], CRS, 500, 400, 6.0)
    return RunOrder(Aoi.from_view(view), view, "detect", ("vessel candidate",))


def magenta_box(_words, pictures):
    """In the trained form: the far edges name the last pixel inside."""
    rgb = np.asarray(pictures[-1])
    rows, columns = np.nonzero((rgb[..., 0] > 128) & (rgb[..., 1] < 110) & (rgb[..., 2] > 128))
    height, width = rgb.shape[:2]
    near = (columns.min() / width, rows.min() / height)
    far = ((columns.max() + 1) / width - 1 / GRID_PX, (rows.max() + 1) / height - 1 / GRID_PX)
    box = [round(float(value), 4) for value in (*near, *far)]
    return json.dumps([{"label": "vessel_candidate", "bbox": box}])


def test_what_a_server_saw_lies_where_it_is_on_the_map_with_the_server_in_its_record(
    make_runner, complete, server, settings, order
):
    end = complete(make_runner(None), order, settings)
    assert end.outcome is RunOutcome.FINISHED, end.error
    (feature,) = end.proposals.getFeatures()
    middle = SQUARE.centroid().asPoint()
    assert feature.geometry().centroid().asPoint().distance(middle) < 6.0 * units_per_metre(CRS)
    assert feature["score"] == pytest.approx(0.9)
    assert (end.run.model, end.run.device) == ("lspace", f"remote ({server.host})")
    assert server.host in read_run(end.proposals).device


def test_a_server_that_breaks_off_fails_the_run_in_words_and_the_next_one_works(
    make_runner, complete, server, settings, order
):
    runner = make_runner(None)
    server.faults.append(Fault.CUTS)
    end = complete(runner, order, settings)
    assert (end.outcome, end.error.values["reason"]) == (RunOutcome.FAILED, "cut")
    assert complete(runner, order, settings).outcome is RunOutcome.FINISHED


def test_a_silent_server_is_left_when_the_run_is_cancelled(qtbot, make_runner, server, settings, order):
    runner = make_runner(None)
    server.faults.append(Fault.SILENT)
    runner.start(order, settings)
    qtbot.waitUntil(lambda: bool(server.asked), timeout=60_000)
    worker = runner.worker_process_id
    runner.cancel()
    qtbot.waitUntil(lambda: bool(runner.ends), timeout=10_000)
    assert runner.ends[0].outcome is RunOutcome.CANCELLED
    assert server.gone.wait(5)
    assert runner.worker_process_id == worker


def test_the_contract_that_was_chosen_makes_the_pictures_and_the_questions(
    make_runner, complete, server, settings, order
):
    end = complete(make_runner(None), order, replace(settings, remote_contract="lspace-mini"))
    assert end.outcome is RunOutcome.FINISHED, end.error
    (asked,) = server.asked
    assert [message["role"] for message in asked["messages"]] == ["user"]
    assert asked["max_tokens"] == 112


def test_a_server_that_wants_a_login_gets_that_of_qgis_and_refuses_without_one(
    make_runner, complete, server, settings, order, keep_login
):
    server.key = "Bearer s3cret"
    runner = make_runner(None)
    end = complete(runner, order, settings)
    assert (end.outcome, end.error.values["reason"]) == (RunOutcome.FAILED, "unauthorised")
    login = keep_login("Basic", username="", password="s3cret")
    end = complete(runner, order, replace(settings, remote_login=login))
    assert end.outcome is RunOutcome.FINISHED, end.error
    assert "s3cret" not in end.run.to_json()


def test_a_login_that_is_gone_is_told_before_anything_is_sent(make_runner, complete, server, settings, order):
    end = complete(make_runner(None), order, replace(settings, remote_login="nothing"))
    assert (end.outcome, end.error.values["reason"]) == (RunOutcome.FAILED, "gone")
    assert server.asked == []


def test_no_server_is_asked_before_a_run(make_runner, server, settings):
    runner = make_runner(None)
    runner.prepare(settings)
    assert runner.worker_process_id is None
