# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts, selects and measures features, in the background: a layer may hold millions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCsException,
    QgsDistanceArea,
    QgsGeometry,
    QgsProject,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt import sip

from ...model_backend.errors import ToolRefused
from ..errors import CrsUnknown, MapToolError
from ..reprojection import densified
from .desk import Desk
from .feature_walk import FeatureWalk
from .named_layer import find_vector_layer
from .plain_text import plain_text, significant
from .ruler import project_ruler
from .work import Deed, Done

MOST_SELECTED = 100_000
NAMED_IDS = 10
"""Ids of features that the model is told."""
LAYER_GONE = "the layer was removed meanwhile"


def count_features(_: Desk, arguments: Mapping[str, Any]) -> Deed:
    """How many features there are, or how many an expression is true of."""
    layer = find_vector_layer(arguments["layer"])
    name = plain_text(layer.name())
    walk = FeatureWalk(layer, arguments.get("expression", ""))

    def count(gives_up: Callable[[], bool]) -> int:
        return sum(1 for _ in walk.features(gives_up))

    def told(found: int) -> Done:
        return Done({"layer": name, "count": found, **walk.walked.limits()})

    return Deed(lambda work: work.in_background("LSpace: count features", count, told))


def select_features(_: Desk, arguments: Mapping[str, Any]) -> Deed:
    """Selects what an expression is true of, in place of the former selection."""
    layer = find_vector_layer(arguments["layer"])
    walk = FeatureWalk(layer, needed_expression(arguments))

    def select(ids: list[int]) -> Done:
        if sip.isdeleted(layer):
            raise MapToolError(LAYER_GONE)
        former = list(layer.selectedFeatureIds())
        layer.selectByIds(ids)
        told = {"layer": plain_text(layer.name()), "count": len(ids), "ids": ids[:NAMED_IDS]}
        return Done(told, lambda: _select_again(layer, former))

    return Deed(lambda work: work.in_background("LSpace: select features", ids_of(walk), select))


def measure(_: Desk, arguments: Mapping[str, Any]) -> Deed:
    """Area of polygons or length of lines on the ellipsoid, added up."""
    layer = find_vector_layer(arguments["layer"])
    name = plain_text(layer.name())
    kinds = QgsWkbTypes.GeometryType
    if layer.geometryType() not in (kinds.PolygonGeometry, kinds.LineGeometry):
        raise ToolRefused(f"the layer {name!r} has no lines or polygons: there is nothing to measure")
    is_area = layer.geometryType() == kinds.PolygonGeometry
    try:
        ruler = project_ruler(layer.crs())
    except CrsUnknown:
        raise ToolRefused(f"the layer {name!r} has no CRS that can be measured in") from None
    walk = FeatureWalk(layer, arguments.get("expression", ""), geometry=True)
    crs = layer.crs()

    def total(gives_up: Callable[[], bool]) -> tuple[float, int, int]:
        sizes = [_size_of(feature.geometry(), crs, ruler) for feature in walk.features(gives_up)]
        known = [size for size in sizes if size is not None]
        return math.fsum(known), len(known), len(sizes) - len(known)

    def told(found: tuple[float, int, int]) -> Done:
        size, count, unmeasured = found
        facts = {"layer": name, "count": count, "total": significant(size), "unit": "m2" if is_area else "m"}
        if unmeasured:
            facts["without_measure"] = unmeasured
        return Done({**facts, "ellipsoid": ruler.ellipsoid(), **walk.walked.limits()})

    return Deed(lambda work: work.in_background("LSpace: measure", total, told))


def ids_of(walk: FeatureWalk) -> Callable[[Callable[[], bool]], list[int]]:
    """What collects the ids of a walk in another thread; MapToolError where there are too many."""

    def collect(gives_up: Callable[[], bool]) -> list[int]:
        ids: list[int] = []
        for feature in walk.features(gives_up):
            if len(ids) == MOST_SELECTED:
                raise MapToolError(f"more than {MOST_SELECTED} features match: narrow the expression")
            ids.append(feature.id())
        check_complete(walk)
        return ids

    return collect


def check_complete(walk: FeatureWalk) -> None:
    """MapToolError where a walk broke off: half a selection would pass for the whole."""
    if not walk.walked.complete:
        raise MapToolError(f"given up after {walk.walked.looked_at} features: the layer is too large")


def needed_expression(arguments: Mapping[str, Any]) -> str:
    """The expression; ToolRefused where it is empty."""
    text = str(arguments["expression"]).strip()
    if not text:
        raise ToolRefused("the expression is empty")
    return text


def _select_again(layer: QgsVectorLayer, ids: list[int]) -> bool:
    if sip.isdeleted(layer) or QgsProject.instance().mapLayer(layer.id()) is None:
        return False
    layer.selectByIds(ids)
    return True


def _size_of(shape: QgsGeometry, crs: QgsCoordinateReferenceSystem, ruler: QgsDistanceArea) -> float | None:
    """Square metres or metres; None without a shape, or where it cannot be measured."""
    if shape.isEmpty():
        return None
    bent = densified(shape, crs)
    is_area = shape.type() == QgsWkbTypes.GeometryType.PolygonGeometry
    try:
        size = float(ruler.measureArea(bent) if is_area else ruler.measureLength(bent))
    except QgsCsException:
        return None
    return size if math.isfinite(size) else None
