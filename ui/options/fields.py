# SPDX-License-Identifier: GPL-2.0-or-later
"""The fields that the pages are made of, each with a name for who cannot see its label."""

from __future__ import annotations

from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QAbstractButton,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)


class FieldGrid(QGridLayout):
    """Labels, fields beside them, and parts as wide as both; hidden rows take no room."""

    def add_field(self, title: str, field: QWidget, inner: QWidget | None = None) -> QLabel:
        """One row; the label stands for ``inner`` where the field has several parts."""
        label = QLabel(title)
        if inner is None:
            inner = field.lineEdit() if isinstance(field, QgsFileWidget) else field
        inner.setAccessibleName(title)
        label.setBuddy(inner)
        row = self.rowCount()
        self.addWidget(label, row, 0)
        self.addWidget(field, row, 1)
        return label

    def add_wide(self, part: QWidget) -> None:
        """One row."""
        self.addWidget(part, self.rowCount(), 0, 1, 2)


def page_grid(page: QWidget) -> FieldGrid:
    """Lays a page out as labelled rows from the top."""
    column, grid = QVBoxLayout(page), FieldGrid()
    grid.setColumnStretch(1, 1)
    column.addLayout(grid)
    column.addStretch(1)
    return grid


def page_column(page: QWidget, *parts: QWidget) -> QVBoxLayout:
    """Lays the parts out one below the other."""
    layout = QVBoxLayout(page)
    for part in parts:
        layout.addWidget(part)
    return layout


def button_row(*buttons: QAbstractButton) -> QWidget:
    """Side by side from the left, none wider than its words."""
    part = QWidget()
    layout = QHBoxLayout(part)
    layout.setContentsMargins(0, 0, 0, 0)
    for button in buttons:
        layout.addWidget(button)
    layout.addStretch(1)
    return part


def folder_field(title: str, placeholder: str = "") -> QgsFileWidget:
    """A folder, typed or chosen; ``title`` stands above the dialog and says what it is for."""
    return _path_field(title, placeholder, QgsFileWidget.StorageMode.GetDirectory)


def program_field(title: str, placeholder: str = "") -> QgsFileWidget:
    """A program, typed or chosen."""
    return _path_field(title, placeholder, QgsFileWidget.StorageMode.GetFile)


def _path_field(title: str, placeholder: str, mode: QgsFileWidget.StorageMode) -> QgsFileWidget:
    field = QgsFileWidget()
    field.setStorageMode(mode)
    field.setDialogTitle(title)
    field.setToolTip(title)
    field.lineEdit().setToolTip(title)
    field.lineEdit().setAccessibleName(title)
    field.lineEdit().setPlaceholderText(placeholder)
    for button in field.findChildren(QToolButton, options=Qt.FindChildOption.FindDirectChildrenOnly):
        button.setToolTip(title)
        button.setAccessibleName(title)
    return field
