# SPDX-License-Identifier: GPL-2.0-or-later
"""The moments in time that a map can show: frames of its temporal controller, and of its layers."""

from __future__ import annotations

from qgis.core import (
    QgsDateTimeRange,
    QgsMapLayer,
    QgsRasterLayer,
    QgsTemporalController,
    QgsTemporalNavigationObject,
)
from qgis.PyQt.QtCore import QTime

from .image_date import fixed_range_of

MOST_FRAMES = 60
"""Of a controller, around its present one: nobody looks through a longer list."""


def frames_of(layers: list[QgsMapLayer], controller: QgsTemporalController | None) -> list[QgsDateTimeRange]:
    """Without repetition, the earlier first; those without a beginning are left out."""
    moments = [fixed_range_of(layer) for layer in layers if isinstance(layer, QgsRasterLayer)]
    frames = [moment for moment in moments if moment is not None] + _frames_of_controller(controller)
    distinct = {frame_key(frame): frame for frame in frames if frame.begin().isValid()}
    return sorted(distinct.values(), key=lambda frame: frame.begin().toMSecsSinceEpoch())


def frame_key(frame: QgsDateTimeRange) -> str:
    """Begin and end in words that no other frame has."""
    return f"{frame.begin().toMSecsSinceEpoch()}/{frame.end().toMSecsSinceEpoch()}"


def frame_title(frame: QgsDateTimeRange) -> str:
    """The frame's beginning: the date, and the time where it is not midnight."""
    begin = frame.begin()
    return begin.toString("yyyy-MM-dd" if begin.time() == QTime(0, 0) else "yyyy-MM-dd hh:mm")


def _frames_of_controller(controller: QgsTemporalController | None) -> list[QgsDateTimeRange]:
    if not isinstance(controller, QgsTemporalNavigationObject):
        return []
    if controller.navigationMode() != QgsTemporalNavigationObject.NavigationMode.Animated:
        return []
    count = controller.totalFrameCount()
    first = max(min(controller.currentFrameNumber() - MOST_FRAMES // 2, count - MOST_FRAMES), 0)
    numbers = range(first, min(first + MOST_FRAMES, count))
    return [controller.dateTimeRangeForFrameNumber(number) for number in numbers]
