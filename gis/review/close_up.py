# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the map goes so that one feature is seen well."""

from __future__ import annotations

from qgis.core import QgsCsException, QgsGeometry, QgsMapSettings, QgsPointXY, QgsRectangle, QgsVectorLayer

SHARE_OF_VIEW = 0.25
"""Of the view's shorter side, for the longer side of a feature that is zoomed to."""
LEAST_PX = 24
"""A feature smaller than this on the screen cannot be judged."""
_MOST_SHARE = 0.9


def close_up(layer: QgsVectorLayer, fid: int, view: QgsMapSettings) -> QgsRectangle | None:
    """The extent, in the view's CRS, that shows the feature amid its surroundings.

    None if it has no place in that CRS.
    """
    box = _box_in_view(layer, fid, view)
    if box is None:
        return None
    return _around(box, _side(box) / (SHARE_OF_VIEW * _shorter_px(view)), view)


def gentle_move(layer: QgsVectorLayer, fid: int, view: QgsMapSettings) -> QgsRectangle | None:
    """As ``close_up``, but at the view's scale where the feature is of a good size in it.

    None, too, if nothing has to move.
    """
    box = _box_in_view(layer, fid, view)
    if box is None:
        return None
    scale = view.mapUnitsPerPixel()
    if not LEAST_PX * scale <= _side(box) <= _MOST_SHARE * _shorter_px(view) * scale:
        return close_up(layer, fid, view)
    in_sight = QgsGeometry.fromPolygonXY([[QgsPointXY(corner) for corner in view.visiblePolygon()]])
    return None if in_sight.contains(QgsGeometry.fromRect(box)) else _around(box, scale, view)


def _box_in_view(layer: QgsVectorLayer, fid: int, view: QgsMapSettings) -> QgsRectangle | None:
    shape = layer.getGeometry(fid)
    if shape.isEmpty() or not view.hasValidSettings():
        return None
    try:
        box = view.layerExtentToOutputExtent(layer, shape.boundingBox())
    except QgsCsException:
        return None
    return box if box.isFinite() and not box.isEmpty() else None


def _around(box: QgsRectangle, map_units_per_pixel: float, view: QgsMapSettings) -> QgsRectangle:
    size = view.outputSize()
    width, height = size.width() * map_units_per_pixel, size.height() * map_units_per_pixel
    return QgsRectangle.fromCenterAndSize(box.center(), width, height)


def _side(box: QgsRectangle) -> float:
    return max(box.width(), box.height())


def _shorter_px(view: QgsMapSettings) -> int:
    return min(view.outputSize().width(), view.outputSize().height())
