"""The options page shows the settings and saves what it shows."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.settings import Settings
from lspace.ui.options_page import OptionsPage
from qgis.core import QgsSettings


def test_what_the_page_shows_is_what_it_saves(qtbot):
    settings = Settings(
        "/opt/python", "NuTonic/lspace", "cpu", "float32", 3, True, "https://mirror", "/models"
    )
    settings.save()
    told = []
    page = OptionsPage(lambda: told.append(Settings.load()))
    qtbot.addWidget(page)
    Settings().save()
    page.apply()
    assert told == [settings]
    Settings().save()


def test_an_empty_model_field_says_which_model_is_used(qtbot):
    page = OptionsPage(lambda: None)
    qtbot.addWidget(page)
    assert page.model.lineEdit().text() == ""
    assert "lspace-mini" in page.model.lineEdit().placeholderText()
    assert "demonstration" in page.model.lineEdit().placeholderText()


def test_a_stored_value_of_the_wrong_type_counts_as_not_set(qgis_app):
    QgsSettings().setValue("lspace/threads", "many")
    assert Settings.load().threads == 0
    Settings().save()


def test_automatic_threads_and_empty_fields_leave_the_choice_to_the_worker(qgis_app):
    choice = Settings(model="m").model_choice()
    assert (choice.threads, choice.endpoint, choice.cache_dir, choice.device) == (None, None, None, "auto")
