# SPDX-License-Identifier: GPL-2.0-or-later
"""Measured values written into a layer's edit buffer, all of them or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from qgis.core import NULL, QgsFeature, QgsFeatureRequest, QgsVectorLayer

from .errors import LayerError, ValuesRejected
from .layers import make_field


def write_values(
    layer: QgsVectorLayer,
    fields: Mapping[str, type],
    values: Mapping[int, Mapping[str, Any]],
    title: str,
) -> None:
    """Writes values by feature id and field name as one command that can be undone.

    A layer that lacks one of the fields gets it. None is written as NULL.

    Raises:
        ValuesRejected: the layer takes no edits; it is as it was.
    """
    was_editable = layer.isEditable()
    start_editing(layer)
    try:
        with one_edit_command(layer, title):
            _write(layer, _columns_of(layer, fields), values)
    except ValuesRejected:
        if not was_editable:
            layer.rollBack()
        raise


def start_editing(layer: QgsVectorLayer) -> None:
    """Opens the layer's edit buffer, if it is not open.

    Raises:
        ValuesRejected: the layer is read-only.
    """
    if not layer.isEditable() and not layer.startEditing():
        raise ValuesRejected("the layer is read-only", layer=layer.name())


@contextmanager
def one_edit_command(layer: QgsVectorLayer, title: str) -> Iterator[None]:
    """Edits that are undone together; none of them is made if one fails."""
    layer.beginEditCommand(title)
    try:
        yield
    except LayerError:
        layer.destroyEditCommand()
        raise
    layer.endEditCommand()


def _write(
    layer: QgsVectorLayer, columns: Mapping[str, int], values: Mapping[int, Mapping[str, Any]]
) -> None:
    request = QgsFeatureRequest().setFilterFids(list(values))
    request.setFlags(QgsFeatureRequest.Flag.NoGeometry)
    for feature in list(layer.getFeatures(request)):
        new = {columns[name]: value for name, value in values[feature.id()].items()}
        # QGIS would look each former value up, and once more to undo it: seconds for each thousand
        former = {column: _former(feature, column) for column in new}
        if not layer.changeAttributeValues(feature.id(), new, former):
            raise ValuesRejected("a value was refused", layer=layer.name(), feature_id=feature.id())


def _former(feature: QgsFeature, column: int) -> Any:
    return feature[column] if column < feature.fields().count() else NULL


def _columns_of(layer: QgsVectorLayer, fields: Mapping[str, type]) -> dict[str, int]:
    for name, kind in fields.items():
        if layer.fields().indexOf(name) < 0 and not layer.addAttribute(make_field(name, kind)):
            raise ValuesRejected("the layer takes no fields", layer=layer.name(), field=name)
    return {name: layer.fields().indexOf(name) for name in fields}
