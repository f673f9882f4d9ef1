# SPDX-License-Identifier: GPL-2.0-or-later
"""One edit of a layer that a tool made, and how it is taken back without touching the user's own edits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qgis.core import QgsVectorLayer
from qgis.PyQt import sip

from ..errors import LayerError, MapToolError

EditOnce = Callable[[], None]


class OneEdit:
    """Makes an edit in the layer's own buffer and knows the way back; nothing is ever committed."""

    def __init__(self, layer: QgsVectorLayer, edit: EditOnce, is_as_made: Callable[[], bool]) -> None:
        """``edit`` makes its own edit command; ``is_as_made`` tells whether nobody changed what it made.

        Raises:
            MapToolError: the layer takes no edits; it is as it was.
        """
        self._layer = layer
        self._is_as_made = is_as_made
        self._was_editable = layer.isEditable()
        self._before = layer.undoStack().index()
        try:
            edit()
        except LayerError as error:
            self._stop_editing()
            raise MapToolError(f"the layer takes no such edit: {error.args[0]}") from error
        self._after = layer.undoStack().index()

    def undo(self, otherwise: EditOnce) -> bool:
        """By the layer's undo stack where this edit is the last; else by ``otherwise``, a new edit."""
        layer = self._layer
        if sip.isdeleted(layer) or layer.isEditCommandActive() or not self._is_as_made():
            return False
        stack = layer.undoStack()
        if layer.isEditable() and stack.index() == self._after and self._after > self._before:
            stack.setIndex(self._before)
        else:
            was_editable = layer.isEditable()
            try:
                otherwise()
            except LayerError:
                return False
            self._was_editable = was_editable
        self._stop_editing()
        layer.triggerRepaint()
        return True

    def _stop_editing(self) -> None:
        """Leaves editing as it was, unless there is something to save."""
        layer = self._layer
        if not self._was_editable and layer.isEditable() and not layer.isModified():
            layer.rollBack()


def still_holds(layer: QgsVectorLayer, fid: int, values: Mapping[str, Any]) -> bool:
    """Whether a feature is there and its fields hold these values."""
    feature = layer.getFeature(fid)
    names = layer.fields().names()
    return feature.isValid() and all(name in names and feature[name] == values[name] for name in values)
