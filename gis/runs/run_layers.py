# SPDX-License-Identifier: GPL-2.0-or-later
"""The layers of one run in the project: made when the first result arrives, filled as more come."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsVectorLayer
from qgis.PyQt import sip

from ...model_backend.contract import Contract
from ...model_backend.proposal import Detection
from ..errors import LayerRejected, LayerRemoved
from ..layers import add_detections, add_footprint, create_footprint_layer, create_proposal_layer, told_values
from ..provenance import ChipRecord, Run

GROUP = "LSpace"
"""In the layer tree."""


class RunLayers:
    """Writes what the worker reports; whatever was written stays."""

    def __init__(self, run: Run, crs: QgsCoordinateReferenceSystem, contract: Contract) -> None:
        self._run = run
        self._crs = crs
        self._contract = contract
        self._proposals: QgsVectorLayer | None = None
        self._footprints: QgsVectorLayer | None = None
        self._added = 0
        self.dropped: Counter[str] = Counter()
        self.cut_short = 0
        self._added_before = 0
        self._prompts: dict[str, None] = {}

    @property
    def proposals(self) -> QgsVectorLayer | None:
        """The boxes, where there are any in the project."""
        return None if _is_gone(self._proposals) else self._proposals

    @property
    def footprints(self) -> QgsVectorLayer | None:
        """The outlines of the places that are done, where there are any in the project."""
        return None if _is_gone(self._footprints) else self._footprints

    @property
    def boxes(self) -> int:
        """How many are on the map."""
        return 0 if self.proposals is None else self._added

    def check(self) -> None:
        """Sees whether the layers are still in the project.

        Raises:
            LayerRemoved: one is not.
        """
        if _is_gone(self._proposals) or _is_gone(self._footprints):
            raise LayerRemoved("a layer of the run was removed")

    def add_detection(self, body: dict[str, Any]) -> None:
        """Puts one box on the map; ``body`` is that of a ``detection`` message."""
        detection = Detection.from_payload(body["detection"])
        detection = detection.labelled(self._contract.words_for_label(detection.proposal.label))
        if self._proposals is None:
            self._proposals = create_proposal_layer(self._run, self._crs)
            _show(self._proposals)
        add_detections(self._proposals, self._run, [detection], body["prompt"]["prompt"])
        self._added += 1

    def add_place(self, chip_id: str, answers: list[dict[str, Any]], outcome: str) -> None:
        """Puts a place's outline on the map, with what was answered about its images."""
        chips = self._run.chips_of(chip_id)
        if not chips or _is_gone(self._footprints):
            return
        dropped = Counter()
        for answer in answers:
            dropped.update(answer.get("dropped", {}))
            self._prompts[answer["prompt"]] = None
            self.cut_short += answer.get("finish_reason") == "length"
        if self._footprints is None:
            self._footprints = create_footprint_layer(self._run, self._crs)
            _show(self._footprints, below=self.proposals)
        told = told_values(answers, self._added - self._added_before, outcome)
        add_footprint(self._footprints, self._run, together(chips), **told)
        self._added_before = self._added
        self.dropped.update(dropped)

    @property
    def prompts(self) -> tuple[str, ...]:
        """As asked, each wording once."""
        return tuple(self._prompts)

    def finish(self) -> None:
        """Completes the provenance of what was made."""
        run = replace(self._run, prompts=self.prompts)
        for layer in (self.proposals, self.footprints):
            if layer is not None:
                run.write_to(layer)


def _is_gone(layer: QgsVectorLayer | None) -> bool:
    """Whether it was made, and the user took it away."""
    return layer is not None and sip.isdeleted(layer)


def together(chips: tuple[ChipRecord, ...]) -> ChipRecord:
    """The last chip, with what is to be said of all images of its place."""
    dates = [chip.date or "?" for chip in chips] if any(chip.date for chip in chips) else []
    sources = dict.fromkeys(source for chip in chips for source in chip.sources)
    return replace(
        chips[-1],
        date=" / ".join(dates) or None,
        sources=tuple(sources),
        valid_share=min(chip.valid_share for chip in chips),
    )


def _show(layer: QgsVectorLayer, below: QgsVectorLayer | None = None) -> None:
    """In a group of its own on top of the other layers, so that the imagery does not hide it."""
    project = QgsProject.instance()
    if project.addMapLayer(layer, False) is None:
        raise LayerRejected("the project would not take the layer", layer=layer.name())
    root = project.layerTreeRoot()
    group = root.findGroup(GROUP) or root.insertGroup(0, GROUP)
    group.insertLayer(0 if below is None else 1, layer)
