"""The models tab: which models are here, which one answers, and where another one comes from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from clicks import choose_file, click
from hub import COMMIT, HUB_ID, WEIGHTS, running
from lspace.gis.models.published import PublishedModel
from lspace.gis.settings import Settings
from lspace.model_backend.contract import load_contracts
from lspace.ui.options.model_work import ModelWork
from lspace.ui.options.models_page import ModelsPage
from planted import WORKER_PYTHON
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

TINY_CONFIG = {"model_type": "lfm2_vl"}


def write_model(folder):
    """A folder that looks like a model of the contract lspace: two numbers."""
    folder.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_text(json.dumps(TINY_CONFIG))
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    return folder


@pytest.fixture
def settings(tmp_path):
    settings = Settings(
        interpreter=WORKER_PYTHON,
        model_cache=str(tmp_path / "cache"),
        runtime_folder=str(tmp_path / "runtime"),
    )
    settings.save()
    yield settings
    Settings().save()


@pytest.fixture
def page(qtbot, settings):
    saved = []
    page = ModelsPage(ModelWork(lambda: saved.append(Settings.load())))
    page.saved = saved
    page.work = page._work
    qtbot.addWidget(page)
    page.resize(600, 600)
    page.show()
    qtbot.waitUntil(lambda: page.table.rowCount() > 0)
    yield page
    page.work.activity.cancel()


def rows(page):
    columns = range(page.table.columnCount())
    return [[page.table.item(row, c).text() for c in columns] for row in range(page.table.rowCount())]


def test_the_embedded_model_is_always_there_and_in_use_until_another_is(page):
    assert rows(page) == [["lspace-mini", "in use", "4 MB", "lspace-mini", "", "see below"]]
    assert not page.remove_button.isEnabled()
    assert "GPL-2.0-or-later" in page.details.text()


def test_what_a_download_costs_and_its_licence_are_told_before_it(page):
    for fact in ("NuTonic/lspace", "897 MB", "Apache-2.0", "LFM 1.0"):
        assert fact in page.offer.text()


def test_a_folder_is_added_used_and_taken_off_the_list_with_its_files_untouched(qtbot, page, tmp_path):
    folder = write_model(tmp_path / "mine")
    click(page.add_button)
    choose_file(qtbot, page, "LSpaceModelFolder", folder)
    qtbot.waitUntil(lambda: page.table.rowCount() == 2)
    assert rows(page)[1] == ["mine", "ready", "0 MB", "lspace", "", "see below"]
    page.table.selectRow(1)
    click(page.use_button)
    qtbot.waitUntil(lambda: rows(page)[1][1] == "in use")
    assert page.saved[-1].model == str(folder)
    assert "Apache-2.0" in page.details.text()
    click(page.remove_button)
    qtbot.waitUntil(lambda: page.table.rowCount() == 1)
    assert (folder / "model.safetensors").exists()
    assert Settings.load().is_embedded_model


def test_the_licence_that_a_card_names_is_not_told_without_that_of_the_base_model(qtbot, page, tmp_path):
    folder = write_model(tmp_path / "mine")
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    page.work.add(str(folder))
    qtbot.waitUntil(lambda: page.table.rowCount() == 2)
    cell = page.table.item(1, 5)
    assert cell.text() == "apache-2.0; see below"
    page.table.selectRow(1)
    for words in (cell.toolTip(), page.details.text()):
        assert "apache-2.0" in words
        assert "LFM 1.0" in words


def test_at_600_pixels_every_model_can_be_told_by_its_name(page):
    table = page.table
    assert table.viewport().width() < 600
    assert not table.horizontalScrollBar().maximum()
    name = table.fontMetrics().horizontalAdvance("NuTonic/lspace")
    assert table.columnWidth(0) > name


def test_a_folder_that_holds_no_model_is_refused_with_the_reason(qtbot, page, tmp_path):
    (tmp_path / "empty").mkdir()
    page.work.add(str(tmp_path / "empty"))
    qtbot.waitUntil(lambda: "config.json" in page.details.text())
    assert page.table.rowCount() == 1


def test_a_double_click_takes_a_model_into_use(qtbot, page, tmp_path):
    page.work.add(str(write_model(tmp_path / "mine")))
    qtbot.waitUntil(lambda: page.table.rowCount() == 2)
    spot = page.table.visualItemRect(page.table.item(1, 0)).center()
    button, view = Qt.MouseButton.LeftButton, page.table.viewport()
    QTest.mouseClick(view, button, Qt.KeyboardModifier.NoModifier, spot)
    QTest.mouseDClick(view, button, Qt.KeyboardModifier.NoModifier, spot)
    qtbot.waitUntil(lambda: Settings.load().model == str(tmp_path / "mine"))


def test_a_half_download_is_shown_as_such_and_can_be_removed(qtbot, page, settings):
    half = Path(settings.model_cache) / "NuTonic--lspace" / COMMIT
    half.mkdir(parents=True)
    (half / f"{WEIGHTS}.part").write_bytes(bytes(1_000_000))
    page.hide()
    page.show()
    qtbot.waitUntil(lambda: page.table.rowCount() == 2)
    assert rows(page)[1] == ["NuTonic/lspace", "unusable", "1 MB", "", COMMIT[:8], ""]
    page.table.selectRow(1)
    assert not page.use_button.isEnabled()
    click(page.remove_button)
    qtbot.waitUntil(lambda: page.table.rowCount() == 1)
    assert not half.exists()


@pytest.fixture
def hub():
    with running({WEIGHTS: bytes(3_000_000), "config.json": b"{}"}) as server:
        yield server


def offered():
    return PublishedModel(HUB_ID, COMMIT, 3_000_000, load_contracts()["lspace"])


def test_a_download_shows_how_far_it_is_and_is_chosen_at_its_end(qtbot, page, settings, hub):
    said = []
    page.work.activity.changed.connect(
        lambda: said.append((page.activity.label.text(), page.activity.bar.value()))
    )
    page.work.download(offered(), replace(settings, endpoint=hub.url))
    assert not page.download_button.isEnabled()
    qtbot.waitUntil(lambda: not page.work.activity.is_running, timeout=60_000)
    assert page.activity.label.text() == "The model is here and in use."
    assert any("3 MB are here" in words for words, _ in said)
    assert max(value for _, value in said) == 1000
    assert Settings.load().model == HUB_ID
    qtbot.waitUntil(lambda: page.table.rowCount() == 2)
    assert page.download_button.isEnabled()


def test_a_download_can_be_cancelled(qtbot, page, settings, hub):
    hub.stalls = [1_500_000]
    page.work.download(offered(), replace(settings, endpoint=hub.url))
    qtbot.waitUntil(lambda: WEIGHTS in page.activity.label.text(), timeout=60_000)
    click(page.activity.cancel_button)
    assert "Cancelled" in page.activity.label.text()
    assert Settings.load().model == ""


def test_offline_a_click_on_download_says_that_downloading_is_off(qtbot, page, settings):
    replace(settings, offline=True).save()
    click(page.download_button)
    qtbot.waitUntil(lambda: not page.work.activity.is_running, timeout=60_000)
    assert "switched off" in page.activity.label.text()
    assert Settings.load().model == ""


def test_what_is_set_elsewhere_during_a_download_stays(qtbot, page, settings, hub):
    page.work.download(offered(), replace(settings, endpoint=hub.url))
    replace(Settings.load(), threads=3).save()
    qtbot.waitUntil(lambda: not page.work.activity.is_running, timeout=60_000)
    assert (Settings.load().threads, Settings.load().model) == (3, HUB_ID)
