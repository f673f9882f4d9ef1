# SPDX-License-Identifier: GPL-2.0-or-later
"""Saves one report: where to, may a file be replaced, the map drawn, the file written; blocks nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qgis.core import QgsMapSettings, QgsProject
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QWidget

from ...gis.errors import ExportError, PluginError, SaveCancelled, TargetExists
from ...gis.reporting.map_figure import MapFigureJob, MapPicture
from ...gis.reporting.printed_map import map_png
from ...gis.reporting.report import Report
from ...gis.reporting.report_file import ReportFormat, prepare_report, save_page, save_pdf
from ...gis.reporting.report_html import page_of
from ...gis.saving.save_target import SaveTarget
from ...gis.task import BackgroundTask
from ..save_as import ask_to_replace, file_dialog
from ..words import sentence_for, tr
from .report_words import ReportParts, ReportPictures, document_of


class ReportSaver(QObject):
    """One report on its way into one file."""

    told = pyqtSignal(str)
    """What is being done and what became of it, a sentence each."""
    saving_changed = pyqtSignal(bool)
    """Whether there is something to wait for."""
    saved = pyqtSignal(str)
    """The path of a finished file."""

    def __init__(
        self,
        report: Report,
        parts: ReportParts,
        pictures: ReportPictures,
        view: QgsMapSettings,
        report_format: ReportFormat,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._report = report
        self._parts = parts
        self._pictures = pictures
        self._view = view
        self._format = report_format
        self._target: SaveTarget | None = None
        self._job: MapFigureJob | None = None
        self._task: BackgroundTask | None = None
        self.is_saving = False

    def open(self) -> None:
        """Shows the dialog and returns at once."""
        title = tr("Save report as {format}").format(format=self._format.title)
        dialog = file_dialog(self.parent(), title, self._format)
        dialog.setObjectName("LSpaceReportDialog")
        dialog.fileSelected.connect(self.save)
        dialog.open()

    def save(self, path: str, overwrite: bool = False) -> None:
        """Begins; the signals say how it goes on."""
        try:
            self._target = prepare_report(path, self._format, overwrite=overwrite)
        except ExportError as error:
            self._on_failed(error)
            return
        self._set_saving(True)
        if self._parts.map:
            self._draw()
        else:
            self._write()

    def cancel(self) -> None:
        """Gives up, as long as the file is not in its place."""
        if self._job is not None:
            self._job.give_up()
            self._on_failed(SaveCancelled())
        elif self._task is not None:
            self._task.give_up()

    def _draw(self) -> None:
        self.told.emit(tr("Drawing the map of the report ..."))
        self._job = MapFigureJob(self._view, self._report, self)
        self._job.made.connect(self._on_drawn)
        self._job.failed.connect(self._on_failed)
        try:
            self._job.start()
        except PluginError as error:
            self._on_failed(error)

    def _on_drawn(self, picture: MapPicture) -> None:
        self._job = None
        self._pictures = replace(self._pictures, map=picture)
        self._write()

    def _write(self) -> None:
        self.told.emit(tr("Writing {path} ...").format(path=self._target.path))
        # first the words are seen, then the pages are made
        QTimer.singleShot(0, self._write_page if self._format is ReportFormat.HTML else self._write_pdf)

    def _write_page(self) -> None:
        picture, target = self._pictures.map, self._target
        document = document_of(self._report, self._parts, self._pictures)
        try:
            page = page_of(document, map_png(picture, QgsProject.instance()) if picture else None)
        except PluginError as error:
            self._on_failed(error)
            return
        title = tr("LSpace: save {name}").format(name=target.path.name)
        self._task = BackgroundTask(title, lambda _: save_page(target, page))
        self._task.succeeded.connect(self._on_saved)
        self._task.failed.connect(self._on_failed)
        self._task.cancelled.connect(self._on_cancelled)
        self._task.start()

    def _write_pdf(self) -> None:
        document = document_of(self._report, self._parts, self._pictures)
        try:
            path = save_pdf(self._target, document, self._pictures.map)
        except PluginError as error:
            self._on_failed(error)
            return
        self._on_saved(path)

    def _on_saved(self, path: Path) -> None:
        self._set_saving(False)
        self.told.emit(tr("The report is saved: {path}").format(path=path))
        self.saved.emit(str(path))

    def _on_failed(self, error: PluginError) -> None:
        self._set_saving(False)
        self.told.emit(tr("The report is not saved. {reason}").format(reason=sentence_for(error)))
        if isinstance(error, TargetExists):
            path = error.values["path"]
            ask_to_replace(
                self.parent(), "LSpaceReportReplaceQuestion", error, lambda: self.save(path, overwrite=True)
            )

    def _on_cancelled(self, path: Path | None) -> None:
        if path is None:
            self._on_failed(SaveCancelled())
        else:
            self._on_saved(path)  # it was too late

    def _set_saving(self, saving: bool) -> None:
        self._job = self._task = None
        if saving != self.is_saving:
            self.is_saving = saving
            self.saving_changed.emit(saving)
