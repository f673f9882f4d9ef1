"""The dock says in plain words that images leave the machine, and where to."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from dock_window import DockWindow
from lspace.gis.errors import WorkerFailed
from lspace.gis.runs.runner import Runner
from lspace.gis.settings import Settings
from lspace.ui.words import model_words, sentence_for, setup_advice
from planted import WORKER_PYTHON, crs_of

INFO = {"name": "lspace", "device": "remote (gpu:8000)", "precision": "unknown", "random_weights": False}


def advice(address, **values):
    settings = Settings(interpreter=WORKER_PYTHON, remote=True, remote_address=address, **values)
    return setup_advice(settings)[0]


def test_before_a_run_the_dock_says_that_images_leave_and_where_to():
    words = advice("https://gpu:8000")
    assert "leave this computer" in words
    assert "gpu:8000" in words
    assert "Nothing leaves" in setup_advice(Settings(interpreter=WORKER_PYTHON))[0]


def test_what_would_go_wrong_is_told_before_a_run():
    assert "address is missing" in advice("")
    assert "never to use the network" in advice("https://gpu", offline=True)


def test_a_loaded_model_of_a_server_is_told_with_its_server_and_no_promise():
    words = model_words(INFO, is_embedded=False)
    assert "lspace, remote (gpu:8000): ready." in words
    assert "Nothing leaves" not in words


def test_the_dock_goes_on_saying_that_images_leave_when_the_model_is_ready(qgis_app):
    Settings(interpreter=WORKER_PYTHON, remote=True, remote_address="http://gpu:8000").save()
    window = DockWindow([], crs_of("EPSG:3857"), Runner())
    try:
        window.runner.model_ready.emit({**INFO, "reason": "for a test", "probe_s": 0.0})
        words = window.dock.state_label.text()
    finally:
        window.leave()
        Settings().save()
    assert "remote (gpu:8000): ready." in words
    assert "NOT encrypted" in words


REASONS = (
    *("no network", "tls", "proxy login", "unauthorised", "no model", "too large", "no images"),
    *("refused", "busy", "failed", "stalled", "cut", "protocol", "something new"),
)


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_has_a_sentence_of_its_own_with_the_servers_words(reason):
    error = WorkerFailed(code="remote_failed", detail="gpu:8000: HTTP 418 {teapot}", reason=reason)
    sentence = sentence_for(error)
    assert sentence.endswith("(gpu:8000: HTTP 418 {teapot})")
    others = [
        sentence_for(WorkerFailed(code="remote_failed", detail="", reason=other))
        for other in REASONS
        if other != reason
    ]
    assert all(other[:40] != sentence[:40] for other in others)
