# SPDX-License-Identifier: GPL-2.0-or-later
"""Decides on proposals and adds accepted ones, in the edit buffer of the layer under review."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication

from ...model_backend.errors import ToolRefused
from ..errors import CrsUnknown, ValuesRejected
from ..layer_values import one_edit_command, start_editing, write_values
from ..layers import PROPOSAL_FIELDS, Status, is_proposal_layer
from ..provenance import utc_now
from ..reprojection import LONLAT, point_by_point
from ..review.proposal_row import plain
from ..review.review import area_m2, reviewer_name
from .desk import Desk
from .one_edit import OneEdit, still_holds
from .plain_text import plain_text
from .work import Deed, Done, at_once

MOST_DEGREES = 1.0
"""Width and height of a box that is added."""
TASK = "conversation"
"""In the field ``task`` of a proposal that no model's box stands behind."""


def decide_proposal(desk: Desk, arguments: Mapping[str, Any]) -> Deed:
    """Marks a proposal as accepted, rejected or pending again."""
    layer, status = _layer_under_review(desk), Status(arguments["status"])
    fid = arguments.get("number")
    fid = _selected_id(layer) if fid is None else fid
    feature = layer.getFeature(fid)
    if not feature.isValid():
        raise ToolRefused(f"there is no proposal with the number {fid}: numbers are feature ids")
    former = Status.of(plain(feature["status"]))
    if former is status:
        raise ToolRefused(f"the proposal {fid} is {status.value} already")
    facts = {**_layer_facts(layer), "number": fid, "label": plain_text(str(plain(feature["label"]) or ""))}
    facts.update({"from": former.value, "to": status.value})
    return at_once(lambda: _decide(layer, feature, status, facts), facts)


def add_proposal(desk: Desk, arguments: Mapping[str, Any]) -> Deed:
    """Adds a box as an accepted proposal without a score."""
    layer, label = _layer_under_review(desk), plain_text(arguments["label"])
    west, south, east, north = (float(arguments[side]) for side in ("west", "south", "east", "north"))
    if not label:
        raise ToolRefused("the label is empty")
    if not (west < east and south < north):
        raise ToolRefused("west has to be less than east, and south less than north")
    if max(east - west, north - south) > MOST_DEGREES:
        raise ToolRefused(f"the box is too large: at most {MOST_DEGREES:g} degree a side")
    shape = _box_in(layer, QgsRectangle(west, south, east, north))
    sides = {"west": west, "south": south, "east": east, "north": north}
    facts = {**_layer_facts(layer), "label": label, **sides}
    return at_once(lambda: _add(layer, label, shape, facts), facts)


def _layer_under_review(desk: Desk) -> QgsVectorLayer:
    layer = desk.proposals()
    if layer is None or not is_proposal_layer(layer) or layer.fields().indexOf("label") < 0:
        raise ToolRefused("no layer of proposals is under review: detect something first")
    if layer.isEditCommandActive():
        raise ToolRefused("the layer is being edited just now")
    if layer.readOnly() or not layer.supportsEditing():
        raise ToolRefused(f"the layer {plain_text(layer.name())!r} is read-only")
    return layer


def _layer_facts(layer: QgsVectorLayer) -> dict[str, Any]:
    return {"layer": plain_text(layer.name()), "layer_id": layer.id()}


def _selected_id(layer: QgsVectorLayer) -> int:
    selected = layer.selectedFeatureIds()
    if len(selected) != 1:
        raise ToolRefused("say the number of the proposal, its feature id, or have exactly one selected")
    return int(selected[0])


def _decide(layer: QgsVectorLayer, feature: QgsFeature, status: Status, facts: dict[str, Any]) -> Done:
    fid = feature.id()
    new: dict[str, Any] = {"status": status.value, **_signature()}
    if status is Status.PENDING:
        new.update(reviewed=NULL, reviewer=NULL)
    present = feature.fields().names()
    former = {name: feature[name] if name in present else NULL for name in new}
    fields = {name: PROPOSAL_FIELDS[name] for name in new}
    title = QCoreApplication.translate("LSpace", "Decide on a proposal")

    def write(values: Mapping[str, Any]) -> None:
        write_values(layer, fields, {fid: values}, title)
        layer.triggerRepaint()

    made = OneEdit(layer, lambda: write(new), lambda: still_holds(layer, fid, new))
    told = {"layer": facts["layer"], "number": fid, "label": facts["label"], "status": status.value}
    return Done(told, lambda: made.undo(lambda: write(former)))


def _box_in(layer: QgsVectorLayer, box: QgsRectangle) -> QgsGeometry:
    lonlat = QgsCoordinateReferenceSystem(LONLAT)
    context = QgsProject.instance().transformContext()
    try:
        shape = point_by_point(QgsGeometry.fromRect(box), lonlat, layer.crs(), context)
    except CrsUnknown:
        raise ToolRefused("the box has no place in the layer's CRS") from None
    if not math.isfinite(shape.area()) or shape.area() <= 0:
        raise ToolRefused("the box has no area in the layer's CRS")
    if not shape.convertToMultiType():
        raise ToolRefused("the box does not fit the layer")
    return shape


def _add(layer: QgsVectorLayer, label: str, shape: QgsGeometry, facts: dict[str, Any]) -> Done:
    values = {"label": label, "status": Status.ACCEPTED.value, "orig_label": label, "task": TASK}
    values.update(_signature(), created=utc_now(), area_m2=area_m2(shape, layer))
    feature = QgsFeature(layer.fields())
    feature.setAttributes([values.get(name) for name in layer.fields().names()])
    feature.setGeometry(shape)
    title = QCoreApplication.translate("LSpace", "Add a proposal")

    def add() -> None:
        start_editing(layer)
        with one_edit_command(layer, title):
            if not layer.addFeature(feature):
                raise ValuesRejected("a feature was refused", layer=layer.name())
        layer.triggerRepaint()

    def remove() -> None:
        start_editing(layer)
        with one_edit_command(layer, title):
            if not layer.deleteFeature(feature.id()):
                raise ValuesRejected("a feature was kept", layer=layer.name())

    kept = {"label": label, "status": Status.ACCEPTED.value, "task": TASK}
    made = OneEdit(layer, add, lambda: still_holds(layer, feature.id(), kept))
    told = {"layer": facts["layer"], "number": feature.id(), "label": label, "status": Status.ACCEPTED.value}
    return Done({**told, "area_m2": area_m2(shape, layer)}, lambda: made.undo(remove))


def _signature() -> dict[str, str]:
    """Who decided: the user, who allowed what the model asked for."""
    return {"reviewed": utc_now(), "reviewer": f"{reviewer_name()} (asked by the model)"}
