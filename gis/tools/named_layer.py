# SPDX-License-Identifier: GPL-2.0-or-later
"""Layers by the name that a model knows them by."""

from __future__ import annotations

from qgis.core import QgsMapLayer, QgsProject, QgsVectorLayer

from ...model_backend.errors import ToolRefused
from .plain_text import plain_text

_MOST_NAMED = 10


def layers_in_order() -> list[QgsMapLayer]:
    """The project's layers as the layer panel shows them, from the top; private ones are left out."""
    project = QgsProject.instance()
    ordered = project.layerTreeRoot().layerOrder()
    known = {layer.id() for layer in ordered}
    ordered += [layer for layer in project.mapLayers().values() if layer.id() not in known]
    return [layer for layer in ordered if not layer.flags() & QgsMapLayer.LayerFlag.Private]


def find_layer(asked: str) -> QgsMapLayer:
    """The one layer of that name or id, letter case aside.

    Raises:
        ToolRefused: there is none, or several, which are then named with their ids.
    """
    layers, wanted = layers_in_order(), _key(asked)
    found = [layer for layer in layers if asked == layer.id()]
    found = found or [layer for layer in layers if asked == layer.name()]
    found = found or [layer for layer in layers if wanted == _key(layer.name())]
    if len(found) == 1:
        return found[0]
    if not found:
        names = ", ".join(repr(plain_text(layer.name())) for layer in layers[:_MOST_NAMED]) or "none"
        raise ToolRefused(f"there is no layer {plain_text(asked)!r}; there are: {names}")
    ids = ", ".join(repr(layer.id()) for layer in found[:_MOST_NAMED])
    raise ToolRefused(f"{len(found)} layers are called {plain_text(asked)!r}; name one by its id: {ids}")


def find_vector_layer(asked: str) -> QgsVectorLayer:
    """As ``find_layer``, and ToolRefused also where it has no features, or cannot be read."""
    layer = find_layer(asked)
    if not isinstance(layer, QgsVectorLayer):
        raise ToolRefused(f"the layer {plain_text(layer.name())!r} has no features: it is no vector layer")
    if not layer.isValid():
        raise ToolRefused(f"the layer {plain_text(layer.name())!r} is broken and cannot be read")
    return layer


def _key(name: str) -> str:
    return plain_text(name).casefold()
