# SPDX-License-Identifier: GPL-2.0-or-later
"""The fields that the pages are made of, each with a name for who cannot see its label."""

from __future__ import annotations

from qgis.gui import QgsFileWidget
from qgis.PyQt.QtWidgets import QAbstractButton, QFormLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget


def page_form(page: QWidget) -> QFormLayout:
    """Lays a page out as labelled rows that wrap where it is narrow."""
    form = QFormLayout(page)
    form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    return form


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


def add_row(form: QFormLayout, title: str, field: QWidget, inner: QWidget | None = None) -> QLabel:
    """A field below the others; its label stands for ``inner`` where the field has several parts."""
    label = QLabel(title)
    if inner is None:
        inner = field.lineEdit() if isinstance(field, QgsFileWidget) else field
    inner.setAccessibleName(title)
    label.setBuddy(inner)
    form.addRow(label, field)
    return label


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
    field.lineEdit().setPlaceholderText(placeholder)
    return field
