# SPDX-License-Identifier: GPL-2.0-or-later
"""The Tab key goes through the fields of a part as they are laid out, also those that were made later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qgis.gui import QgsCollapsibleGroupBoxBasic
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QGridLayout,
    QLayout,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QToolButton,
    QWidget,
)


def order_fields(part: QWidget) -> None:
    """From the top, in a row from the left; hidden fields have their place for when they are shown."""
    fields = list(_fields_of(part))
    for first, second in zip(fields, fields[1:]):
        QWidget.setTabOrder(first, second)


def _fields_of(part: QWidget) -> Iterator[QWidget]:
    if part.focusPolicy() & Qt.FocusPolicy.TabFocus:
        yield part
    for child in _children_of(part):
        yield from _fields_of(child)


def _children_of(part: QWidget) -> Iterable[QWidget]:
    if isinstance(part, QScrollArea):
        return [part.widget()]
    if isinstance(part, QSplitter):
        return [part.widget(index) for index in range(part.count())]
    if isinstance(part, QTabWidget):
        return [part.widget(index) for index in range(part.count())]  # its bar follows it anyway
    inside = [] if part.layout() is None else list(_widgets_of(part.layout()))
    if isinstance(part, QgsCollapsibleGroupBoxBasic):
        return [part.findChild(QToolButton), *inside]  # the one that folds it is in no layout
    return inside


def _widgets_of(layout: QLayout) -> Iterator[QWidget]:
    places = range(layout.count())
    if isinstance(layout, QGridLayout):
        places = sorted(places, key=layout.getItemPosition)
    for place in places:
        item = layout.itemAt(place)
        if item.layout() is not None:
            yield from _widgets_of(item.layout())
        elif item.widget() is not None:
            yield item.widget()
