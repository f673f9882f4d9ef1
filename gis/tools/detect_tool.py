# SPDX-License-Identifier: GPL-2.0-or-later
"""Has the model that draws boxes look at the area of interest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from qgis.core import QgsProject, QgsVectorLayer
from qgis.PyQt import sip

from ...model_backend.errors import ToolRefused
from ..errors import MapToolError
from ..layers import Status
from ..review.proposal_row import read_rows
from ..runs.run_progress import RunEnd, RunOutcome
from .desk import Desk
from .plain_text import plain_text, significant
from .view_tools import area_facts
from .work import GIVEN_UP, Deed, Done, Work

NOTE = "model proposals: nobody has checked them"


def detect(desk: Desk, arguments: Mapping[str, Any]) -> Deed:
    """Looks for a target in the area of interest; what is found becomes a new layer of proposals."""
    target = arguments["target"].strip()
    if not target:
        raise ToolRefused("the target is empty")
    area = area_facts(desk)
    facts = {"target": plain_text(target), **area}

    def look(work: Work) -> None:
        work.on_cancel(desk.cancel_detection)
        desk.detect((target,), lambda end: work.end(_outcome(end, target)))

    return Deed(look, facts)


def _outcome(end: RunEnd, target: str) -> Done | MapToolError:
    if end.outcome is RunOutcome.CANCELLED:
        return MapToolError(GIVEN_UP)
    if end.outcome not in (RunOutcome.FINISHED, RunOutcome.NOTHING_FOUND):
        return MapToolError("the detection failed: the user is told why")
    told: dict[str, Any] = {"target": plain_text(target), "count": 0, "note": NOTE}
    layer = end.proposals
    if layer is None or sip.isdeleted(layer):
        return Done(told)
    told.update(_found_in(layer))
    made = [each.id() for each in (layer, end.footprints) if each is not None and not sip.isdeleted(each)]
    return Done(told, lambda: _take_away(layer, made))


def _found_in(layer: QgsVectorLayer) -> dict[str, Any]:
    rows = read_rows(layer).values()
    scores = [row.score for row in rows if row.score is not None]
    labels = Counter(plain_text(row.label or "") for row in rows)
    told: dict[str, Any] = {"layer": plain_text(layer.name()), "count": len(rows)}
    told["by_label"] = dict(labels.most_common(20))
    if scores:
        told["scores"] = [significant(min(scores), 3), significant(max(scores), 3)]
    return told


def _take_away(layer: QgsVectorLayer, made: list[str]) -> bool:
    """Removes the layers of the run, unless somebody has worked on the proposals."""
    if sip.isdeleted(layer) or layer.isModified():
        return False
    if any(row.status is not Status.PENDING for row in read_rows(layer).values()):
        return False
    project = QgsProject.instance()
    present = [layer_id for layer_id in made if project.mapLayer(layer_id) is not None]
    project.removeMapLayers(present)
    return bool(present)
