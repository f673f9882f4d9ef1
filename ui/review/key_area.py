# SPDX-License-Identifier: GPL-2.0-or-later
"""A part of the dock in which single keys do something."""

from __future__ import annotations

from collections.abc import Callable

from qgis.PyQt.QtCore import QEvent, Qt
from qgis.PyQt.QtGui import QKeyEvent, QKeySequence
from qgis.PyQt.QtWidgets import QWidget


class KeyArea(QWidget):
    """Works while the focus is inside, and leaves the keys to a field that text is typed into.

    No ``QShortcut``: QGIS has Ctrl+Z and single keys of its own, and of two shortcuts Qt obeys neither.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions: dict[int, Callable[[], None]] = {}
        self._undo: Callable[[], None] | None = None
        self._redo: Callable[[], None] | None = None

    def add_key(self, key: Qt.Key, action: Callable[[], None]) -> None:
        """Has the key, without Ctrl or Alt, do this."""
        self._actions[int(key)] = action

    def set_undo(self, undo: Callable[[], None], redo: Callable[[], None]) -> None:
        """Has the usual keys do these two: Ctrl+Z, and Ctrl+Shift+Z or Ctrl+Y."""
        self._undo, self._redo = undo, redo

    def event(self, event: QEvent) -> bool:
        """Claims its keys before QGIS's own shortcuts get them."""
        if event.type() == QEvent.Type.ShortcutOverride and self._action_of(event) is not None:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Gets what the widget with the focus has no use for."""
        action = self._action_of(event)
        if action is None:
            super().keyPressEvent(event)
        elif not event.isAutoRepeat():  # a key held too long is one decision, not ten
            action()

    def _action_of(self, event: QKeyEvent) -> Callable[[], None] | None:
        if event.matches(QKeySequence.StandardKey.Undo):
            return self._undo
        with_control = event.modifiers() == Qt.KeyboardModifier.ControlModifier
        if event.matches(QKeySequence.StandardKey.Redo) or (with_control and event.key() == Qt.Key.Key_Y):
            return self._redo
        if with_control or event.modifiers() & Qt.KeyboardModifier.AltModifier:
            return None
        return self._actions.get(event.key())
