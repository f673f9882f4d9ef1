# SPDX-License-Identifier: GPL-2.0-or-later
"""Puts the demo scene on the map of QGIS's main window."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsProject
from qgis.gui import QgisInterface

from ..gis.demo_scene import demo_layer, first_view
from ..gis.errors import PluginError
from .words import sentence_for, tr


def show_demo(iface: QgisInterface, tell: Callable[[str, bool], None]) -> None:
    """Adds the scene to the project and goes there; ``tell`` is told, as a warning, where that fails."""
    try:
        layer = demo_layer(tr("Honolulu, Sentinel-2"))
    except PluginError as error:
        tell(sentence_for(error), True)
        return
    QgsProject.instance().setCrs(layer.crs())
    if QgsProject.instance().addMapLayer(layer) is None:
        return
    iface.layerTreeCanvasBridge().setCanvasLayers()  # now, else it zooms to the whole scene later
    iface.mapCanvas().setExtent(first_view(layer.extent()))
    iface.mapCanvas().refresh()
