"""The device tab shows the settings, tries them for real, and says what came of it."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from clicks import click, run_to_the_end
from lspace.gis.settings import LastLoad, Settings
from lspace.ui.options.device_page import DevicePage
from planted import WORKER_PYTHON

pytest_plugins = ("runtime_fixtures",)
CHOSEN = Settings(device="cpu", precision="float32", threads=1, memory_limit_mb=2048, idle_minutes=5)


@pytest.fixture
def page(qtbot):
    Settings(interpreter=WORKER_PYTHON).save()
    LastLoad().save()
    page = DevicePage()
    qtbot.addWidget(page)
    page.show_settings(CHOSEN)
    page.show()
    yield page
    page.shut_down()
    Settings().save()


def test_what_it_shows_is_what_it_writes_and_nothing_else(page):
    assert page.written_into(Settings(model="mine")) == Settings(**{**CHOSEN.__dict__, "model": "mine"})


def test_automatic_is_what_nothing_set_looks_like(page):
    page.show_settings(Settings(idle_minutes=0))
    assert page.written_into(Settings()) == Settings(idle_minutes=0)
    for field in (page.threads, page.memory_limit):
        assert "automatic" in field.text()
    assert page.idle.text() == "never"


def test_a_device_that_this_version_does_not_know_counts_as_automatic(page):
    page.show_settings(Settings(device="npu"))
    assert page.written_into(Settings()).device == "auto"


def test_a_try_names_device_precision_and_the_reason(qtbot, page):
    click(page.try_button)
    assert not page.try_button.isEnabled()
    qtbot.waitUntil(page.try_button.isEnabled, timeout=120_000)
    words = page.answer.text()
    assert words.startswith("cpu in float32, with 1 CPU threads")
    assert "The CPU was asked for; float32 was asked for." in words
    assert "GFLOP/s in float32" in words
    assert "free" in words


def test_a_device_that_is_not_there_is_refused_in_a_sentence(qtbot, page):
    page.show_settings(Settings(device="mps"))
    click(page.try_button)
    qtbot.waitUntil(page.try_button.isEnabled, timeout=120_000)
    assert page.answer.text() == (
        "The chosen device cannot be used: mps was asked for, but this torch finds no such device"
    )


def test_a_small_python_explains_what_cannot_be_chosen_and_a_full_one_has_it(qtbot, page, small_python):
    def is_offered(box, value):
        return box.model().item(box.findData(value)).isEnabled()

    beyond = [(page.device, "cuda"), (page.device, "mps"), (page.precision, "bfloat16")]
    for interpreter, is_small in ((small_python, True), (WORKER_PYTHON, False)):
        Settings(interpreter=interpreter).save()
        page.hide()
        page.show()
        qtbot.waitUntil(lambda small=is_small: page.python_note.isVisible() == small, timeout=60_000)
        qtbot.waitUntil(
            lambda small=is_small: [is_offered(*each) for each in beyond] == [not small] * 3, timeout=60_000
        )
        assert all(is_offered(page.precision, value) for value in ("auto", "float32", "q8", "q4"))
    assert "PyTorch" in page.python_note.text()


def test_how_the_model_last_ran_is_told_without_a_try(page):
    assert page.last_load.isHidden()
    LastLoad(device="cuda", precision="bfloat16", reason="the GPU is 9 times as fast.").save()
    page.hide()
    page.show()
    assert page.last_load.text() == (
        "When the model was last loaded, it ran on cuda in bfloat16. The GPU is 9 times as fast."
    )
    LastLoad().save()


def test_a_run_says_how_the_model_ran(qtbot, make_window):
    LastLoad().save()
    run_to_the_end(qtbot, make_window())
    assert LastLoad.load() == LastLoad("cpu", "float32", "It counts pixels.")
    LastLoad().save()


def test_without_a_python_the_try_says_so_at_once(page):
    Settings().save()
    click(page.try_button)
    assert "needs a Python of its own" in page.answer.text()
    assert page.try_button.isEnabled()


def test_a_cancelled_try_leaves_no_words_and_can_be_made_again(qtbot, page):
    click(page.try_button)
    click(page.cancel_button)
    assert page.answer.text() == ""
    assert page.try_button.isEnabled()
    qtbot.wait(100)
    assert page.answer.text() == ""
