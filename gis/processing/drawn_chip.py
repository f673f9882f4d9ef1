# SPDX-License-Identifier: GPL-2.0-or-later
"""A chip of layers as they are shown, drawn in a thread that waits for it."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsMapRendererParallelJob, QgsMapSettings
from qgis.PyQt.QtCore import QCoreApplication, QEventLoop, QThread, QTimer
from qgis.PyQt.QtGui import QImage

from ...model_backend.chip import Chip, ChipKind
from ...model_backend.contract import ChipGeometry
from ..aoi import Aoi
from ..errors import RenderFailed, RunCancelled
from ..imaging.chip import MadeChip, check_content, encode_png, gsd_of, make_chip_id, wkt2_of
from ..imaging.chip_note import notes_on_pixels
from ..imaging.image_source import ImageSource
from ..imaging.view_chip import WHOLE_SHARE, chip_settings, composite, geotransform_of
from ..imaging.web_requests import WebRequests

_POLL_MS = 50
"""How often it is seen whether the user has given up."""


def draw_chip(
    image: ImageSource,
    aoi: Aoi,
    geometry: ChipGeometry,
    is_cancelled: Callable[[], bool],
    requests: WebRequests | None = None,
) -> MadeChip:
    """Draws the AOI's frame, or a square around it, and waits for it; never in the GUI thread's own work.

    The layers have to live in this thread. In the main thread, where a script may run an algorithm, it cannot
    be cancelled before the picture is there.

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
    _check_requests(requests, share)
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
        sources=tuple(layer.name() for layer in settings.layers()),
        date=image.date,
    )
    return MadeChip(chip, notes_on_pixels(rgb, share))


def _rendered(settings: QgsMapSettings, is_cancelled: Callable[[], bool]) -> QImage:
    job = QgsMapRendererParallelJob(settings)
    if _is_main_thread():
        # a script that waits here of its own will; an event loop would let the user click into the middle
        job.start()
        job.waitForFinished()
    else:
        _draw_until_cancelled(job, is_cancelled)
    if is_cancelled():
        raise RunCancelled("while the picture was drawn")
    return job.renderedImage()


def _check_requests(requests: WebRequests | None, share: float) -> None:
    """A picture with holes may lack what a server did not deliver; in the main thread nobody is told."""
    if requests is None or share >= WHOLE_SHARE or _is_main_thread():
        return
    for failed in requests.failed_elsewhere():
        raise RenderFailed("web requests failed", layer=failed.layer, count=failed.failed, why=failed.reason)


def _is_main_thread() -> bool:
    return QThread.currentThread() is QCoreApplication.instance().thread()


def _draw_until_cancelled(job: QgsMapRendererParallelJob, is_cancelled: Callable[[], bool]) -> None:
    """With an event loop of this thread's own: a server that stalls must not keep a user who gives up."""
    loop, timer = QEventLoop(), QTimer()
    timer.timeout.connect(lambda: job.cancelWithoutBlocking() if is_cancelled() else None)
    job.finished.connect(loop.quit)
    timer.start(_POLL_MS)
    job.start()
    loop.exec()
    timer.stop()
