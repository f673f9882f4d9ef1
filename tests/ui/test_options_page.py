"""The options page shows the settings and saves what it shows."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.recent_log import RecentLog
from lspace.gis.settings import Settings
from lspace.ui.options.options_factory import OptionsFactory
from lspace.ui.options.options_page import OptionsPage
from lspace.ui.options.work import Work
from planted import WORKER_PYTHON
from qgis.core import QgsApplication, QgsSettings
from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import QProcess, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QTableWidget,
    QVBoxLayout,
)

SET = Settings(
    "/opt/python",
    "NuTonic/lspace",
    "cpu",
    "float32",
    3,
    True,
    "https://mirror",
    "/models",
    "/opt/runtime",
    "cpu",
    "/a\n/b",
    4096,
    30,
)


class Dialog(QDialog):
    """As QGIS shows the page."""

    def __init__(self, told):
        super().__init__()
        self.work, self.log = Work(told), RecentLog()
        self.page = OptionsPage(self.work, self.log, told, self)
        QVBoxLayout(self).addWidget(self.page)


@pytest.fixture
def open_dialog(qtbot):
    dialogs = []

    def open_it(told=lambda: None):
        dialog = Dialog(told)
        dialogs.append(dialog)
        qtbot.addWidget(dialog)
        return dialog

    yield open_it
    for dialog in dialogs:
        dialog.page.shut_down()
    Settings().save()


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
    assert Settings.load() == Settings(
        model="mine", model_folders="/a", endpoint="https://mirror", threads=2, runtime_build="cpu"
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


FIELDS = (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit, QTableWidget)


def shown_fields(tab):
    """What can be used in a tab, without the parts that Qt and QGIS put into their own widgets."""
    fields = [each for each in tab.findChildren(FIELDS) if each.isVisible()]
    return [each for each in fields if not is_part(each, tab)]


def is_part(field, tab):
    parents = []
    while field.parentWidget() is not tab:
        field = field.parentWidget()
        parents.append(field)
    return any(isinstance(parent, (*FIELDS, QgsFileWidget)) for parent in parents)


@pytest.mark.parametrize("index", range(5))
def test_every_field_has_a_name_and_says_what_it_is_for(qtbot, open_dialog, index):
    Settings(interpreter=WORKER_PYTHON).save()
    dialog = open_dialog()
    dialog.show()
    page = dialog.page
    page.tabs.setCurrentIndex(index)
    buddies = {label.buddy() for label in page.findChildren(QLabel) if label.buddy()}
    for field in shown_fields(page.tabs.currentWidget()):
        name = field.accessibleName() or (field.text() if isinstance(field, QAbstractButton) else "")
        assert name or field in buddies, field
        assert field.toolTip(), (field, name)


@pytest.mark.parametrize("index", range(5))
def test_every_tab_can_be_used_at_600_pixels(qtbot, open_dialog, index):
    dialog = open_dialog()
    dialog.resize(600, 400)
    dialog.show()
    assert dialog.width() == 600
    dialog.page.tabs.setCurrentIndex(index)
    tab = dialog.page.tabs.currentWidget()
    assert tab.widget().minimumSizeHint().width() <= tab.viewport().width()


def test_the_tab_key_goes_from_the_top_of_a_tab_to_the_bottom(qtbot, open_dialog):
    dialog = open_dialog()
    dialog.resize(700, 600)
    dialog.show()
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    page = dialog.page
    page.tabs.setCurrentIndex(3)
    page.network.offline.setFocus()
    seen = []
    for _ in range(3):
        seen.append(QApplication.focusWidget())
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    assert seen == [page.network.offline, page.network.endpoint, page.network.model_cache.lineEdit()]
