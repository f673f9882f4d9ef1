"""The options page shows the settings and saves what it shows."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.runtime.requirements import suitable_build
from lspace.gis.settings import Settings
from lspace.ui.options.options_factory import OptionsFactory
from qgis.core import QgsApplication, QgsSettings
from qgis.PyQt.QtCore import QProcess

SET = Settings(
    interpreter="/opt/python",
    model="NuTonic/lspace",
    device="cpu",
    precision="float32",
    threads=3,
    offline=True,
    endpoint="https://mirror",
    model_cache="/models",
    runtime_folder="/opt/runtime",
    runtime_build="cpu",
    package_index="https://packages",
    model_folders="/a\n/b",
    memory_limit_mb=4096,
    idle_minutes=30,
    remote=True,
    remote_address="https://gpu:8000",
    remote_model="lspace",
    remote_contract="lspace-mini",
    remote_at_once=8,
    remote_patience_s=60,
)


def test_what_the_page_shows_is_what_it_saves(open_dialog):
    SET.save()
    told = []
    page = open_dialog(lambda: told.append(Settings.load())).page
    page.apply()
    assert told == [SET]


def test_what_is_typed_is_saved_and_what_the_page_does_not_show_stays(open_dialog):
    page = open_dialog().page
    Settings(model="mine", model_folders="/a").save()
    page.network.endpoint.setText(" https://mirror ")
    page.device.threads.setValue(2)
    page.apply()
    build = suitable_build().value
    assert Settings.load() == Settings(
        model="mine", model_folders="/a", endpoint="https://mirror", threads=2, runtime_build=build
    )


def test_a_try_takes_what_is_typed_in_another_tab(qtbot, open_dialog):
    page = open_dialog().page
    page.runtime.interpreter.setFilePath("/no/such/python")
    page.device._try()
    assert "/no/such/python" in page.device.answer.text()


def test_it_opens_with_the_runtime_in_front_and_is_found_by_its_name(open_dialog):
    page = open_dialog().page
    assert page.objectName() == "LSpace"
    assert page.tabs.tabText(page.tabs.currentIndex()) == "Runtime"


def test_when_the_dialog_closes_no_check_goes_on(qtbot, open_dialog, tmp_path):
    slow = tmp_path / "python"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    Settings(interpreter=str(slow)).save()
    before = len(QgsApplication.instance().findChildren(QProcess))
    dialog = open_dialog()
    dialog.show()
    dialog.page.diagnosis.make_button.click()
    assert len(QgsApplication.instance().findChildren(QProcess)) > before
    dialog.accept()
    processes = QgsApplication.instance().findChildren
    qtbot.waitUntil(lambda: len(processes(QProcess)) == before, timeout=10_000)


def test_the_factory_makes_pages_that_share_their_work(qtbot, qgis_app):
    factory = OptionsFactory(lambda: None)
    first, second = factory.createWidget(None), factory.createWidget(None)
    qtbot.addWidget(first)
    qtbot.addWidget(second)
    factory._work.runtime.activity.begin("Preparing", lambda: None)
    for page in (first, second):
        assert page.runtime.activity.label.text() == "Preparing"
        page.shut_down()
    factory.shut_down()


def test_a_stored_value_of_the_wrong_type_counts_as_not_set(qgis_app):
    QgsSettings().setValue("lspace/threads", "many")
    assert Settings.load().threads == 0
    Settings().save()


def test_automatic_and_empty_fields_leave_the_choice_to_the_worker(qgis_app):
    choice = Settings(model="m").model_choice()
    assert (choice.threads, choice.endpoint, choice.cache_dir, choice.device) == (None, None, None, "auto")
    assert choice.memory_limit_mb is None
    assert Settings(memory_limit_mb=100).model_choice().memory_limit_mb == 100


def test_each_tab_says_what_it_is_for(open_dialog):
    tabs = open_dialog().page.tabs
    assert all(len(tabs.tabToolTip(index)) > 15 for index in range(tabs.count()))


@pytest.mark.parametrize("index", range(6))
def test_every_tab_can_be_used_at_600_pixels(qtbot, open_dialog, index):
    dialog = open_dialog()
    dialog.resize(600, 400)
    dialog.show()
    assert dialog.width() == 600
    dialog.page.tabs.setCurrentIndex(index)
    tab = dialog.page.tabs.currentWidget()
    assert tab.widget().minimumSizeHint().width() <= tab.viewport().width()
