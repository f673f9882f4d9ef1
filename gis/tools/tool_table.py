# SPDX-License-Identifier: GPL-2.0-or-later
"""All tools over the map: how a model is told of them, and what stands behind each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...model_backend.tool import ToolDefinition
from ..layers import Status
from . import (
    detect_tool,
    export_tool,
    feature_tools,
    layer_tools,
    proposal_tools,
    safe_expression,
    view_tools,
)
from .desk import Desk
from .work import Deed


@dataclass(frozen=True)
class MapTool:
    """A tool over the map."""

    definition: ToolDefinition
    prepare: Callable[[Desk, Mapping[str, Any]], Deed]
    """What a call with checked arguments comes to; ToolRefused where it makes no sense, touches nothing."""
    changes: bool = False
    """Whether it changes a layer, a file or the project: the user is asked first."""


def _text(description: str, most: int = 200, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, "maxLength": most, **more}


def _degrees(description: str, most: int) -> dict[str, Any]:
    return {"type": "number", "description": description, "minimum": -most, "maximum": most}


_LAYER = _text("name of the layer")
_EXPRESSION = _text('QGIS expression, e.g. "area_ha" > 2', safe_expression.LONGEST)
_LONGITUDE, _LATITUDE = _degrees("degrees east", 180), _degrees("degrees north", 90)
_BOX = {"west": _LONGITUDE, "south": _LATITUDE, "east": _LONGITUDE, "north": _LATITUDE}


def _tool(
    prepare: Callable[[Desk, Mapping[str, Any]], Deed],
    description: str,
    needed: Mapping[str, Any] | None = None,
    optional: Mapping[str, Any] | None = None,
    *,
    changes: bool = False,
) -> MapTool:
    needed, optional = needed or {}, optional or {}
    schema = {"type": "object", "properties": {**needed, **optional}, "required": list(needed)}
    return MapTool(ToolDefinition(prepare.__name__, description, schema), prepare, changes)


MAP_TOOLS: tuple[MapTool, ...] = (
    _tool(layer_tools.list_layers, "List the layers of the project."),
    _tool(
        layer_tools.describe_layer,
        "Describe a layer: fields, number of features, CRS, extent, bands.",
        {"layer": _LAYER},
    ),
    _tool(
        feature_tools.count_features,
        "Count the features of a layer, all or those that match an expression.",
        {"layer": _LAYER},
        {"expression": _EXPRESSION},
    ),
    _tool(
        feature_tools.select_features,
        "Select the features of a layer that match an expression.",
        {"layer": _LAYER, "expression": _EXPRESSION},
    ),
    _tool(
        layer_tools.summarise_field,
        "Minimum, maximum and mean of a field, or its most common values.",
        {"layer": _LAYER, "field": _text("name of the field")},
    ),
    _tool(
        feature_tools.measure,
        "Total area (m2) of polygons or length (m) of lines on the ellipsoid.",
        {"layer": _LAYER},
        {"expression": _EXPRESSION},
    ),
    _tool(view_tools.read_area, "Size, centre and CRS of the user's area of interest."),
    _tool(
        view_tools.zoom_to_coordinates,
        "Move the map to a place.",
        {"longitude": _LONGITUDE, "latitude": _LATITUDE},
        {
            "width_m": {
                "type": "number",
                "description": "metres across",
                "minimum": 10,
                "maximum": 20_000_000,
            }
        },
    ),
    _tool(view_tools.zoom_to_layer, "Move the map to all of a layer.", {"layer": _LAYER}),
    _tool(
        view_tools.zoom_to_features,
        "Move the map to the features that match an expression.",
        {"layer": _LAYER, "expression": _EXPRESSION},
    ),
    _tool(
        detect_tool.detect,
        "Look for objects in the area of interest. Gives model proposals.",
        {"target": _text("what to look for, e.g. vessel", 80)},
        changes=True,
    ),
    _tool(
        proposal_tools.decide_proposal,
        "Accept or reject a proposal of the layer under review, or make it pending again.",
        {"status": _text("new status", enum=[status.value for status in Status])},
        {"number": {"type": "integer", "description": "its feature id; without it, the selected one"}},
        changes=True,
    ),
    _tool(
        proposal_tools.add_proposal,
        "Add a box as an accepted proposal to the layer under review.",
        {"label": _text("what it is", 80), **_BOX},
        changes=True,
    ),
    _tool(
        export_tool.export_layer,
        "Save a layer as a new file in the project's folder.",
        {
            "layer": _LAYER,
            "format": _text("file format", enum=list(export_tool.FORMATS)),
            "file_name": _text("name of the file, without a folder", 80),
        },
        changes=True,
    ),
)
