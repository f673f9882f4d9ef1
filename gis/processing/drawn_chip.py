# SPDX-License-Identifier: GPL-2.0-or-later
"""A chip of a layer as it is shown, drawn in the thread of an algorithm."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsMapRendererParallelJob, QgsMapSettings
from qgis.PyQt.QtCore import QEventLoop, QTimer
from qgis.PyQt.QtGui import QImage

from ...model_backend.chip import Chip, ChipKind
from ...model_backend.contract import ChipGeometry
from ..aoi import Aoi
from ..errors import RenderFailed, RunCancelled
from ..imaging.chip import MadeChip, check_content, encode_png, gsd_of, make_chip_id, wkt2_of
from ..imaging.chip_note import notes_on_pixels
from ..imaging.image_source import ImageSource
from ..imaging.view_chip import chip_settings, composite, geotransform_of

_POLL_MS = 50
"""How often it is seen whether the user has given up."""


def draw_chip(
    image: ImageSource, aoi: Aoi, geometry: ChipGeometry, is_cancelled: Callable[[], bool]
) -> MadeChip:
    """Draws the AOI's frame, or a square around it, and waits for it; never in the GUI thread's own work.

    The layer has to live in this thread.

    Raises:
        RunCancelled: the user gave up.
        RenderFailed, BlankChip, CrsUnknown: there is no picture.
    """
    settings = chip_settings(image.view, aoi, geometry)
    picture = _rendered(settings, is_cancelled)
    if picture.isNull():
        raise RenderFailed("QGIS returned no picture")
    rgb, valid = composite(picture, image.view.backgroundColor())
    share = float(valid.mean())
    check_content(rgb, share)
    height, width, _ = rgb.shape
    png, transform, crs = encode_png(rgb), geotransform_of(settings), settings.destinationCrs()
    chip = Chip(
        chip_id=make_chip_id(png, transform),
        kind=ChipKind.AS_SHOWN,
        png=png,
        width_px=width,
        height_px=height,
        transform=transform,
        crs_wkt=wkt2_of(crs),
        gsd_m=gsd_of(transform, crs, width, height, settings.transformContext()),
        valid_share=share,
        sources=(image.title,),
        date=image.date,
    )
    return MadeChip(chip, notes_on_pixels(rgb, share))


def _rendered(settings: QgsMapSettings, is_cancelled: Callable[[], bool]) -> QImage:
    job, loop, timer = QgsMapRendererParallelJob(settings), QEventLoop(), QTimer()
    timer.timeout.connect(lambda: job.cancelWithoutBlocking() if is_cancelled() else None)
    job.finished.connect(loop.quit)
    timer.start(_POLL_MS)
    job.start()
    loop.exec()
    timer.stop()
    if is_cancelled():
        raise RunCancelled("while the picture was drawn")
    return job.renderedImage()
