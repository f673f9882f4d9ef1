# SPDX-License-Identifier: GPL-2.0-or-later
"""Small parts that every panel of the dock is made of: narrow, wrapped, without margins."""

from __future__ import annotations

from qgis.gui import QgsCollapsibleGroupBoxBasic
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from .words import tr


def quiet_label(text: str = "") -> QLabel:
    """A line of words that wraps and can be copied."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def narrow_combo() -> QComboBox:
    """A combo box that lets the dock be narrower than its longest entry."""
    combo = QComboBox()
    make_narrow(combo)
    return combo


def make_narrow(combo: QComboBox) -> None:
    """Lets the dock be narrower than the longest entry."""
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(8)


def form(part: QWidget) -> QFormLayout:
    """Lays the part out as a form of labelled rows."""
    rows = QFormLayout(part)
    rows.setContentsMargins(0, 0, 0, 0)
    return rows


def column(*widgets: QWidget) -> QWidget:
    """One below the other."""
    part = QWidget()
    fill_column(part, *widgets)
    return part


def fill_column(part: QWidget, *widgets: QWidget) -> QVBoxLayout:
    """Lays the widgets out inside the part, one below the other."""
    layout = QVBoxLayout(part)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    return layout


def row(first: QWidget, *others: QWidget) -> QWidget:
    """Side by side; the first takes the room that is left."""
    part = QWidget()
    layout = QHBoxLayout(part)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(first, 1)
    for widget in others:
        layout.addWidget(widget)
    return part


def scrolled(content: QWidget) -> QScrollArea:
    """Scrolls up and down only: never narrower than its content."""
    scroll = QScrollArea()
    scroll.setWidget(content)
    scroll.setFrameShape(QScrollArea.Shape.NoFrame)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # it follows the field that has the focus
    scroll.setWidgetResizable(True)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setMinimumWidth(content.minimumSizeHint().width() + scroll.verticalScrollBar().sizeHint().width())
    return scroll


def fold(group: QgsCollapsibleGroupBoxBasic) -> None:
    """Folds a group away; the keyboard comes to its button, not to the group as well."""
    group.setCollapsed(True)
    group.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    button = group.findChild(QToolButton)
    button.setAccessibleName(group.title())
    button.setToolTip(tr("Show or hide this part (Space)"))
