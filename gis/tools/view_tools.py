# SPDX-License-Identifier: GPL-2.0-or-later
"""Moves the map, and says what the area of interest is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
)
from qgis.PyQt import sip

from ...model_backend.errors import ToolRefused
from ..aoi import ruler_for
from ..errors import CrsUnknown, MapToolError
from ..reprojection import LONLAT, in_lonlat, reprojected
from .desk import Desk
from .feature_tools import LAYER_GONE, check_complete, needed_expression
from .feature_walk import FeatureWalk
from .named_layer import find_layer, find_vector_layer
from .plain_text import plain_text, significant
from .work import Deed, Done, at_once

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas

DEFAULT_WIDTH_M = 2000.0
_MARGIN = 1.1
_PROBE_M = 1.0
NO_PLACE = "this place cannot be shown in the map's CRS"


def read_area(desk: Desk, _: Mapping[str, Any]) -> Deed:
    """Size and middle of the area of interest."""
    facts = area_facts(desk)
    return at_once(lambda: Done(facts))


def area_facts(desk: Desk) -> dict[str, Any]:
    """Size in metres, middle in degrees, and CRS; ToolRefused where there is no area, or none to measure."""
    aoi = desk.aoi()
    if aoi is None:
        raise ToolRefused("no area of interest is chosen: the user draws or chooses it in the dock")
    try:
        (width, height), area = aoi.size_m(), aoi.area_m2()
        middle = in_lonlat(QgsGeometry.fromPointXY(aoi.frame().centre), aoi.crs).asPoint()
    except CrsUnknown:
        raise ToolRefused("the area of interest cannot be measured in its CRS") from None
    return {
        "width_m": significant(width, 6),
        "height_m": significant(height, 6),
        "area_m2": significant(area, 6),
        "longitude": significant(middle.x(), 9),
        "latitude": significant(middle.y(), 9),
        "crs": aoi.crs.authid() or plain_text(aoi.crs.description()),
    }


def zoom_to_coordinates(desk: Desk, arguments: Mapping[str, Any]) -> Deed:
    """Puts a place into the middle of the map, so that so many metres are seen across."""
    longitude, latitude = float(arguments["longitude"]), float(arguments["latitude"])
    width_m = float(arguments.get("width_m", DEFAULT_WIDTH_M))
    lonlat = QgsCoordinateReferenceSystem(LONLAT)
    place = QgsGeometry.fromPointXY(QgsPointXY(longitude, latitude))
    extent = _around(place, lonlat, desk.canvas, width_m)
    told = {"longitude": longitude, "latitude": latitude, "width_m": width_m}
    return at_once(lambda: _shown(desk.canvas, extent, told))


def zoom_to_layer(desk: Desk, arguments: Mapping[str, Any]) -> Deed:
    """Shows all of a layer."""
    layer = find_layer(arguments["layer"])
    name = plain_text(layer.name())
    if not layer.isValid() or layer.extent().isNull():
        raise ToolRefused(f"the layer {name!r} is empty or broken: there is nothing to zoom to")
    extent = _on_map(layer.extent(), layer.crs(), desk.canvas)
    return at_once(lambda: _shown(desk.canvas, extent, {"layer": name}))


def zoom_to_features(desk: Desk, arguments: Mapping[str, Any]) -> Deed:
    """Shows the features that an expression is true of."""
    layer = find_vector_layer(arguments["layer"])
    walk = FeatureWalk(layer, needed_expression(arguments), geometry=True)

    def bounds(gives_up: Callable[[], bool]) -> tuple[QgsRectangle, int]:
        around, count = QgsRectangle(), 0
        around.setMinimal()
        for feature in walk.features(gives_up):
            count += 1
            if feature.hasGeometry() and not feature.geometry().isEmpty():
                around.combineExtentWith(feature.geometry().boundingBox())
        check_complete(walk)
        return around, count

    def show(found: tuple[QgsRectangle, int]) -> Done:
        around, count = found
        if sip.isdeleted(layer):
            raise MapToolError(LAYER_GONE)
        name = plain_text(layer.name())
        if around.xMinimum() > around.xMaximum():
            raise MapToolError(f"no feature of {name!r} matches and has a shape: the map was not moved")
        try:
            extent = _on_map(around, layer.crs(), desk.canvas)
        except ToolRefused as error:
            raise MapToolError(str(error.args[0])) from None
        return _shown(desk.canvas, extent, {"layer": name, "count": count})

    return Deed(lambda work: work.in_background("LSpace: find features", bounds, show))


def _on_map(extent: QgsRectangle, crs: QgsCoordinateReferenceSystem, canvas: QgsMapCanvas) -> QgsRectangle:
    """The extent in the map's CRS with a margin; around a mere point, what is usual."""
    if not extent.isFinite():
        raise ToolRefused(NO_PLACE)
    if extent.width() == 0 and extent.height() == 0:
        return _around(QgsGeometry.fromPointXY(extent.center()), crs, canvas, DEFAULT_WIDTH_M)
    map_crs = canvas.mapSettings().destinationCrs()
    if not crs.isValid() or not map_crs.isValid():
        raise ToolRefused("the layer or the map has no CRS")
    transform = QgsCoordinateTransform(crs, map_crs, QgsProject.instance().transformContext())
    try:
        moved = transform.transformBoundingBox(extent)
    except QgsCsException:
        raise ToolRefused(NO_PLACE) from None
    if not moved.isFinite() or moved.isNull():
        raise ToolRefused(NO_PLACE)
    moved.scale(_MARGIN)
    return moved


def _around(
    place: QgsGeometry, crs: QgsCoordinateReferenceSystem, canvas: QgsMapCanvas, width_m: float
) -> QgsRectangle:
    """A square around a point, so many metres wide on the ground at its middle."""
    settings = canvas.mapSettings()
    try:
        middle = reprojected(place, crs, settings.destinationCrs()).asPoint()
        side = width_m * _units_per_metre(middle, settings.destinationCrs())
    except (CrsUnknown, QgsCsException):
        raise ToolRefused(NO_PLACE) from None
    if not math.isfinite(side) or side <= 0:
        raise ToolRefused(NO_PLACE)
    size = settings.outputSize()
    ratio = size.height() / size.width() if size.width() > 0 and size.height() > 0 else 1.0
    return QgsRectangle.fromCenterAndSize(middle, side, side * ratio)


def _units_per_metre(middle: QgsPointXY, crs: QgsCoordinateReferenceSystem) -> float:
    """Along the map's horizontal; infinite at a pole in degrees."""
    step = 1e-5 if crs.isGeographic() else _PROBE_M
    left, right = QgsPointXY(middle.x() - step, middle.y()), QgsPointXY(middle.x() + step, middle.y())
    metres = float(ruler_for(crs).measureLine(left, right))
    return 2 * step / metres if metres > 1e-6 * step else math.inf


def _shown(canvas: QgsMapCanvas, extent: QgsRectangle, told: dict[str, Any]) -> Done:
    settings = canvas.mapSettings()
    former, crs = settings.extent(), settings.destinationCrs()
    canvas.setExtent(extent)
    canvas.refresh()

    def back() -> bool:
        if sip.isdeleted(canvas) or canvas.mapSettings().destinationCrs() != crs:
            return False
        canvas.setExtent(former)
        canvas.refresh()
        return True

    return Done(told, back)
