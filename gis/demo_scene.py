# SPDX-License-Identifier: GPL-2.0-or-later
"""The harbour that comes with the plugin, to try it on before there is imagery of one's own."""

from __future__ import annotations

from qgis.core import QgsRasterLayer, QgsRectangle

from ..model_backend.contract import RESOURCES
from .errors import SourceUnreadable

SCENE = RESOURCES / "demo" / "honolulu.tif"
VIEW_M = 1900, 1400
"""Sides of the part that is shown at first, in map units: about the scale that the small model knows."""
EAST, SOUTH = 0.57, 0.42
"""Its middle, as shares of the scene: ships, an island, a pier."""


def demo_layer(title: str) -> QgsRasterLayer:
    """The scene as a layer that is in no project yet.

    Raises:
        SourceUnreadable: the file is gone or broken.
    """
    layer = QgsRasterLayer(str(SCENE), title)
    if not layer.isValid():
        raise SourceUnreadable("the demo scene cannot be read", path=str(SCENE))
    return layer


def first_view(scene: QgsRectangle) -> QgsRectangle:
    """The part to show at first, in the scene's CRS."""
    middle = scene.center()
    middle.setX(scene.xMinimum() + EAST * scene.width())
    middle.setY(scene.yMaximum() - SOUTH * scene.height())
    return QgsRectangle.fromCenterAndSize(middle, *VIEW_M)
