# SPDX-License-Identifier: GPL-2.0-or-later
"""The questions of every saving: where to, and may what is there be replaced; neither blocks."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsSettings
from qgis.PyQt.QtCore import QFileInfo, Qt
from qgis.PyQt.QtWidgets import QFileDialog, QMessageBox, QWidget

from ..gis.errors import TargetExists
from ..gis.saving.export_format import FileFormat
from .words import tr

_LAST_FOLDER = "lspace/last_folder"


def file_dialog(parent: QWidget, title: str, file_format: FileFormat) -> QFileDialog:
    """Asks for a file of that format, in the folder of the last one; not open yet."""
    dialog = QFileDialog(parent, title)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setNameFilter(f"{file_format.title} (*{file_format.extension})")
    dialog.setDefaultSuffix(file_format.extension.lstrip("."))
    # the files beside the chosen one count too, and may be read-only or in use: see ``ask_to_replace``
    dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)
    dialog.setDirectory(QgsSettings().value(_LAST_FOLDER, "", type=str))
    dialog.fileSelected.connect(_keep_folder)
    return dialog


def ask_to_replace(parent: QWidget, name: str, error: TargetExists, replace: Callable[[], None]) -> None:
    """Names the files that would be replaced, and calls ``replace`` if they may be."""
    question = QMessageBox(parent)
    question.setObjectName(name)
    question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    question.setText(tr("Replace what is there?"))
    question.setInformativeText("\n".join(error.values["files"]))
    question.setStandardButtons(QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No)
    question.setDefaultButton(QMessageBox.StandardButton.No)
    question.button(QMessageBox.StandardButton.Yes).clicked.connect(lambda: replace())
    question.open()


def _keep_folder(path: str) -> None:
    QgsSettings().setValue(_LAST_FOLDER, QFileInfo(path).absolutePath())
