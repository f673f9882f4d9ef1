# SPDX-License-Identifier: GPL-2.0-or-later
"""The report: a preview that follows the work, what is to be in it, and the files it is saved as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qgis.core import QgsSettings
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QUrl, pyqtSignal
from qgis.PyQt.QtGui import QDesktopServices, QTextCursor, QTextOption
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from ...gis.reporting.report import Report
from ...gis.reporting.report_file import ReportFormat
from ...gis.reporting.report_text import set_report
from .report_saver import ReportSaver
from .report_words import ReportParts, ReportPictures, document_of

_SETTING = "lspace/report/"


class ReportPanel(QWidget):
    """Shows the report it is given and saves it."""

    told = pyqtSignal(str)
    """What is being done and what became of it, a sentence each."""
    refresh_requested = pyqtSignal()
    """Somebody wants to see the report as the work is now."""

    def __init__(self, canvas: QgsMapCanvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._report: Report | None = None
        self._chips: dict[str, bytes] = {}
        self._saver: ReportSaver | None = None
        self.preview = _Preview()
        self.preview.setObjectName("LSpaceReportPreview")
        self.preview.setAccessibleName(self.tr("Preview of the report"))
        self.preview.setPlaceholderText(self.tr("Nothing to report yet: ask a question first."))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self._choices())
        column.addWidget(self.preview, 1)
        column.addWidget(self._progress())
        column.addLayout(self._buttons())
        self.setWhatsThis(
            self.tr(
                "A report of this project: what the model was shown, what was found and reviewed, its own "
                "words as quotations, what limits them, and where all of it comes from. It says nothing that "
                "the layers and the conversation do not say."
            )
        )
        self._offer()

    def show_report(self, report: Report | None, chips: Mapping[str, bytes] | None = None) -> None:
        """Shows a report in place of the last; ``chips`` are PNG by chip id, for the saved files."""
        self._report = None if report is None or report.is_empty else report
        self._chips = dict(chips or {})
        self._refresh()

    def parts(self) -> ReportParts:
        """What is to be in the report."""
        return ReportParts(
            map=self.map_box.isChecked(),
            pending=self.pending_box.isChecked(),
            model_text=self.text_box.isChecked(),
        )

    def shut_down(self) -> None:
        """Gives up what is being saved."""
        if self._saver is not None:
            self._saver.cancel()

    def _choices(self) -> QGridLayout:
        self.map_box = self._box("map", self.tr("Map"), self.tr("Put a map of the areas into the report"))
        self.pending_box = self._box(
            "pending",
            self.tr("Pending"),
            self.tr("List the proposals that nobody has reviewed, too; their number is always told"),
        )
        self.text_box = self._box(
            "model_text",
            self.tr("Model's words"),
            self.tr("Quote what the model wrote, marked as unverified"),
        )
        grid = QGridLayout()
        for place, box in enumerate((self.map_box, self.pending_box, self.text_box)):
            grid.addWidget(box, place // 2, place % 2)
        self.refresh_button = QPushButton(self.tr("Refresh"))
        self.refresh_button.setToolTip(self.tr("Compose the report anew from the work as it is"))
        self.refresh_button.clicked.connect(lambda: self.refresh_requested.emit())
        grid.addWidget(self.refresh_button, 1, 1)
        return grid

    def _box(self, name: str, title: str, tip: str) -> QCheckBox:
        box = QCheckBox(title)
        box.setToolTip(tip)
        box.setChecked(QgsSettings().value(_SETTING + name, True, type=bool))
        box.toggled.connect(lambda on: QgsSettings().setValue(_SETTING + name, on))
        box.toggled.connect(self._refresh)
        return box

    def _progress(self) -> QWidget:
        self.progress_bar = QProgressBar()
        self.progress_bar.setRange(0, 0)
        self.progress_bar.setTextVisible(False)
        self.cancel_button = QPushButton(self.tr("Cancel"))
        self.cancel_button.setToolTip(self.tr("Give up saving; an older file stays as it is"))
        self.cancel_button.clicked.connect(self.shut_down)
        self._progress_part = QWidget()
        row = QHBoxLayout(self._progress_part)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.progress_bar, 1)
        row.addWidget(self.cancel_button)
        return self._progress_part

    def _buttons(self) -> QGridLayout:
        self.html_button = QPushButton(self.tr("HTML ..."))
        self.html_button.setToolTip(self.tr("Save the report as one file for any browser"))
        self.html_button.setAccessibleName(self.tr("Save as HTML"))
        self.html_button.clicked.connect(lambda: self._save(ReportFormat.HTML))
        self.pdf_button = QPushButton(self.tr("PDF ..."))
        self.pdf_button.setToolTip(self.tr("Save the report as pages to print or send"))
        self.pdf_button.setAccessibleName(self.tr("Save as PDF"))
        self.pdf_button.clicked.connect(lambda: self._save(ReportFormat.PDF))
        self.open_box = QCheckBox(self.tr("Open when saved"))
        self.open_box.setToolTip(self.tr("Show the file with the program that this computer has for it"))
        self.open_box.setChecked(QgsSettings().value(_SETTING + "open", True, type=bool))
        self.open_box.toggled.connect(lambda on: QgsSettings().setValue(_SETTING + "open", on))
        grid = QGridLayout()
        grid.addWidget(QLabel(self.tr("Save as")), 0, 0)
        grid.addWidget(self.html_button, 0, 1)
        grid.addWidget(self.pdf_button, 0, 2)
        grid.addWidget(self.open_box, 1, 0, 1, 3)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(2, 1)
        return grid

    def _refresh(self) -> None:
        self._offer()
        if self._report is None:
            self.preview.clear()
            return
        bar = self.preview.verticalScrollBar()
        place = bar.value()
        set_report(self.preview.document(), document_of(self._report, self.parts()))
        self.preview.moveCursor(QTextCursor.MoveOperation.Start)
        bar.setValue(min(place, bar.maximum()))

    def _offer(self) -> None:
        """Enables what can be done now."""
        is_saving = self._saver is not None and self._saver.is_saving
        self._progress_part.setVisible(is_saving)
        for button in (self.html_button, self.pdf_button):
            button.setEnabled(self._report is not None and not is_saving)

    def _save(self, report_format: ReportFormat) -> None:
        if self._saver is not None:
            self._saver.deleteLater()
        pictures = ReportPictures(chips=self._chips)
        view = self._canvas.mapSettings()
        self._saver = ReportSaver(self._report, self.parts(), pictures, view, report_format, self)
        self._saver.told.connect(self.told)
        self._saver.saving_changed.connect(self._offer)
        self._saver.saved.connect(self._on_saved)
        self._saver.open()

    def _on_saved(self, path: str) -> None:
        if self.open_box.isChecked() and not QDesktopServices.openUrl(QUrl.fromLocalFile(path)):
            self.told.emit(
                self.tr("Saved, but no program on this computer opens it: {path}").format(path=path)
            )


class _Preview(QTextBrowser):
    """Loads nothing and follows no link."""

    def __init__(self) -> None:
        super().__init__()
        self.setOpenLinks(False)
        self.setWordWrapMode(QTextOption.WrapMode.WordWrap)

    def loadResource(self, kind: int, name: QUrl) -> Any:  # noqa: ARG002
        return " "  # nothing at all would have Qt look for a file
