"""An empty map offers the demo scene; a layer takes the offer away."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from clicks import click
from lspace.gis.demo_scene import demo_layer, first_view
from lspace.gis.settings import Settings
from lspace.ui.first_steps import FirstSteps
from planted import WORKER_PYTHON
from qgis.core import QgsProject


@pytest.fixture
def steps(qtbot):
    QgsProject.instance().clear()
    steps = FirstSteps()
    qtbot.addWidget(steps)
    yield steps
    QgsProject.instance().clear()


def test_the_offer_comes_and_goes_with_the_layers(steps):
    assert not steps.isHidden()
    layer = demo_layer("Harbour")
    QgsProject.instance().addMapLayer(layer)
    assert steps.isHidden()
    QgsProject.instance().removeMapLayer(layer)
    assert not steps.isHidden()


def test_a_click_asks_for_the_scene(qtbot, steps):
    steps.show()
    with qtbot.waitSignal(steps.demo_requested):
        click(steps.demo_button)


def test_after_the_scene_it_says_what_comes_next_until_a_question_is_asked(steps):
    steps.show()
    steps.set_ready(True)
    click(steps.demo_button)
    QgsProject.instance().addMapLayer(demo_layer("Harbour"))
    assert "click Run" in steps.label.text()
    assert steps.demo_button.isHidden()
    steps.end()
    assert steps.isHidden()


def test_while_the_model_is_not_set_up_the_dock_says_that_alone(steps):
    steps.set_ready(False)
    steps.show()
    click(steps.demo_button)
    QgsProject.instance().addMapLayer(demo_layer("Harbour"))
    assert steps.isHidden()
    steps.set_ready(True)
    assert not steps.isHidden()


def test_without_a_python_the_dock_offers_to_set_it_up_and_changes_by_itself(make_window):
    window = make_window()
    Settings().save()
    window.controller.refresh_state()
    dock = window.dock
    assert "LSpace can prepare one" in dock.state_label.text()
    click(dock.advice_button)
    assert window.options_opened == [True]
    Settings(interpreter=WORKER_PYTHON).save()
    window.controller.refresh_state()
    assert dock.advice_button.isHidden()
    assert "loads on the first run" in dock.state_label.text()


def test_the_first_view_lies_inside_of_the_scene():
    layer = demo_layer("Harbour")
    assert layer.name() == "Harbour"
    assert layer.extent().contains(first_view(layer.extent()))


def test_the_dock_passes_the_click_on(make_window):
    window = make_window()
    QgsProject.instance().clear()
    click(window.dock.first_steps.demo_button)
    assert window.demos_shown == [True]
