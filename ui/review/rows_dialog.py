# SPDX-License-Identifier: GPL-2.0-or-later
"""Training rows of reviewed proposals: what there is to write, where to, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qgis.core import QgsSettings, QgsVectorLayer
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QFileDialog, QVBoxLayout, QWidget

from ...gis.errors import ChipError, PluginError, SaveCancelled
from ...gis.saving.training_rows import PictureOf, RowBatch, RowCounts, WrittenRows, collect_rows
from ...gis.task import BackgroundTask
from ...model_backend.contract import Contract
from ..parts import quiet_label
from ..words import sentence_for, tr

_LAST_FOLDER = "lspace/last_rows_folder"
_WIDTH_CHARACTERS = 56


class RowsDialog(QObject):
    """Shows what can be written and asks for a folder; the writing goes on when the dialog is gone."""

    told = pyqtSignal(str)
    """What is being done and what became of it, a sentence each."""
    writing_changed = pyqtSignal()
    """``is_writing`` is another."""

    def __init__(
        self, layers: Sequence[QgsVectorLayer], contract: Contract, picture_of: PictureOf, parent: QWidget
    ) -> None:
        """``layers`` hold proposals; ``picture_of`` finds the pixels of a chip."""
        super().__init__(parent)
        self._layers = tuple(layers)
        self._contract = contract
        self._picture_of = picture_of
        self._task: BackgroundTask | None = None
        self._dialog = _RowsForm(parent)
        self._dialog.empty_box.toggled.connect(self._refresh)
        self._dialog.choose_button.clicked.connect(self._choose)

    def open(self) -> None:
        """Shows the dialog and returns at once."""
        self._refresh()
        self._dialog.show()

    @property
    def is_writing(self) -> bool:
        """Whether rows are being written."""
        return self._task is not None

    def give_up(self) -> None:
        """Stops writing, as long as the rows are not in their place."""
        if self._task is not None:
            self._task.give_up()

    def _refresh(self) -> None:
        batch = self._collect()
        if batch is not None:
            self._dialog.show_counts("\n".join(counts_sentences(batch.counts)), bool(batch.entries))

    def _collect(self) -> RowBatch | None:
        layers = [layer for layer in self._layers if not sip.isdeleted(layer)]
        empty = self._dialog.empty_box.isChecked()
        try:
            return collect_rows(layers, self._contract, self._picture_of, empty=empty)
        except ChipError as error:
            self._dialog.show_counts(sentence_for(error), False)
            return None

    def _choose(self) -> None:
        chooser = QFileDialog(self._dialog, tr("Folder for training rows"))
        chooser.setObjectName("LSpaceRowsFolder")
        chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chooser.setFileMode(QFileDialog.FileMode.Directory)
        chooser.setOption(QFileDialog.Option.ShowDirsOnly)
        chooser.setDirectory(QgsSettings().value(_LAST_FOLDER, "", type=str))
        chooser.fileSelected.connect(self._write)
        chooser.open()

    def _write(self, folder: str) -> None:
        QgsSettings().setValue(_LAST_FOLDER, folder)
        batch = self._collect()  # the review may have gone on meanwhile
        if batch is None:
            return
        if not batch.entries:
            self.told.emit(" ".join(counts_sentences(batch.counts)))
            return
        self._dialog.close()
        self.told.emit(tr("Writing training rows to {folder} ...").format(folder=folder))
        self._task = BackgroundTask(
            tr("LSpace: write training rows"), lambda gives_up: batch.write(Path(folder), gives_up)
        )
        self._task.succeeded.connect(self._on_written)
        self._task.failed.connect(self._on_failed)
        self._task.cancelled.connect(self._on_cancelled)
        self._task.start()
        self.writing_changed.emit()

    def _end(self) -> None:
        self._task = None
        self.writing_changed.emit()

    def _on_written(self, written: WrittenRows) -> None:
        self._end()
        sentences = [
            tr("Training rows written to {path}.").format(path=written.path),
            *counts_sentences(written.counts),
        ]
        if written.replaced:
            sentences.append(tr("Older rows replaced: {count}.").format(count=written.replaced))
        self.told.emit(" ".join(sentences))

    def _on_failed(self, error: PluginError) -> None:
        self._end()
        self.told.emit(tr("No training rows written. {reason}").format(reason=sentence_for(error)))

    def _on_cancelled(self, written: WrittenRows | None) -> None:
        if written is None:
            self._on_failed(SaveCancelled())
        else:
            self._on_written(written)  # it was too late


class _RowsForm(QDialog):
    """What can be written, a choice, and the way to a folder."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("LSpaceRowsDialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Training rows"))
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * _WIDTH_CHARACTERS)
        self.setWhatsThis(
            tr(
                "Writes one row for each question about each place: its pictures, the prompt in the trained "
                "wording, and the accepted boxes as the answer. Rejected boxes are kept beside it."
            )
        )
        self._counts_label = quiet_label()
        self._counts_label.setObjectName("LSpaceRowsCounts")
        self.empty_box = QCheckBox(tr("Also questions whose right answer is &none"))
        self.empty_box.setObjectName("LSpaceRowsEmpty")
        self.empty_box.setToolTip(
            tr(
                "Questions of which every proposal was rejected become rows with the answer []. lspace was "
                "never shown such a row, so it is a change of what it was trained on."
            )
        )
        self._lay_out()

    def _lay_out(self) -> None:
        intro = quiet_label(
            tr(
                "Reviewed proposals become questions and answers to train on: accepted boxes are the answer, "
                "rejected ones are kept beside it."
            )
        )
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.choose_button = buttons.addButton(
            tr("&Choose folder ..."), QDialogButtonBox.ButtonRole.ActionRole
        )
        self.choose_button.setObjectName("LSpaceRowsChoose")
        self.choose_button.setToolTip(
            tr("Writes rows.jsonl and a folder of pictures there; rows of an earlier time stay (Alt+C).")
        )
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (intro, self._counts_label, self.empty_box, buttons):
            layout.addWidget(widget)

    def show_counts(self, words: str, can_write: bool) -> None:
        """Says what there is, and lets a folder be chosen if it is something."""
        self._counts_label.setText(words)
        self.choose_button.setEnabled(can_write)
        self.choose_button.setDefault(can_write)
        self.adjustSize()


def counts_sentences(counts: RowCounts) -> list[str]:
    """What becomes rows, then what is left out."""
    sentences = [
        tr("Rows: {rows}. Accepted boxes in them: {boxes}.").format(rows=counts.rows, boxes=counts.boxes)
        if counts.rows
        else tr("There is no row to write yet.")
    ]
    for count, words in (
        (counts.pending, tr("Questions with proposals still to review: {count}.")),
        (counts.empty, tr("Questions without an accepted box, left out: {count}.")),
        (counts.without_picture, tr("Questions whose pictures are gone; ask them again: {count}.")),
        (counts.outside, tr("Accepted boxes outside of their picture, left out: {count}.")),
        (counts.unwritten, tr("Accepted boxes that no answer has room for, kept beside it: {count}.")),
        (counts.strange, tr("Features that belong to no question of this model: {count}.")),
    ):
        if count:
            sentences.append(words.format(count=count))
    return sentences
