"""An empty map offers the demo scene; a layer takes the offer away."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from clicks import click
from lspace.gis.demo_scene import demo_layer, first_view
from lspace.ui.first_steps import FirstSteps
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


def test_the_first_view_lies_inside_of_the_scene():
    layer = demo_layer("Harbour")
    assert layer.name() == "Harbour"
    assert layer.extent().contains(first_view(layer.extent()))


def test_the_dock_passes_the_click_on(make_window):
    window = make_window()
    QgsProject.instance().clear()
    click(window.dock.first_steps.demo_button)
    assert window.demos_shown == [True]
