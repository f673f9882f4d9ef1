# SPDX-License-Identifier: GPL-2.0-or-later
"""What layers there are and what is in them, without where they come from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsMapLayer,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
    QgsWkbTypes,
)

from ...model_backend.errors import ToolRefused
from ..aoi import ruler_for
from ..errors import CrsUnknown
from ..reprojection import LONLAT
from .desk import Desk
from .feature_walk import FeatureWalk
from .named_layer import find_layer, find_vector_layer, layers_in_order
from .plain_text import plain_text, plain_value, significant
from .work import Deed, Done, at_once

_MOST_LAYERS = 50
_MOST_FIELDS = 60
_MOST_VALUES = 10
_MOST_DISTINCT = 10_000


def list_layers(_: Desk, __: Mapping[str, Any]) -> Deed:
    """The names and kinds of all layers."""
    return at_once(_listed)


def describe_layer(_: Desk, arguments: Mapping[str, Any]) -> Deed:
    """Fields, count, CRS and extent of a layer."""
    layer = find_layer(arguments["layer"])
    return at_once(lambda: Done(_described(layer)))


def summarise_field(_: Desk, arguments: Mapping[str, Any]) -> Deed:
    """The range or the most common values of a field."""
    layer = find_vector_layer(arguments["layer"])
    index = layer.fields().lookupField(arguments["field"])
    if index < 0:
        known = ", ".join(repr(plain_text(name)) for name in layer.fields().names()[:_MOST_FIELDS])
        raise ToolRefused(f"there is no field {plain_text(arguments['field'])!r}; there are: {known}")
    field = layer.fields().at(index)
    walk = FeatureWalk(layer, columns=(field.name(),))
    told = {"layer": plain_text(layer.name()), "field": plain_text(field.name())}

    def summary(gives_up: Callable[[], bool]) -> dict[str, Any]:
        found = (plain_value(feature[index]) for feature in walk.features(gives_up))
        return _range_of(found) if field.isNumeric() else _common_of(found)

    return Deed(
        lambda work: work.in_background(
            "LSpace: summarise", summary, lambda found: Done({**told, **found, **walk.walked.limits()})
        )
    )


def _listed() -> Done:
    layers, tree = layers_in_order(), QgsProject.instance().layerTreeRoot()
    told = []
    for layer in layers[:_MOST_LAYERS]:
        node = tree.findLayer(layer.id())
        visible = node is not None and node.isVisible()
        told.append({"name": plain_text(layer.name()), "kind": _kind_of(layer), "visible": visible})
    return Done({"count": len(layers), "layers": told})


def _kind_of(layer: QgsMapLayer) -> str:
    if isinstance(layer, QgsVectorLayer):
        kinds = QgsWkbTypes.GeometryType
        return {
            kinds.PointGeometry: "points",
            kinds.LineGeometry: "lines",
            kinds.PolygonGeometry: "polygons",
            kinds.NullGeometry: "table",
        }.get(layer.geometryType(), "features")
    return "raster" if isinstance(layer, QgsRasterLayer) else "other"


def _described(layer: QgsMapLayer) -> dict[str, Any]:
    told = {"layer": plain_text(layer.name()), "kind": _kind_of(layer)}
    if not layer.isValid():
        return {**told, "note": "the layer is broken and cannot be read"}
    crs = layer.crs()
    told["crs"] = (crs.authid() or plain_text(crs.description())) if crs.isValid() else "unknown"
    if isinstance(layer, QgsVectorLayer):
        count = layer.featureCount()
        told["count"] = count if count >= 0 else None
        fields = list(layer.fields())[:_MOST_FIELDS]
        told["fields"] = {plain_text(field.name()): plain_text(field.typeName()) for field in fields}
    elif isinstance(layer, QgsRasterLayer):
        told.update(_raster_facts(layer))
    told.update(_extents(layer))
    return told


def _raster_facts(layer: QgsRasterLayer) -> dict[str, Any]:
    facts: dict[str, Any] = {"bands": layer.bandCount()}
    if layer.width() > 0 and layer.height() > 0:
        facts["size_px"] = [layer.width(), layer.height()]
        facts["pixel"] = [
            significant(layer.rasterUnitsPerPixelX()),
            significant(layer.rasterUnitsPerPixelY()),
        ]
        gsd = _gsd_m(layer)
        if gsd is not None:
            facts["gsd_m"] = significant(gsd, 4)
    return facts


def _gsd_m(layer: QgsRasterLayer) -> float | None:
    """Width of a pixel in the layer's middle, metres."""
    middle = layer.extent().center()
    try:
        ruler = ruler_for(layer.crs())
        side = QgsPointXY(middle.x() + layer.rasterUnitsPerPixelX(), middle.y())
        gsd = float(ruler.measureLine(middle, side))
    except (CrsUnknown, QgsCsException):
        return None
    return gsd if math.isfinite(gsd) and gsd > 0 else None


def _extents(layer: QgsMapLayer) -> dict[str, Any]:
    extent = layer.extent()
    if extent.isNull() or not extent.isFinite():
        return {"note": "the layer is empty"}
    told = {"extent": _corners(extent)}
    lonlat = QgsCoordinateReferenceSystem(LONLAT)
    if layer.crs().isValid():
        transform = QgsCoordinateTransform(layer.crs(), lonlat, QgsProject.instance().transformContext())
        try:
            moved = transform.transformBoundingBox(extent)
        except QgsCsException:
            return told
        if moved.isFinite():
            told["extent_lonlat"] = _corners(moved)
    return told


def _corners(extent: QgsRectangle) -> list[float | None]:
    """West, south, east, north."""
    corners = (extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum())
    return [significant(corner) for corner in corners]


def _range_of(values: Any) -> dict[str, Any]:
    count, nulls, total, least, most = 0, 0, 0.0, math.inf, -math.inf
    for value in values:
        if value is None:
            nulls += 1
            continue
        count, total, least, most = count + 1, total + value, min(least, value), max(most, value)
    told: dict[str, Any] = {"count": count, "nulls": nulls}
    if count:
        told.update(minimum=least, maximum=most, mean=significant(total / count))
    return told


def _common_of(values: Any) -> dict[str, Any]:
    counted: Counter[Any] = Counter()
    nulls, others = 0, 0
    for value in values:
        if value is None:
            nulls += 1
        elif value in counted or len(counted) < _MOST_DISTINCT:
            counted[value] += 1
        else:
            others += 1
    common = [{"value": value, "count": count} for value, count in counted.most_common(_MOST_VALUES)]
    count = sum(counted.values()) + others
    told = {"count": count, "nulls": nulls, "distinct": len(counted), "values": common}
    return {**told, "note": "too many distinct values to count all"} if others else told
