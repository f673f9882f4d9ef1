"""The runtime's work behind the options page, without the page."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.settings import Settings
from lspace.ui.options.runtime_work import RuntimeWork
from preparing import PATIENCE_MS, started

pytest_plugins = ("runtime_fixtures",)


@pytest.fixture
def work(local_order):
    def small(_build, wheels, index):
        return replace(local_order.requirements, wheels=wheels, index=index)

    work = RuntimeWork(lambda: None, None, small)
    Settings(runtime_folder=str(local_order.folder.path)).save()
    yield work
    Settings().save()


def end_of(qtbot, work):
    qtbot.waitUntil(lambda: not work.activity.is_running, timeout=PATIENCE_MS)
    return work.activity.words


def test_a_runtime_of_another_version_of_the_plugin_is_outdated(work, local_order, runtime, request):
    folder = str(runtime.path)
    assert not work.is_outdated(folder)
    request.getfixturevalue("working")
    assert not work.is_outdated(folder)
    with local_order.requirements.file.open("a") as stream:
        stream.write("six\n")
    assert work.is_outdated(folder)


def test_what_was_removed_is_no_longer_in_the_settings(qtbot, work, working, runtime):
    replace(Settings.load(), interpreter=working.python).save()
    work.remove(str(runtime.path))
    assert end_of(qtbot, work) == "Removed."
    assert Settings.load().interpreter == ""
    assert not runtime.path.exists()


def test_while_another_prepares_it_nothing_is_removed(qtbot, work, local_order):
    other = started(local_order)
    work.remove(str(local_order.folder.path))
    assert "Another QGIS" in end_of(qtbot, work)
    qtbot.waitUntil(lambda: bool(other.ends), timeout=PATIENCE_MS)
    assert local_order.folder.current() is not None
