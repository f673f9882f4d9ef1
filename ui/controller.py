# SPDX-License-Identifier: GPL-2.0-or-later
"""Joins the dock, the map and the runner: what was clicked becomes orders, what happened becomes words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qgis.core import QgsPointXY
from qgis.gui import QgsMapCanvas, QgsMapTool
from qgis.PyQt.QtCore import QObject

from ..gis.aoi import Aoi
from ..gis.chip import MadeChip
from ..gis.errors import ChipError, CrsUnknown, EmptyExtent
from ..gis.run_order import RunOrder
from ..gis.run_progress import RunEnd, RunOutcome, RunProgress
from ..gis.runner import Runner
from ..gis.settings import Settings
from ..gis.training_chips import RasterSource, plan_squares
from ..model_backend.chip import ChipKind
from .aoi_marker import AoiMarker
from .dock import DETECT, AoiSource, LSpaceDock
from .rectangle_tool import RectangleTool
from .save_dialog import SaveDialog
from .words import end_words, model_words, note_words, sentence_for, setup_advice, stage_words, tr


class DockController(QObject):
    """Everything the dock does; ``shut_down`` leaves nothing behind."""

    def __init__(
        self,
        dock: LSpaceDock,
        canvas: QgsMapCanvas,
        runner: Runner,
        open_options: Callable[[], None],
    ) -> None:
        super().__init__(dock)
        self._dock = dock
        self._canvas = canvas
        self._runner = runner
        self._open_options = open_options
        self._rectangle: Aoi | None = None
        self._marker = AoiMarker(canvas)
        self._tool = RectangleTool(canvas)
        self._former_tool: QgsMapTool | None = None
        self._heading = ("", "")
        self._settings = Settings.load()
        """Those of the last run."""
        self._end: RunEnd | None = None
        self._save_dialog: SaveDialog | None = None
        self._connect()
        self.refresh_state()
        self._refresh_area()

    def refresh_state(self) -> None:
        """Shows what the chosen model can be asked and whether a run is possible, after either changed."""
        settings = Settings.load()
        self._dock.show_state(*setup_advice(settings))
        self._follow_contract(settings)

    def shut_down(self) -> None:
        """Ends a run, lets the worker go, and takes everything off the map."""
        self._canvas.extentsChanged.disconnect(self._refresh_area)
        self._canvas.destinationCrsChanged.disconnect(self._refresh_area)
        self._canvas.rotationChanged.disconnect(self._refresh_area)
        self._drop_tool()
        self._tool.remove()
        self._marker.remove()
        self._runner.shut_down()

    def _follow_contract(self, settings: Settings) -> None:
        contract = settings.expected_contract
        if contract is not self._dock.contract:
            self._dock.show_contract(contract)
            self._refresh_area()

    def _connect(self) -> None:
        dock, runner = self._dock, self._runner
        dock.run_requested.connect(self._run)
        dock.cancel_requested.connect(runner.cancel)
        dock.rectangle_toggled.connect(self._toggle_tool)
        dock.aoi_source_changed.connect(self._on_aoi_source_changed)
        dock.picture_changed.connect(self._refresh_area)
        dock.save_requested.connect(self._save)
        dock.advice_followed.connect(self._open_options)
        self._canvas.extentsChanged.connect(self._refresh_area)
        self._canvas.destinationCrsChanged.connect(self._refresh_area)
        self._canvas.rotationChanged.connect(self._refresh_area)
        self._tool.drawn.connect(self._on_drawn)
        self._tool.given_up.connect(self._on_given_up)
        self._tool.deactivated.connect(lambda: dock.rectangle_button.setChecked(False))
        runner.progressed.connect(self._on_progress)
        runner.chips_made.connect(self._on_chips_made)
        runner.model_ready.connect(self._on_model_ready)
        runner.text_arrived.connect(self._on_text)
        runner.ended.connect(self._on_ended)

    # the area

    def _aoi(self) -> Aoi:
        if self._dock.aoi_source() is AoiSource.VIEW:
            return Aoi.from_view(self._canvas.mapSettings())
        if self._rectangle is None:
            raise EmptyExtent("no rectangle is drawn")
        return self._rectangle

    def _refresh_area(self) -> None:
        """Shows the area's outline, its size and the scale of its picture."""
        drawn = self._dock.aoi_source() is AoiSource.RECTANGLE
        self._marker.show(self._rectangle if drawn else None)
        try:
            aoi = self._aoi()
            width, height = aoi.size_m()
            self._dock.show_aoi(_size_words(width, height))
            self._dock.show_picture(self._picture_words(aoi, max(width, height)))
        except ChipError as error:
            self._dock.show_aoi(sentence_for(error))
            self._dock.show_picture("")

    def _picture_words(self, aoi: Aoi, longer_side_m: float) -> str:
        chip = self._dock.contract.chip
        if self._dock.chip_kind() is ChipKind.AS_SHOWN:
            gsd = longer_side_m / chip.as_shown_px
            return tr("{gsd:.1f} m a pixel (trained at {trained:.1f})").format(gsd=gsd, trained=chip.gsd_m)
        count = len(plan_squares(aoi, chip))
        template = tr("{count} squares of {side:.2f} km, {trained:.1f} m a pixel as in training")
        return template.format(count=count, side=chip.side_m / 1000, trained=chip.gsd_m)

    def _on_aoi_source_changed(self) -> None:
        wanted = self._dock.aoi_source() is AoiSource.RECTANGLE and self._rectangle is None
        self._dock.rectangle_button.setChecked(wanted)
        self._refresh_area()

    def _toggle_tool(self, on: bool) -> None:
        if on and self._canvas.mapTool() is not self._tool:
            self._former_tool = self._canvas.mapTool()
            self._canvas.setMapTool(self._tool)
        elif not on:
            self._drop_tool()

    def _drop_tool(self) -> None:
        if self._canvas.mapTool() is not self._tool:
            return
        self._canvas.unsetMapTool(self._tool)
        if self._former_tool is not None:
            self._canvas.setMapTool(self._former_tool)
            self._former_tool = None

    def _on_drawn(self, corners: list[QgsPointXY]) -> None:
        try:
            self._rectangle = Aoi.from_corners(corners, self._canvas.mapSettings())
        except (EmptyExtent, CrsUnknown) as error:
            self._dock.show_aoi(sentence_for(error))
            return
        self._dock.choose_aoi_source(AoiSource.RECTANGLE)
        self._dock.rectangle_button.setChecked(False)
        self._refresh_area()

    def _on_given_up(self) -> None:
        self._dock.rectangle_button.setChecked(False)
        if self._rectangle is None:
            self._dock.choose_aoi_source(AoiSource.VIEW)

    # the run

    def _run(self) -> None:
        self._dock.clear_answer()
        self._heading = ("", "")
        self._settings = Settings.load()
        self._follow_contract(self._settings)  # the folder may hold another model by now
        try:
            order = self._order()
        except ChipError as error:
            self._dock.show_result(sentence_for(error))
            return
        if order.task == DETECT and not order.targets:
            self._dock.show_result(tr("Tick a class or write what to look for."))
            return
        self._end = None
        self._dock.set_savable(False)
        self._dock.set_running(True)
        self._runner.start(order, self._settings)

    def _order(self) -> RunOrder:
        dock, kind = self._dock, self._dock.chip_kind()
        layer = dock.raster_layer() if kind is ChipKind.TRAINING_GRADE else None
        return RunOrder(
            aoi=self._aoi(),
            view=self._canvas.mapSettings(),
            task=dock.task(),
            targets=dock.targets() if dock.task() == DETECT else (),
            chip_kind=kind,
            source=RasterSource.from_layer(layer) if layer else None,
            clip=dock.cuts_at_aoi(),
        )

    def _on_progress(self, progress: RunProgress) -> None:
        self._dock.show_stage(stage_words(progress), progress.share)

    def _on_model_ready(self, info: dict[str, Any]) -> None:
        if self._settings == Settings.load():  # else the dock speaks of another model by now
            self._dock.show_state(model_words(info, is_embedded=self._settings.is_embedded_model))

    def _on_chips_made(self, chips: tuple[MadeChip, ...]) -> None:
        notes = dict.fromkeys(note_words(note) for made in chips for note in made.notes)
        self._dock.show_result(" ".join(notes))

    def _on_text(self, chip_id: str, target: str, piece: str) -> None:
        if (chip_id, target) != self._heading:
            gap = "\n\n" if self._heading[0] else ""
            heading = f"{target}:\n" if target else ""
            self._dock.add_text(gap + heading)
            self._heading = (chip_id, target)
        self._dock.add_text(piece)

    def _on_ended(self, end: RunEnd) -> None:
        self._end = end
        self._dock.set_running(False)
        noted = self._dock.result_label.text()
        self._dock.show_result(" ".join(part for part in (end_words(end), noted) if part))
        self._dock.set_savable(end.proposals is not None)
        if end.outcome in (RunOutcome.FAILED, RunOutcome.CRASHED):
            self.refresh_state()

    def _save(self, export_format: object) -> None:
        if self._end is None or self._end.proposals is None:
            return
        if self._save_dialog is not None:
            if self._save_dialog.is_saving:
                self._dock.show_result(tr("The last file is still being saved. Try again when it is done."))
                return
            self._save_dialog.deleteLater()
        self._save_dialog = SaveDialog(self._end.proposals, export_format, self._dock)
        self._save_dialog.told.connect(self._dock.show_result)
        self._save_dialog.open()


def _size_words(width_m: float, height_m: float) -> str:
    if max(width_m, height_m) < 1000:
        return tr("{width:.0f} x {height:.0f} m").format(width=width_m, height=height_m)
    return tr("{width:.1f} x {height:.1f} km").format(width=width_m / 1000, height=height_m / 1000)
