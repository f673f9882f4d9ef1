# SPDX-License-Identifier: GPL-2.0-or-later
"""Scanning from the dock: what the panels say is scanned, its layers grow on the map, its end is a review."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from qgis.core import QgsProject
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ...gis.aoi import Aoi
from ...gis.errors import AoiTooLarge, ChipError, PluginError
from ...gis.processing.area_scan import AreaScan
from ...gis.runs.run_progress import RunEnd
from ...gis.runs.runner import Runner
from ...gis.scan.scan_file import ScanFile
from ...gis.scan.scan_layers import ScanLayers
from ...gis.scan.scan_outlook import ScanOutlook
from ...gis.scan.scan_path import default_path, free_path
from ...gis.scan.scan_sight import ScanSight
from ...gis.scan.scan_sitting import ScanSitting
from ...gis.settings import LastScan, Settings
from ...gis.task import BackgroundTask
from ..algorithm_words import algorithm_wording
from ..dock import LSpaceDock
from ..words import sentence_for, tr
from .scan_order import ScanOrder
from .scan_panel import ScanState
from .scan_words import end_words, file_words, plan_words, stage_words

REST_MS = 300
"""File, area and question have to rest this long before they are looked at."""
DRAW_MS = 2000
"""So often, at the most, the map shows what is new in the file."""


class ScanControl(QObject):
    """One scan at a time; questions wait until it rests."""

    ended = pyqtSignal(str, bool)
    """What came of a scan, and whether it failed."""
    layer_filled = pyqtSignal(object)
    """The proposal layer of a scan that rests."""

    def __init__(self, dock: LSpaceDock, canvas: QgsMapCanvas, runner: Runner) -> None:
        super().__init__(dock)
        self._dock = dock
        self._panel = dock.scan_panel
        self._canvas = canvas
        self._runner = runner
        self._order = ScanOrder(dock, canvas)
        self._sitting: ScanSitting | None = None
        self._scan: AreaScan | None = None
        """What is scanned, or was last."""
        self._layers: ScanLayers | None = None
        """Of its file."""
        self._is_shown = False
        """Whether they were put on the map in this sitting."""
        self._file: ScanFile | None = None
        """What the chosen file holds, where it holds a scan that rests."""
        self._error: PluginError | None = None
        """That ended the last sitting."""
        self._proposed: Path | None = None
        self._complaint = ""
        """Why the area or the image cannot be scanned."""
        self._looks: BackgroundTask | None = None
        self._rest = self._timer(REST_MS, self._look)
        self._draw = self._timer(DRAW_MS, self._draw_anew)
        self._connect()

    @property
    def is_scanning(self) -> bool:
        """Whether a scan is under way, paused or about to end."""
        return self._sitting is not None

    def shut_down(self) -> None:
        """Stops what is under way; the file keeps what is done."""
        self._rest.stop()
        self._draw.stop()
        self._give_up_look()
        sitting, self._sitting = self._sitting, None
        if sitting is not None:
            sitting.blockSignals(True)
            sitting.stop()
            self._layers.set_growing(False)

    def _timer(self, wait_ms: int, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(wait_ms)
        timer.timeout.connect(slot)
        return timer

    def _connect(self) -> None:
        dock, panel = self._dock, self._panel
        for signal in (dock.aoi_panel.changed, dock.task_panel.changed, dock.images_panel.preview_changed):
            signal.connect(self._look_soon)
        for signal in (panel.side_changed, dock.tabs.currentChanged):
            signal.connect(self._look_soon)
        panel.path_changed.connect(self._on_path_changed)
        panel.start_requested.connect(self._on_start)
        panel.retry_requested.connect(self._on_retry)
        panel.pause_requested.connect(self._on_pause)
        panel.stop_requested.connect(self._on_stop)
        panel.zoom_requested.connect(self._zoom)
        self._runner.ended.connect(self._on_run_ended)

    # what a scan would be

    def _on_path_changed(self) -> None:
        self._file = None
        self._give_up_look()  # it is about another file
        self._panel.set_state(ScanState.UNKNOWN)
        self._look_soon()

    def _look_soon(self) -> None:
        if self._sitting is None and self._dock.shown_panel() is self._panel:
            self._rest.start()

    def _look(self) -> None:
        """Looks into the file, and where there is none, counts the pictures."""
        if self._sitting is not None:
            return
        self._propose_path()
        self._complaint, area = "", None
        try:
            area = self._order.area()
        except ChipError as error:
            self._complaint = sentence_for(error)
        path = self._panel.path()
        self._run_look(lambda gives_up: ScanOutlook.of(path, area, gives_up), self._on_looked)

    def _run_look(self, find_out: Callable, slot: Callable) -> None:
        self._give_up_look()
        self._looks = BackgroundTask(tr("LSpace: look at the scan"), find_out)
        self._looks.succeeded.connect(slot)
        self._looks.failed.connect(self._on_look_failed)
        self._looks.start()

    def _give_up_look(self) -> None:
        if self._looks is not None:
            self._looks.give_up()

    def _propose_path(self) -> None:
        """Beside the project, unless the user chose another place."""
        path = default_path(QgsProject.instance())
        if self._panel.path() is None or (self._panel.path() == self._proposed != path):
            self._proposed = path
            self._panel.set_path(path)
            self._rest.stop()  # it is being looked at now

    def _on_looked(self, outlook: ScanOutlook) -> None:
        if self._sitting is not None:
            return
        if outlook.file is not None:
            self._show_file(outlook.file)
            return
        complaint = self._complaint or self._dock.task_panel.complaint()
        self._show_no_file(complaint or self._plan_words(outlook))
        if not complaint:
            self._panel.set_state(ScanState.NEW)

    def _on_look_failed(self, error: PluginError) -> None:
        if self._sitting is None:
            self._show_no_file(sentence_for(error))

    def _show_file(self, file: ScanFile) -> None:
        self._file = file
        ScanLayers(file.path).set_growing(False)  # a project saved in the middle of a scan says otherwise
        self._panel.show_plan(file_words(file))
        self._panel.show_counts(file.counts, file.proposals)
        self._panel.show_failed(file.failed)
        self._panel.set_state(ScanState.BROKEN_OFF if file.waits else ScanState.COMPLETE)

    def _show_no_file(self, words: str) -> None:
        self._file = None
        self._panel.show_plan(words)
        self._panel.show_counts(None, 0)
        self._panel.show_failed(())
        self._panel.set_state(ScanState.UNKNOWN)

    def _plan_words(self, outlook: ScanOutlook) -> str:
        last = LastScan.load()
        is_same = last == LastScan.with_model_of(Settings.load(), last.chips_per_minute)
        return plan_words(outlook, last.chips_per_minute if is_same else 0.0)

    # from start to end

    def _on_start(self) -> None:
        if self._panel.state is ScanState.COMPLETE:
            self._panel.set_path(free_path(self._panel.path()))
        else:
            self._start(retries=False)

    def _on_retry(self) -> None:
        self._start(retries=True)

    def _start(self, *, retries: bool) -> None:
        path, layers = self._panel.path(), ScanLayers(self._panel.path())
        if self._runner.is_busy:
            self._dock.tell(tr("The model is busy with a question or a scan. Wait for it, or stop it."))
            return
        if layers.is_edited:
            self._dock.tell(tr("Its proposals have changes that are not saved. Save them first."))
            return
        try:
            scan = self._order.anew() if self._file is None else self._order.again(self._file.settings)
        except ChipError as error:
            self._dock.tell(sentence_for(error))
            return
        self._layers, self._is_shown = layers, False
        self._begin(replace(scan, retries=retries), path)

    def _begin(self, scan: AreaScan, path: Path) -> None:
        self._dock.tell("")
        self._runner.hold(True)
        self._runner.shut_down()  # two models at a time would take twice the memory
        self._layers.set_growing(True)
        self._scan = scan
        self._sitting = ScanSitting(scan, path, algorithm_wording(), self)
        self._sitting.progressed.connect(self._on_progress)
        self._sitting.ended.connect(self._on_ended)
        self._panel.show_plan(tr("Questions have to wait until the scan is over or stopped."))
        self._panel.set_state(ScanState.RUNNING)
        self._show_stage()
        self._sitting.start()

    def _on_pause(self, is_to_rest: bool) -> None:
        if self._sitting is None:
            return
        if is_to_rest:
            self._sitting.pause()
        else:
            self._sitting.go_on()
        self._panel.set_state(ScanState.PAUSED if is_to_rest else ScanState.RUNNING)
        self._show_stage()

    def _on_stop(self) -> None:
        sitting = self._sitting
        if sitting is None:
            return
        sitting.stop()
        if self._sitting is sitting:  # otherwise it had not begun, and is over by now
            self._panel.set_state(ScanState.STOPPING)
            self._show_stage()

    def _on_progress(self, sight: ScanSight) -> None:
        self._show_stage()
        if sight.progress is None:
            return
        self._panel.show_counts(sight.progress.counts, sight.proposals)
        self._panel.show_failed(sight.failed)
        self._show_layers()
        if not self._draw.isActive():
            self._draw.start()

    def _show_stage(self) -> None:
        sitting = self._sitting
        sight = sitting.sight
        words = stage_words(sight, is_paused=sitting.is_paused, is_stopping=sitting.is_stopping)
        self._panel.show_stage(words, None if sight.progress is None else sight.progress.share)

    def _show_layers(self) -> None:
        """Once in a sitting: who takes them off the map does not want them."""
        if not self._is_shown:
            self._is_shown = True
            try:
                self._layers.show()
            except PluginError as error:
                self._dock.tell(sentence_for(error))
            self._layers.set_growing(True)

    def _draw_anew(self) -> None:
        if self._canvas.isDrawing():  # else it would begin again and again
            self._draw.start()
        elif self._sitting is not None:
            self._layers.draw_anew()

    def _on_ended(self, error: PluginError | None) -> None:
        sitting, self._sitting = self._sitting, None
        sitting.deleteLater()
        self._draw.stop()
        self._runner.hold(False)
        self._layers.set_growing(False)
        self._layers.read_anew()
        self._error = error
        if sitting.chips_per_minute:
            LastScan.with_model_of(self._scan.settings, sitting.chips_per_minute).save()
        self._panel.set_state(ScanState.UNKNOWN)
        self._run_look(lambda _: ScanFile.read(sitting.path), self._on_end_known)

    def _on_end_known(self, file: ScanFile | None) -> None:
        if self._sitting is not None:
            return
        if file is None:
            self._show_no_file("")
        else:
            self._show_file(file)
        words = sentence_for(self._error) if self._error is not None else end_words(file)
        self._dock.tell(words)
        self.ended.emit(words, self._error is not None)
        if self._layers.proposals is not None and file is not None and file.proposals:
            self.layer_filled.emit(self._layers.proposals)
        self._look_soon()

    def _on_run_ended(self, end: RunEnd) -> None:
        if isinstance(end.error, AoiTooLarge):
            self._dock.show_panel(self._panel)

    # the map

    def _zoom(self, cell: int | None) -> None:
        try:
            aoi = self._place_of(cell)
            shown = None if aoi is None else aoi.on_map(self._canvas.mapSettings())
        except PluginError as error:
            self._dock.tell(sentence_for(error))
            return
        if shown is not None:
            extent = shown.polygon.boundingBox()
            extent.scale(1.1)
            self._canvas.setExtent(extent)
            self._canvas.flashGeometries([aoi.polygon], aoi.crs)
            self._canvas.refresh()

    def _place_of(self, cell: int | None) -> Aoi | None:
        """Of a picture, or of all; raises ``LayerRejected``."""
        if cell is not None:
            layers = self._layers if self._sitting is not None else ScanLayers(self._panel.path())
            layers.show()
            return layers.extent_of(cell)
        if self._sitting is not None:
            return self._scan.aoi
        return None if self._file is None else self._file.settings.aoi
