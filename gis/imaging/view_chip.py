# SPDX-License-Identifier: GPL-2.0-or-later
"""Chips of what the map shows: any provider, style and rotation, drawn off the GUI thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qgis.core import QgsMapRendererParallelJob, QgsMapSettings, QgsRectangle
from qgis.PyQt.QtCore import QObject, QSize, pyqtSignal
from qgis.PyQt.QtGui import QColor, QImage

from ...model_backend.chip import Chip, ChipKind
from ...model_backend.contract import ChipGeometry
from ...model_backend.georeference.geotransform import GeoTransform
from ..aoi import Aoi
from ..errors import BlankChip, CrsUnknown, RenderFailed
from ..layers import is_result_layer
from ..task import BackgroundTask
from .chip import MadeChip, check_content, encode_png, gsd_of, make_chip_id, wkt2_of
from .chip_note import ChipNote, ChipNoteKind, notes_on_pixels
from .image_date import begin_of
from .map_settings import picture_settings
from .web_requests import WebRequests

WHOLE_SHARE = 0.99
"""With less data there are holes, so that what a server does not have is missed."""
LEAST_DPI, MOST_DPI = 1.0, 10_000.0
SMALLEST_SIDE_PX = 32
"""The model's smallest unit is a block of 32 pixels."""


def chip_settings(view: QgsMapSettings, aoi: Aoi, geometry: ChipGeometry) -> QgsMapSettings:
    """The map settings that draw the AOI's frame, or a square around it, as a chip.

    Layers, styles, transforms, the temporal range and the scale are those of the view; our own result
    layers, the selection and edit markers are left out, and pixels that no layer covers stay transparent.
    """
    frame = aoi.frame()
    longer = max(frame.width, frame.height)
    sides = (longer, longer) if geometry.as_shown_square else (frame.width, frame.height)
    scale = geometry.as_shown_px / longer
    size = QSize(*(max(SMALLEST_SIDE_PX, round(side * scale)) for side in sides))
    layers = [layer for layer in view.layers() if not is_result_layer(layer)]
    settings = picture_settings(view, layers, size, QColor(0, 0, 0, 0))
    settings.setDestinationCrs(aoi.crs)
    settings.setRotation(frame.rotation_deg)
    settings.setExtent(QgsRectangle.fromCenterAndSize(frame.centre, *sides))
    _keep_scale(settings, view)
    return settings


def _keep_scale(settings: QgsMapSettings, view: QgsMapSettings) -> None:
    """Chooses the dots per inch with which the chip is the view enlarged or shrunk.

    The same layers are visible at the same scale, and symbols keep their size on the ground. (On a screen
    with two pixels to a point they come out twice as large: there the scale is that of the pixels.)
    """
    if view.hasValidSettings() and min(view.scale(), settings.scale()) > 0:
        dpi = settings.outputDpi() * view.scale() / settings.scale()
        settings.setOutputDpi(min(max(dpi, LEAST_DPI), MOST_DPI))
    # a target other than "none" resizes rasters, by a rounded factor that can lose the last rows
    settings.setDpiTarget(-1.0)


def geotransform_of(settings: QgsMapSettings) -> GeoTransform:
    """The affine map of the picture that these settings draw, its rotation included."""
    size = settings.outputSize()
    to_map = settings.mapToPixel().toMapCoordinatesF
    corners = [to_map(0.0, 0.0), to_map(size.width(), 0.0), to_map(0.0, size.height())]
    points = [(corner.x(), corner.y()) for corner in corners]
    return GeoTransform.from_corners(points[0], points[1], points[2], size.width(), size.height())


