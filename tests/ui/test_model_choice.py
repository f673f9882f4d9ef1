"""The model is chosen in the dock; what the chosen one cannot do is there, with the reason."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from dataclasses import replace

from lspace.gis.settings import Settings
from lspace.model_backend.contract import EMBEDDED_MODEL, load_contracts
from lspace.ui.ability_words import ability_words, no_boxes_words, no_tools_words, one_image_words
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

N2_EYE, LSPACE, MINI = (load_contracts()[name] for name in ("n2-eye", "lspace", "lspace-mini"))


def choices(window):
    combo = window.dock.task_panel.model_combo
    return [combo.itemText(place) for place in range(combo.count())]


def settle(window, **values):
    """What the options do."""
    replace(Settings.load(), **values).save()
    window.controller.refresh_state()


def choose_by_keys(window, title):
    """As with the list closed: each key chooses the next one."""
    combo = window.dock.task_panel.model_combo
    combo.setFocus()
    steps = choices(window).index(title) - combo.currentIndex()
    for _ in range(abs(steps)):
        QTest.keyClick(combo, Qt.Key.Key_Down if steps > 0 else Qt.Key.Key_Up)


def test_models_that_are_here_are_offered_beside_the_chosen_one(qtbot, make_window):
    window = make_window()
    qtbot.waitUntil(lambda: choices(window) == ["lspace-mini", "NuTonic/lspace"], timeout=20_000)
    assert window.dock.task_panel.model_combo.currentText() == "NuTonic/lspace"


def test_the_chosen_model_is_in_the_settings_and_what_it_can_be_asked_is_offered(qtbot, make_window):
    window = make_window()
    qtbot.waitUntil(lambda: "lspace-mini" in choices(window), timeout=20_000)
    choose_by_keys(window, "lspace-mini")
    assert Settings.load().is_embedded_model
    assert window.dock.task_panel.contract is MINI
    assert not window.dock.conversation_panel.question_edit.isEnabled()
    qtbot.waitUntil(lambda: window.runner.worker_process_id is not None, timeout=20_000)  # loaded ahead


def test_a_choice_in_the_options_is_followed(qtbot, make_window):
    window = make_window()
    settle(window, model="")
    assert window.dock.task_panel.model_combo.currentText() == "lspace-mini"


def test_the_same_model_chosen_by_its_folder_is_no_second_one(qtbot, make_window):
    window = make_window()
    settle(window, model=str(EMBEDDED_MODEL))
    qtbot.waitUntil(lambda: choices(window) == ["lspace-mini"], timeout=20_000)


def test_a_folder_without_a_model_is_there_with_the_reason(qtbot, make_window, tmp_path):
    window = make_window()
    settle(window, model_folders=str(tmp_path))
    qtbot.waitUntil(lambda: tmp_path.name in choices(window), timeout=20_000)
    combo = window.dock.task_panel.model_combo
    place = choices(window).index(tmp_path.name)
    assert not combo.model().item(place).isEnabled()
    assert len(combo.itemData(place, Qt.ItemDataRole.ToolTipRole)) > 20


def test_a_server_is_offered_where_one_is_set_up_and_asked_only_if_it_is_chosen(qtbot, make_window):
    window = make_window()
    settle(window, remote_address="https://gpu.example.org")
    server = "Server: https://gpu.example.org"
    qtbot.waitUntil(lambda: server in choices(window), timeout=20_000)
    assert not Settings.load().remote
    choose_by_keys(window, server)
    assert Settings.load().remote
    assert "leave this computer" in window.dock.state_label.text()
    assert "leave this computer" in window.dock.task_panel.model_combo.toolTip()
    choose_by_keys(window, "NuTonic/lspace")
    assert not Settings.load().remote


def test_tasks_of_boxes_are_there_for_a_model_that_draws_none_and_cannot_be_chosen(make_window):
    window = make_window()
    settle(window, model=N2_EYE.hub_id)
    combo = window.dock.task_panel.task_combo
    disabled = [place for place in range(combo.count()) if not combo.model().item(place).isEnabled()]
    titles = [combo.itemText(place) for place in disabled]
    assert "Vessel candidates" in titles
    assert {combo.itemData(place, Qt.ItemDataRole.ToolTipRole) for place in disabled} == {
        "GoofyLM/N2-Eye was not trained to draw boxes: choose NuTonic/lspace or lspace-mini."
    }
    combo.setFocus()
    for _ in range(combo.count()):
        QTest.keyClick(combo, Qt.Key.Key_Down)
    assert combo.currentIndex() not in disabled


def test_a_second_image_is_there_for_a_model_of_one_and_cannot_be_added(make_window):
    window = make_window()
    settle(window, model=N2_EYE.hub_id)
    images = window.dock.images_panel
    assert images.count_row.isVisible()
    assert not images.add_button.isEnabled()
    assert "one image alone" in images.add_button.toolTip()
    settle(window, model="")
    assert not images.count_row.isVisible()


@pytest.mark.parametrize("contract", [LSPACE, MINI], ids=["lspace", "mini"])
def test_tools_are_there_for_a_model_without_and_cannot_be_switched_on(make_window, contract):
    window = make_window()
    settle(window, model=contract.hub_id)
    box = window.dock.conversation_panel.question_row.tools_box
    assert box.isVisible()
    assert not box.isEnabled()
    assert box.toolTip() == f"{contract.title} was not trained to use tools: choose GoofyLM/N2-Eye."
    assert not window.dock.conversation_panel.uses_tools


def test_tools_can_be_switched_off_where_the_model_has_them(make_window):
    window = make_window()
    settle(window, model=N2_EYE.hub_id)
    panel = window.dock.conversation_panel
    assert panel.uses_tools
    panel.question_row.tools_box.click()
    assert not panel.uses_tools


def test_what_a_model_can_do_has_no_reason_why_not():
    assert [no_boxes_words(LSPACE), no_tools_words(N2_EYE), one_image_words(LSPACE)] == ["", "", ""]
    assert one_image_words(MINI) == ""  # it holds no conversations
    assert ability_words(N2_EYE) == "Draws no boxes. Talks, and uses tools over the map."
    assert ability_words(LSPACE) == "Draws boxes. Talks, without tools."
