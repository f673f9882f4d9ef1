"""The network and the diagnosis tab."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from clicks import click
from lspace.gis.recent_log import RecentLog
from lspace.gis.settings import Settings
from lspace.ui.options.diagnosis_page import DiagnosisPage
from lspace.ui.options.network_page import NetworkPage
from planted import WORKER_PYTHON
from qgis.core import Qgis, QgsMessageLog
from qgis.PyQt.QtGui import QGuiApplication


def test_what_the_network_tab_shows_is_what_it_writes(qtbot):
    page = NetworkPage()
    qtbot.addWidget(page)
    chosen = Settings(
        offline=True, endpoint="https://mirror", model_cache="/models", package_index="https://packages"
    )
    page.show_settings(chosen)
    assert page.written_into(Settings()) == chosen


@pytest.fixture
def diagnosis(qtbot):
    Settings(interpreter=WORKER_PYTHON).save()
    page = DiagnosisPage(RecentLog())
    qtbot.addWidget(page)
    page.show()
    yield page
    page.shut_down()
    Settings().save()


def test_one_click_makes_the_text_and_copies_it_and_another_one_what_was_left_of_it(qtbot, diagnosis):
    QgsMessageLog.logMessage("token=hf_AbCdEfGhIjKl sent", "LSpace", Qgis.MessageLevel.Info, False)
    assert not diagnosis.copy_button.isEnabled()
    click(diagnosis.make_button)
    qtbot.waitUntil(diagnosis.make_button.isEnabled, timeout=120_000)
    text = diagnosis.text.toPlainText()
    assert "torch 2." in text
    assert "token=<secret> sent" in text
    assert QGuiApplication.clipboard().text() == text
    assert "Copied" in diagnosis.told.text()
    diagnosis.text.setPlainText(text.replace("torch", "t"))
    click(diagnosis.copy_button)
    assert QGuiApplication.clipboard().text() == text.replace("torch", "t")


def test_looking_can_be_cancelled(qtbot, diagnosis):
    click(diagnosis.make_button)
    assert diagnosis.bar.isVisible()
    click(diagnosis.cancel_button)
    assert not diagnosis.bar.isVisible()
    qtbot.wait(100)
    assert diagnosis.text.toPlainText() == ""
