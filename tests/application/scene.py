"""The demo scene in the project, and the dock open."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProject, QgsRasterLayer, QgsRectangle
from qgis.utils import iface

ROOT = Path(__file__).resolve().parents[2]
VIEW_M = 1900, 1400
"""Sides of the part that is shown at first, in map units: ships, an island, a pier."""
EAST, SOUTH = 0.57, 0.42
"""Its middle, as shares of the scene."""


def open_scene():
    """Loads the harbour, zooms to its middle and opens the dock; returns the layer."""
    layer = QgsRasterLayer(str(ROOT / "resources" / "demo" / "honolulu.tif"), "Honolulu, Sentinel-2")
    assert layer.isValid()
    iface.layerTreeCanvasBridge().setAutoSetupOnFirstLayer(False)  # it would zoom to the whole scene, later
    QgsProject.instance().setCrs(layer.crs())
    QgsProject.instance().addMapLayer(layer)
    iface.mapCanvas().setExtent(first_view(layer.extent()))
    action = iface.mainWindow().findChild(object, "LSpaceAction")
    if not action.isChecked():
        action.trigger()
    return layer


def first_view(scene):
    """A part of the scene at about the scale that the small model was trained on."""
    middle = scene.center()
    middle.setX(scene.xMinimum() + EAST * scene.width())
    middle.setY(scene.yMaximum() - SOUTH * scene.height())
    return QgsRectangle.fromCenterAndSize(middle, *VIEW_M)