class ViewChipJob(QObject):
    """Draws one chip of what the map shows; told by one of the signals, unless given up."""

    made = pyqtSignal(object)
    """A ``MadeChip``."""
    failed = pyqtSignal(object)
    """A ``ChipError``."""
    cancelled = pyqtSignal()
    """The user gave up in QGIS's list of tasks."""

    def __init__(
        self, view: QgsMapSettings, aoi: Aoi, geometry: ChipGeometry, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._settings = chip_settings(view, aoi, geometry)
        self._canvas_colour = view.backgroundColor()
        self._job: QgsMapRendererParallelJob | None = None
        self._task: BackgroundTask | None = None
        self._requests = WebRequests(self._settings.layers(), self)

    def start(self) -> None:
        """Begins to draw."""
        self._requests.watch()
        self._job = QgsMapRendererParallelJob(self._settings)
        self._job.finished.connect(self._on_rendered)
        self._job.start()

    def give_up(self) -> None:
        """Stops drawing; no signal follows."""
        self.blockSignals(True)
        self._requests.stop()
        if self._job is not None:
            self._job.cancelWithoutBlocking()
        if self._task is not None:
            self._task.give_up()

    @property
    def is_drawing(self) -> bool:
        """Whether QGIS is still at it, also after it was given up: to be kept until then.

        A render job that is thrown away while it draws lets the GUI thread wait for it.
        """
        return self._job is not None and self._job.isActive()

    def _on_cancelled(self) -> None:
        # a method, not a lambda: the task may outlive this object, and then nothing is called
        self.cancelled.emit()

    def _on_rendered(self) -> None:
        job = self._job
        if job is None or self.signalsBlocked():
            return
        try:
            drawn = _Drawn(
                image=job.renderedImage(),
                canvas_colour=self._canvas_colour,
                place=self._place(),
                notes=self._notes(job),
                notes_of_holes=self._notes_of_holes(),
            )
        except CrsUnknown as error:
            self.failed.emit(error)
            return
        self._task = BackgroundTask(self.tr("LSpace: prepare the picture"), lambda _: _finish(drawn))
        self._task.succeeded.connect(self.made)
        self._task.failed.connect(self.failed)
        self._task.cancelled.connect(self._on_cancelled)
        self._task.start()

    def _place(self) -> _Place:
        settings, size = self._settings, self._settings.outputSize()
        transform, crs = geotransform_of(settings), settings.destinationCrs()
        return _Place(
            transform=transform,
            crs_wkt=wkt2_of(crs),
            gsd_m=gsd_of(transform, crs, size.width(), size.height()),
            sources=tuple(layer.name() for layer in settings.layers()),
            date=begin_of(settings.temporalRange()) if settings.isTemporal() else None,
        )

    def _notes(self, job: QgsMapRendererParallelJob) -> list[ChipNote]:
        layers = self._settings.layers()
        names = {layer.id(): layer.name() for layer in layers}
        broken = [ChipNote(ChipNoteKind.LAYER_INVALID, each.name()) for each in layers if not each.isValid()]
        failed = [
            ChipNote(ChipNoteKind.LAYER_FAILED, names.get(error.layerID, ""), error.message)
            for error in job.errors()
        ]
        words = self.tr("{count} web requests failed: {reason}")
        unanswered = [
            ChipNote(ChipNoteKind.LAYER_FAILED, of.layer, words.format(count=of.failed, reason=of.reason))
            for of in self._requests.stop()
            if of.failed
        ]
        return broken + failed + unanswered

    def _notes_of_holes(self) -> list[ChipNote]:
        words = self.tr("the server has nothing for {count} web requests")
        return [
            ChipNote(ChipNoteKind.LAYER_FAILED, of.layer, words.format(count=of.absent))
            for of in self._requests.stop()
            if of.absent
        ]


@dataclass(frozen=True)
class _Place:
    """What a chip says beside its pixels."""

    transform: GeoTransform
    crs_wkt: str
    gsd_m: float
    sources: tuple[str, ...]
    date: str | None


@dataclass(frozen=True)
class _Drawn:
    """What the GUI thread hands on."""

    image: QImage
    canvas_colour: QColor
    place: _Place
    notes: list[ChipNote]
    notes_of_holes: list[ChipNote]
    """To be said where the picture has holes: with others below, a layer may end."""


def _finish(drawn: _Drawn) -> MadeChip:
    """The part that runs off the GUI thread: pixels only."""
    image, canvas_colour, place = drawn.image, drawn.canvas_colour, drawn.place
    if image.isNull():
        raise RenderFailed("QGIS returned no picture")
    rgb, valid = composite(image, canvas_colour)
    share = float(valid.mean())
    notes = [*drawn.notes, *(drawn.notes_of_holes if share < WHOLE_SHARE else ())]
    if share == 0 and notes:
        raise BlankChip("no layer could be drawn", reason="failed", notes=tuple(notes))
    check_content(rgb, share)
    png = encode_png(rgb)
    chip = Chip(
        chip_id=make_chip_id(png, place.transform),
        kind=ChipKind.AS_SHOWN,
        png=png,
        width_px=rgb.shape[1],
        height_px=rgb.shape[0],
        valid_share=share,
        **place.__dict__,
    )
    return MadeChip(chip, (*notes, *notes_on_pixels(rgb, share)))


def composite(image: QImage, canvas_colour: QColor) -> tuple[np.ndarray, np.ndarray]:
    """RGB, uint8, and the mask of pixels that a layer covers.

    What is partly transparent lies on the canvas colour, as the analyst sees it; what no layer covers
    is black, as the model was trained.
    """
    picture = image.convertToFormat(QImage.Format.Format_RGBA8888_Premultiplied)
    width, height = picture.width(), picture.height()
    content = picture.constBits().asstring(picture.sizeInBytes())
    rgba = np.frombuffer(content, np.uint8).reshape(height, picture.bytesPerLine() // 4, 4)[:, :width]
    alpha = rgba[..., 3:].astype(np.float32) / 255
    canvas = np.array([canvas_colour.red(), canvas_colour.green(), canvas_colour.blue()], np.float32)
    valid = rgba[..., 3] > 0
    rgb = np.where(valid[..., None], rgba[..., :3] + (1 - alpha) * canvas, 0)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8), valid
