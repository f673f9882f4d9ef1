# SPDX-License-Identifier: GPL-2.0-or-later
"""What a tool did, or is about to do, in a sentence. All values come from a model, a tool or the project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qgis.PyQt.QtCore import QLocale

from ...gis.runs.step import Step, StepState
from ...gis.tools.plan import Plan
from ..measures import sides_words
from ..words import tr

LONGEST_VALUE = 80
"""Characters of a name in a line."""
LONGEST_ERROR = 200
LARGEST = 1e15
"""Numbers from there on are shown as they are written."""


def step_words(step: Step) -> str:
    """One line about a call, for the log."""
    result = step.result()
    deed = _said(_DEEDS, step.tool, {**step.arguments, **result})
    values = _Shown(deed=deed, tool=step.tool, error=result.get("error", ""))
    template = {
        StepState.DONE: "{deed}",
        StepState.UNDONE: tr("{deed} (taken back)"),
        StepState.REFUSED: tr("Refused: {tool}. Nothing was changed."),
        StepState.REJECTED: tr("Not done: {error}"),
        StepState.FAILED: tr("{tool} failed: {error}"),
        StepState.CANCELLED: tr("Given up: {tool}"),
    }[step.state]
    return template.format_map(values)


def layer_named_in(step: Step) -> str:
    """Name of the layer that a step was about; empty where it was about none, or came to nothing."""
    name = step.result().get("layer", "") if step.state is StepState.DONE else ""
    return name if isinstance(name, str) else ""


def plan_words(plan: Plan) -> str:
    """What exactly will happen if it is allowed."""
    facts = dict(plan.facts)
    if "width_m" in facts:
        facts["sides"] = sides_words(facts["width_m"], facts["height_m"])
    return _said(_WISHES, plan.call.name, facts)


def _said(templates: Mapping[str, Callable[[], str]], tool: str, values: Mapping[str, Any]) -> str:
    make = templates.get(tool, lambda: "{tool}")
    return make().format_map(_Shown({**values, "tool": tool}))


class _Shown(dict):
    """Values as they stand in a line; a question mark for what is missing."""

    def __getitem__(self, name: str) -> str:
        return _shown(name, self.get(name, "?"))


def _shown(name: str, value: Any) -> str:
    if name == "deed":
        return str(value)
    if name in ("from", "to", "status"):
        return _statuses().get(value, str(value))
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and abs(value) < LARGEST:  # else from a model that made it up
        digits = 0 if isinstance(value, int) else 4 if name in _DEGREES else 1
        return QLocale().toString(float(value), "f", digits)
    text = " ".join(str(value).split())
    if name == "error":  # behind a semicolon stands what helps the model
        return text.split("; ")[0][:LONGEST_ERROR]
    if name == "unit":
        return text.replace("m2", "m\u00b2")
    text = text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."
    return f"'{text}'" if name in _NAMES else text


def _statuses() -> dict[str, str]:
    return {"pending": tr("pending"), "accepted": tr("accepted"), "rejected": tr("rejected")}


_NAMES = ("layer", "label", "file", "target", "field")
_DEGREES = ("longitude", "latitude", "west", "south", "east", "north")
_DEEDS: dict[str, Callable[[], str]] = {
    "list_layers": lambda: tr("Listed the layers: {count}"),
    "describe_layer": lambda: tr("Described {layer}"),
    "count_features": lambda: tr("Counted features of {layer}: {count}"),
    "select_features": lambda: tr("Selected features of {layer}: {count}"),
    "summarise_field": lambda: tr("Summed up the field {field} of {layer}"),
    "measure": lambda: tr("Measured {layer}: {total} {unit}"),
    "read_area": lambda: tr("Read the area"),
    "zoom_to_coordinates": lambda: tr("Moved the map to longitude {longitude}, latitude {latitude}"),
    "zoom_to_layer": lambda: tr("Moved the map to {layer}"),
    "zoom_to_features": lambda: tr("Moved the map to features of {layer}: {count}"),
    "detect": lambda: tr("Looked for {target}: {count} model proposals"),
    "decide_proposal": lambda: tr("Marked proposal {number} as {status}"),
    "add_proposal": lambda: tr("Added a proposal: {label}"),
    "export_layer": lambda: tr("Saved {layer} as {file}"),
}
_WISHES: dict[str, Callable[[], str]] = {
    "detect": lambda: tr(
        "May the model that draws boxes look for {target} in the area ({sides})? The boxes come as new "
        "layers of model proposals."
    ),
    "decide_proposal": lambda: tr(
        "May the model mark proposal {number} ({label}) of {layer} as {to}? It is {from} now."
    ),
    "add_proposal": lambda: tr(
        "May the model add an accepted proposal, {label}, to {layer}? West {west}, south {south}, east "
        "{east}, north {north}."
    ),
    "export_layer": lambda: tr(
        "May the model save {layer} ({count} features, {format}) as {file} in the project's folder?"
    ),
}
