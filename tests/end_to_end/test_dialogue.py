"""Conversations through the real worker with real checkpoints, untrained and tiny: what is said is noise."""

from __future__ import annotations

import subprocess

import pytest

pytest.importorskip("qgis.core")

from clicks import choose_task, run_to_the_end
from dock_window import DockWindow, windows_with
from log_reading import text_of
from lspace.gis.runs.run_progress import RunOutcome
from lspace.gis.runs.runner import Runner
from lspace.gis.settings import Settings
from planted import ROOT, WORKER_PYTHON, crs_of, harbour_layer, view_of
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

TINY_LSPACE = ROOT / ".venv" / "models" / "random-tiny"
MAKE = (
    "import sys; from pathlib import Path; from model_backend.inference.random_n2_eye import "
    "write_random_n2_eye; write_random_n2_eye(Path(sys.argv[1]), 'tiny', 0)"
)


@pytest.fixture(scope="module")
def tiny_n2_eye(tmp_path_factory):
    """A folder with an untrained model of N2-Eye's architecture."""
    folder = tmp_path_factory.mktemp("models") / "n2-eye"
    subprocess.run([WORKER_PYTHON, "-c", MAKE, str(folder)], cwd=ROOT, check=True)
    return folder


@pytest.fixture
def make_window(qtbot):
    def make(model):
        Settings(interpreter=WORKER_PYTHON, model=str(model)).save()
        crs, layers = crs_of("EPSG:3857"), [harbour_layer()]
        window = DockWindow(layers, crs, Runner())
        window.talked = []
        window.controller.talking.ended.connect(lambda *words: window.talked.append(words))
        window.show()
        window.canvas.setExtent(view_of(layers, crs, 900, 800, 4.0).extent())
        windows.append(window)
        qtbot.waitExposed(window)
        return window

    with windows_with(Settings(interpreter=WORKER_PYTHON)) as windows:
        yield make


def ask(qtbot, window, question):
    before = len(window.talked)
    edit = window.dock.conversation_panel.question_edit
    QTest.keyClicks(edit, question)
    QTest.keyClick(edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(window.talked) > before, timeout=120_000)
    kept = window.controller.conversation.last
    assert kept is not None, window.dock.conversation_panel.note_label.text()
    assert kept.outcome is RunOutcome.FINISHED, kept.summary
    return kept


def test_a_conversation_about_one_image_with_a_checkpoint_of_n2_eye(qtbot, make_window, tiny_n2_eye):
    window = make_window(tiny_n2_eye)
    first = ask(qtbot, window, "What is in this image?")
    assert first.run.random_weights
    assert len(first.run.chips) == 1
    second = ask(qtbot, window, "And what else?")
    assert second.follows == first.exchange_id
    assert second.run.chips == first.run.chips
    assert "never trained" in text_of(window.dock.conversation_panel)


def test_a_conversation_goes_on_from_a_trained_question_with_a_checkpoint_of_lspace(qtbot, make_window):
    window = make_window(TINY_LSPACE)
    choose_task(window, "caption")
    caption = run_to_the_end(qtbot, window)
    assert caption.error is None
    kept = ask(qtbot, window, "Where is the water?")
    assert kept.is_talk
    assert kept.follows == caption.run.run_id
    assert kept.run.chips == caption.run.chips
    assert kept.run.options["tools"] == []
