# SPDX-License-Identifier: GPL-2.0-or-later
"""What the map shows at one moment, kept for a later question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from qgis.core import QgsMapLayer, QgsMapLayerStyle, QgsMapSettings, QgsRasterLayer
from qgis.PyQt.QtCore import QCoreApplication

from ..layers import is_result_layer
from .image_date import date_of_view


@dataclass(frozen=True)
class Capture:
    """Layers, their styles, the moment in time and the scale: the map may change, this does not.

    The layers' data are not copied: a layer that is removed is missing here too.
    """

    capture_id: str
    title: str
    view: QgsMapSettings
    layer_names: Mapping[str, str]
    """By the layers' ids, as they were."""

    @classmethod
    def of_view(cls, view: QgsMapSettings) -> Capture:
        """For the GUI thread."""
        layers = [layer for layer in view.layers() if not is_result_layer(layer)]
        settings = QgsMapSettings(view)
        settings.setLayers(layers)
        shown = view.layerStyleOverrides()
        settings.setLayerStyleOverrides(
            {layer.id(): shown.get(layer.id()) or _style_of(layer) for layer in layers}
        )
        names = {layer.id(): layer.name() for layer in layers}
        return cls(uuid4().hex, _title_of(settings), settings, names)

    def missing_layers(self) -> list[str]:
        """Names of the layers that were removed since."""
        there = {layer.id() for layer in self.view.layers()}
        return [name for layer_id, name in self.layer_names.items() if layer_id not in there]


def _style_of(layer: QgsMapLayer) -> str:
    style = QgsMapLayerStyle()
    style.readFromLayer(layer)
    return style.xmlData()


def _title_of(view: QgsMapSettings) -> str:
    """When it was taken, and what it shows in a word."""
    pictures = [layer for layer in view.layers() if isinstance(layer, QgsRasterLayer)]
    names = [layer.name() for layer in pictures or view.layers()]
    what = date_of_view(view) or (names[0] if names else "")
    words = QCoreApplication.translate("LSpace", "Captured {time} {what}")
    return words.format(time=datetime.now().strftime("%H:%M:%S"), what=what).strip()
