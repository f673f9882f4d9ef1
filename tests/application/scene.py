"""The demo scene in the project, and the dock open."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProject, QgsRasterLayer
from qgis.utils import iface

ROOT = Path(__file__).resolve().parents[2]


def open_scene():
    """Loads the harbour, zooms to it and opens the dock; returns the layer."""
    layer = QgsRasterLayer(str(ROOT / "resources" / "demo" / "honolulu.tif"), "Honolulu, Sentinel-2")
    assert layer.isValid()
    QgsProject.instance().setCrs(layer.crs())
    QgsProject.instance().addMapLayer(layer)
    iface.mapCanvas().setExtent(layer.extent())
    action = iface.mainWindow().findChild(object, "LSpaceAction")
    if not action.isChecked():
        action.trigger()
    return layer
