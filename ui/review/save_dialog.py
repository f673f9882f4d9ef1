# SPDX-License-Identifier: GPL-2.0-or-later
"""Save as: where to, may this be replaced, and what became of it; blocks nothing."""

from __future__ import annotations

from qgis.core import QgsVectorLayer
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtWidgets import QWidget

from ...gis.errors import ExportError, PluginError, SaveCancelled, TargetExists
from ...gis.layers import Status
from ...gis.saving.export import PreparedSave, SavedFiles, prepare_save
from ...gis.saving.export_format import ExportFormat
from ...gis.saving.layer_snapshot import check_any
from ...gis.task import BackgroundTask
from ..save_as import ask_to_replace, file_dialog
from ..words import sentence_for, tr


class SaveDialog(QObject):
    """Asks for a file and has the layer saved there; the saving goes on when the dialog is gone."""

    told = pyqtSignal(str)
    """What is being done and what became of it, a sentence each."""
    saving_changed = pyqtSignal()
    """``is_saving`` is another."""

    def __init__(
        self,
        layer: QgsVectorLayer,
        export_format: ExportFormat,
        parent: QWidget,
        status: Status | None = None,
    ) -> None:
        """``status`` takes only the proposals of that status."""
        super().__init__(parent)
        self._layer = layer
        self._format = export_format
        self._status = status
        self._task: BackgroundTask | None = None
        title = tr("Save all boxes as {format}")
        if status is Status.ACCEPTED:
            title = tr("Save accepted boxes as {format}")
        self._dialog = file_dialog(parent, title.format(format=export_format.title), export_format)
        self._dialog.setObjectName("LSpaceSaveDialog")
        self._dialog.fileSelected.connect(self._save)

    def open(self) -> None:
        """Shows the dialog and returns at once; asks for no file where there is nothing to save."""
        try:
            if not sip.isdeleted(self._layer):
                check_any(self._layer, self._status)
        except ExportError as error:
            self._dialog.deleteLater()
            self._on_failed(error)
        else:
            self._dialog.open()

    @property
    def is_saving(self) -> bool:
        """Whether a file is being written."""
        return self._task is not None

    def give_up(self) -> None:
        """Stops writing, as long as the file is not in its place."""
        if self._task is not None:
            self._task.give_up()

    def _save(self, path: str, overwrite: bool = False) -> None:
        if sip.isdeleted(self._layer):
            self.told.emit(tr("Not saved. The layer with the boxes is no longer in the project."))
            return
        try:
            self._start(
                prepare_save(self._layer, path, self._format, status=self._status, overwrite=overwrite)
            )
        except ExportError as error:
            self._on_failed(error)

    def _start(self, prepared: PreparedSave) -> None:
        path = prepared.target.path
        self.told.emit(tr("Saving {path} ...").format(path=path))
        self._task = BackgroundTask(tr("LSpace: save {name}").format(name=path.name), prepared.write)
        self._task.succeeded.connect(self._on_saved)
        self._task.failed.connect(self._on_failed)
        self._task.cancelled.connect(self._on_cancelled)
        self._task.start()
        self.saving_changed.emit()

    def _end(self) -> None:
        self._task = None
        self.saving_changed.emit()

    def _on_saved(self, saved: SavedFiles) -> None:
        self._end()
        self.told.emit(_saved_words(saved))

    def _on_failed(self, error: PluginError) -> None:
        self._end()
        self.told.emit(tr("Not saved. {reason}").format(reason=sentence_for(error)))
        if isinstance(error, TargetExists):
            path = error.values["path"]
            ask_to_replace(
                self.parent(), "LSpaceReplaceQuestion", error, lambda: self._save(path, overwrite=True)
            )

    def _on_cancelled(self, saved: SavedFiles | None) -> None:
        if saved is None:
            self._on_failed(SaveCancelled())
        else:
            self._on_saved(saved)  # it was too late


def _saved_words(saved: SavedFiles) -> str:
    words = (
        tr("Saved one box to {path}.") if saved.feature_count == 1 else tr("Saved {count} boxes to {path}.")
    )
    sentences = [words.format(count=saved.feature_count, path=saved.path)]
    if saved.shortened:
        names = ", ".join(saved.shortened)
        words = tr("This format cuts long text; shortened: {names}. A GeoPackage keeps it whole.")
        sentences.append(words.format(names=names))
    if saved.renamed:
        names = ", ".join(f"{old} -> {new}" for old, new in saved.renamed.items())
        sentences.append(tr("Field names made short enough: {names}.").format(names=names))
    return " ".join(sentences)
