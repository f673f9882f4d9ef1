# SPDX-License-Identifier: GPL-2.0-or-later
"""What the map shows as a picture of its own: without what is on the screen for editing only."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.core import Qgis, QgsMapLayer, QgsMapSettings
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor, QImage


def picture_settings(
    view: QgsMapSettings, layers: Sequence[QgsMapLayer], size: QSize, background: QColor
) -> QgsMapSettings:
    """The view's settings for a picture of these layers, ``size`` in pixels; they hold the layers weakly."""
    settings = QgsMapSettings(view)
    settings.setLayers(list(layers))
    settings.setDevicePixelRatio(1.0)
    settings.setOutputSize(size)
    settings.setBackgroundColor(background)
    settings.setOutputImageFormat(QImage.Format.Format_ARGB32_Premultiplied)
    for flag in (
        Qgis.MapSettingsFlag.DrawSelection,
        Qgis.MapSettingsFlag.DrawEditingInfo,
        Qgis.MapSettingsFlag.RenderPreviewJob,
        Qgis.MapSettingsFlag.RenderPartialOutput,
    ):
        settings.setFlag(flag, False)
    return settings
