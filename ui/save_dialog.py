# SPDX-License-Identifier: GPL-2.0-or-later
"""Save as: where to, may this be replaced, and what became of it; blocks nothing."""

from __future__ import annotations

from qgis.core import QgsSettings, QgsVectorLayer
from qgis.PyQt.QtCore import QFileInfo, QObject, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QFileDialog, QMessageBox, QWidget

from ..gis.errors import ExportError, TargetExists
from ..gis.export import ExportFormat, SavedFiles, save_layer
from .words import sentence_for, tr

_LAST_FOLDER = "lspace/last_folder"


class SaveDialog(QObject):
    """Asks for a file and saves the layer there."""

    told = pyqtSignal(str)
    """What became of it, in a sentence."""

    def __init__(self, layer: QgsVectorLayer, export_format: ExportFormat, parent: QWidget) -> None:
        super().__init__(parent)
        self._layer = layer
        self._format = export_format
        self._dialog = QFileDialog(parent, tr("Save boxes as {format}").format(format=export_format.title))
        self._dialog.setObjectName("LSpaceSaveDialog")
        self._dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        self._dialog.setNameFilter(f"{export_format.title} (*{export_format.extension})")
        self._dialog.setDefaultSuffix(export_format.extension.lstrip("."))
        # the files beside the chosen one count too, so the question is asked below
        self._dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)
        self._dialog.setDirectory(QgsSettings().value(_LAST_FOLDER, "", type=str))
        self._dialog.fileSelected.connect(self._save)

    def open(self) -> None:
        """Shows the dialog and returns at once."""
        self._dialog.open()

    def _save(self, path: str, overwrite: bool = False) -> None:
        QgsSettings().setValue(_LAST_FOLDER, QFileInfo(path).absolutePath())
        try:
            saved = save_layer(self._layer, path, self._format, overwrite=overwrite)
        except TargetExists as error:
            self._ask(path, error)
        except ExportError as error:
            self.told.emit(tr("Not saved. {reason}").format(reason=sentence_for(error)))
        else:
            self.told.emit(_saved_words(saved))

    def _ask(self, path: str, error: TargetExists) -> None:
        question = QMessageBox(self.parent())
        question.setObjectName("LSpaceReplaceQuestion")
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        question.setText(tr("Replace what is there?"))
        question.setInformativeText("\n".join(error.values.get("files", [path])))
        question.setStandardButtons(QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No)
        question.setDefaultButton(QMessageBox.StandardButton.No)
        yes = question.button(QMessageBox.StandardButton.Yes)
        yes.clicked.connect(lambda: self._save(path, overwrite=True))
        question.open()


def _saved_words(saved: SavedFiles) -> str:
    sentences = [tr("Saved {count} boxes to {path}.").format(count=saved.feature_count, path=saved.path)]
    if saved.shortened:
        names = ", ".join(saved.shortened)
        words = tr("This format cuts long text; shortened: {names}. A GeoPackage keeps it whole.")
        sentences.append(words.format(names=names))
    if saved.renamed:
        names = ", ".join(f"{old} -> {new}" for old, new in saved.renamed.items())
        sentences.append(tr("Field names made short enough: {names}.").format(names=names))
    return " ".join(sentences)
