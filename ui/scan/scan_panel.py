# SPDX-License-Identifier: GPL-2.0-or-later
"""A scan in the dock: its file, what it takes, how far it is, and which pictures failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path

from qgis.PyQt.QtCore import QSignalBlocker, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QToolButton,
    QWidget,
)

from ...gis.saving.export_format import ExportFormat
from ...gis.scan.cell_outcome import CellState, FailedCell
from ..parts import fill_column, quiet_label, row
from ..save_as import file_dialog
from .scan_words import counts_words, failed_words

LIST_LINES = 4
"""Least height of the list, in lines of text."""


class ScanState(Enum):
    """What can be done with the scan."""

    UNKNOWN = "unknown"
    """It is being looked at, or something is wrong with file, area or question."""
    NEW = "new"
    BROKEN_OFF = "broken off"
    COMPLETE = "complete"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"


_AT_WORK = (ScanState.RUNNING, ScanState.PAUSED, ScanState.STOPPING)


class ScanPanel(QWidget):
    """Says what it is told, and tells what is clicked."""

    path_changed = pyqtSignal()
    side_changed = pyqtSignal()
    start_requested = pyqtSignal()
    """To begin, to go on, or, where the file's scan is complete, another one."""
    pause_requested = pyqtSignal(bool)
    """Whether it is to rest, or to go on after a rest."""
    stop_requested = pyqtSignal()
    retry_requested = pyqtSignal()
    """Pictures that failed are to be asked about again."""
    zoom_requested = pyqtSignal(object)
    """Index of a failed picture, or None for the whole scan."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = ScanState.UNKNOWN
        self._trained_m = -1.0
        self._make_fields()
        self._make_buttons()
        self._make_results()
        buttons = row(self.start_button, self.pause_button, self.stop_button)
        parts = (self.plan_label, self._fields, buttons, self.progress_bar, self.stage_label)
        after = row(self.retry_button, self.zoom_button)
        layout = fill_column(self, *parts, self.counts_label, self.failed_label, self.failed_list, after)
        layout.addStretch(1)
        self.setWhatsThis(
            self.tr(
                "Asks the question above about an area of any size, picture by picture, and writes all of it "
                "into a GeoPackage as it comes. Stop it, or lose power: choose the same file, and it goes on "
                "where it was. What two pictures show is proposed once, when all pictures are done."
            )
        )
        self.set_state(ScanState.UNKNOWN)
        self.show_counts(None, 0)
        self.show_failed(())

    # what it says

    def path(self) -> Path | None:
        """The chosen file, with the extension of a GeoPackage; None where nothing is chosen."""
        text = self.path_edit.text().strip()
        if not text:
            return None
        path = Path(text).expanduser()
        extension = ExportFormat.GEOPACKAGE.extension
        return path if path.suffix.lower() == extension else path.with_name(path.name + extension)

    def side_m(self) -> float:
        """Of a picture as shown."""
        return self.side_box.value() * 1000

    @property
    def state(self) -> ScanState:
        """What can be done now."""
        return self._state

    # what it is told

    def set_path(self, path: Path) -> None:
        """Proposes a file, as if it had been typed."""
        self.path_edit.setText(str(path))
        self.path_edit.setCursorPosition(len(str(path)))

    def show_side(self, is_as_shown: bool, trained_m: float) -> None:
        """Pictures as shown may be of any size; others have the trained one."""
        if trained_m != self._trained_m:
            with QSignalBlocker(self.side_box):
                self.side_box.setValue(trained_m / 1000)
        self._trained_m = trained_m
        for part in (self.side_label, self.side_box):
            part.setVisible(is_as_shown)

    def show_plan(self, text: str) -> None:
        """What it takes, or what is wrong."""
        self.plan_label.setText(text)

    def set_state(self, state: ScanState) -> None:
        """Offers what can be done."""
        self._state = state
        is_at_work = state in _AT_WORK
        words = {
            ScanState.BROKEN_OFF: self.tr("Go on"),
            ScanState.COMPLETE: self.tr("New scan"),
        }
        self.start_button.setText(words.get(state, self.tr("Start")))
        self.start_button.setEnabled(state in (ScanState.NEW, ScanState.BROKEN_OFF, ScanState.COMPLETE))
        is_paused = state is ScanState.PAUSED
        self.pause_button.setText(self.tr("Resume") if is_paused else self.tr("Pause"))
        self.pause_button.setEnabled(state in (ScanState.RUNNING, ScanState.PAUSED))
        self.stop_button.setEnabled(state in (ScanState.RUNNING, ScanState.PAUSED))
        for part in (self.progress_bar, self.stage_label):
            part.setVisible(is_at_work)
        for part in (self.path_edit, self.browse_button):
            part.setEnabled(not is_at_work)
        self.side_box.setEnabled(state in (ScanState.UNKNOWN, ScanState.NEW))
        self._enable_results()

    def show_stage(self, text: str, share: float | None) -> None:
        """What is being done; ``share`` is 0..1 of all pictures, or None where nobody can know."""
        self.stage_label.setText(text)
        self.progress_bar.setRange(0, 0 if share is None else 1000)
        if share is not None:
            self.progress_bar.setValue(round(1000 * share))

    def show_counts(self, counts: Mapping[CellState, int] | None, proposals: int) -> None:
        """What became of the pictures; None where there is no scan."""
        self.counts_label.setVisible(counts is not None)
        self.counts_label.setText("" if counts is None else counts_words(counts, proposals))
        self._enable_results()

    def show_failed(self, cells: Sequence[FailedCell]) -> None:
        """Lists them; a choice stays."""
        wanted = [(cell.index, failed_words(cell)) for cell in cells]
        if wanted != [(item.data(Qt.ItemDataRole.UserRole), item.text()) for item in self._items()]:
            chosen = self._chosen()
            self.failed_list.clear()
            for index, words in wanted:
                item = QListWidgetItem(words, self.failed_list)
                item.setData(Qt.ItemDataRole.UserRole, index)
                item.setToolTip(words)
                if index == chosen:
                    self.failed_list.setCurrentItem(item)
        for part in (self.failed_label, self.failed_list, self.retry_button):
            part.setVisible(bool(cells))
        self._enable_results()

    # how it is built

    def _make_fields(self) -> None:
        self.plan_label = quiet_label()
        self.path_edit = QLineEdit()
        self.path_edit.setObjectName("LSpaceScanFile")
        self.path_edit.setToolTip(self.tr("The GeoPackage of the scan; one that is there is gone on with"))
        self.path_edit.textChanged.connect(lambda _: self.path_changed.emit())
        self.browse_button = QToolButton()
        self.browse_button.setText("…")
        self.browse_button.setAccessibleName(self.tr("Choose the file"))
        self.browse_button.setToolTip(self.tr("Choose a new file, or that of a scan that is to go on"))
        self.browse_button.clicked.connect(self._browse)
        self.side_box = QDoubleSpinBox()
        self.side_box.setRange(0.1, 1000)
        self.side_box.setDecimals(2)
        self.side_box.setSuffix(self.tr(" km"))
        self.side_box.setKeyboardTracking(False)
        self.side_box.setToolTip(
            self.tr(
                "Ground that a picture as the map shows it covers; the model was trained on the first value"
            )
        )
        self.side_box.valueChanged.connect(lambda _: self.side_changed.emit())
        file_label, self.side_label = QLabel(self.tr("File")), QLabel(self.tr("Side"))
        file_label.setBuddy(self.path_edit)
        self.side_label.setBuddy(self.side_box)
        self._fields = QWidget()
        rows = QGridLayout(self._fields)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setColumnStretch(1, 1)
        for number, line in enumerate(
            ((file_label, self.path_edit, self.browse_button), (self.side_label, self.side_box))
        ):
            for column, widget in enumerate(line):
                rows.addWidget(widget, number, column)
        self.show_side(False, 0)

    def _make_buttons(self) -> None:
        self.start_button = QPushButton()
        self.start_button.setToolTip(self.tr("Scans the area; what is done already is not asked about again"))
        self.start_button.clicked.connect(lambda: self.start_requested.emit())
        self.pause_button = QPushButton()
        self.pause_button.setToolTip(self.tr("Rests, with the model loaded, until you resume"))
        self.pause_button.clicked.connect(self._on_pause)
        self.stop_button = QPushButton(self.tr("Stop"))
        self.stop_button.setToolTip(self.tr("Ends the scan for now; it can go on at any time"))
        self.stop_button.clicked.connect(lambda: self.stop_requested.emit())
        self.progress_bar = QProgressBar()
        self.progress_bar.setTextVisible(False)
        self.progress_bar.setMaximumHeight(self.fontMetrics().height() // 2)
        self.stage_label = quiet_label()

    def _make_results(self) -> None:
        self.counts_label = quiet_label()
        self.failed_label = QLabel(self.tr("Failed pictures"))
        self.failed_list = QListWidget()
        self.failed_list.setObjectName("LSpaceScanFailed")
        self.failed_list.setToolTip(self.tr("Pictures that could not be asked about, and why"))
        self.failed_list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.failed_list.setWordWrap(True)
        self.failed_list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.failed_list.setMinimumHeight(self.fontMetrics().lineSpacing() * LIST_LINES)
        self.failed_list.itemActivated.connect(lambda _: self._zoom())
        self.failed_label.setBuddy(self.failed_list)
        self.retry_button = QPushButton(self.tr("Run failed again"))
        self.retry_button.setToolTip(self.tr("Asks again about the pictures that failed"))
        self.retry_button.clicked.connect(lambda: self.retry_requested.emit())
        self.zoom_button = QPushButton(self.tr("Zoom to"))
        self.zoom_button.setToolTip(self.tr("Shows the chosen failed picture on the map, or the whole scan"))
        self.zoom_button.clicked.connect(self._zoom)

    def _enable_results(self) -> None:
        is_at_rest = self._state in (ScanState.BROKEN_OFF, ScanState.COMPLETE)
        self.retry_button.setEnabled(is_at_rest and self.failed_list.count() > 0)
        self.zoom_button.setVisible(bool(self.counts_label.text()))

    def _browse(self) -> None:
        dialog = file_dialog(self, self.tr("File of the scan"), ExportFormat.GEOPACKAGE)
        dialog.setObjectName("LSpaceScanDialog")
        path = self.path()
        if path is not None and path.parent.is_dir():
            dialog.setDirectory(str(path.parent))
            dialog.selectFile(path.name)
        dialog.fileSelected.connect(self.path_edit.setText)
        dialog.open()

    def _on_pause(self) -> None:
        self.pause_requested.emit(self._state is ScanState.RUNNING)

    def _zoom(self) -> None:
        self.zoom_requested.emit(self._chosen())

    def _items(self) -> list[QListWidgetItem]:
        return [self.failed_list.item(line) for line in range(self.failed_list.count())]

    def _chosen(self) -> int | None:
        item = self.failed_list.currentItem()
        return None if item is None else item.data(Qt.ItemDataRole.UserRole)
