# SPDX-License-Identifier: GPL-2.0-or-later
"""The facts of a report, taken from proposal layers and exchanges: in no words yet."""

from __future__ import annotations

import configparser
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from qgis.core import Qgis, QgsCoordinateReferenceSystem, QgsGeometry, QgsVectorLayer

from ...model_backend.contract import load_contracts
from ...model_backend.errors import GeoreferenceError
from ..aoi import Aoi
from ..errors import ChipError, CrsUnknown
from ..layers import Status
from ..provenance import ChipRecord, Run, legible_run, utc_now
from ..reprojection import in_lonlat
from ..review.review import reviewer_name
from ..runs.answer import Answer
from ..runs.conversation import Exchange
from .reported_proposal import Finding, ReportedProposal, findings_of, read_proposals

METADATA = Path(__file__).resolve().parents[2] / "metadata.txt"


@dataclass(frozen=True)
class Area:
    """Where something was asked."""

    aoi: Aoi
    outline: QgsGeometry | None
    """In EPSG:4326; None where it has no place there."""
    size_m: tuple[float, float] | None
    """Width and height on the ground; None where nothing can be measured."""

    @classmethod
    def of(cls, aoi: Aoi) -> Area:
        """The area with its place and size, as far as they can be told."""
        try:
            size = aoi.size_m()
        except ChipError:
            size = None
        return cls(aoi, _outline_of(aoi), size)

    @property
    def lonlat(self) -> tuple[float, float] | None:
        """Of its middle, degrees."""
        if self.outline is None:
            return None
        middle = self.outline.boundingBox().center()
        return middle.x(), middle.y()


@dataclass(frozen=True)
class Observation:
    """A picture that the model was shown."""

    chip: ChipRecord
    trained_gsd_m: float | None
    """Of the model that saw it; None where nothing is known of its training."""

    @property
    def scale(self) -> float | None:
        """Times as coarse as in training."""
        return None if self.trained_gsd_m is None else self.chip.gsd_m / self.trained_gsd_m


@dataclass(frozen=True)
class ReportedLayer:
    """A layer of proposals that the report is about."""

    name: str
    crs: QgsCoordinateReferenceSystem
    count: int
    run_id: str | None
    """None where the layer does not say, or not legibly, which run made it."""


@dataclass(frozen=True)
class Report:
    """Everything that a report may say; what is not in here is not known."""

    created: str
    """ISO 8601, UTC."""
    author: str
    plugin_version: str
    qgis_version: str
    layers: tuple[ReportedLayer, ...]
    exchanges: tuple[Exchange, ...]
    """The oldest first."""
    runs: tuple[Run, ...]
    """Of the exchanges and the layers, each once, the oldest first."""
    areas: tuple[Area, ...]
    proposals: tuple[ReportedProposal, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to report."""
        return not self.exchanges and not self.layers

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The proposals label by label."""
        return findings_of(self.proposals)

    @property
    def observations(self) -> tuple[Observation, ...]:
        """The pictures, each once, in the order in which they were first shown."""
        seen = {}
        for run in self.runs:
            for chip in run.chips:
                seen.setdefault(chip.chip_id, Observation(chip, _trained_gsd_m(run.model)))
        return tuple(seen.values())

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Of all exchanges, in the order in which they were written."""
        return tuple(answer for exchange in self.exchanges for answer in exchange.answers)

    def of(self, status: Status) -> tuple[ReportedProposal, ...]:
        """The proposals of that status."""
        return tuple(each for each in self.proposals if each.row.status is status)


def compose(layers: Sequence[QgsVectorLayer], exchanges: Sequence[Exchange]) -> Report:
    """Gathers the facts of proposal layers, with uncommitted edits, and of exchanges; for the GUI thread."""
    recorded = [(layer, legible_run(layer)) for layer in layers]
    runs = _runs([*(exchange.run for exchange in exchanges), *(run for _, run in recorded if run)])
    return Report(
        created=utc_now(),
        author=reviewer_name(),
        plugin_version=_plugin_version(),
        qgis_version=Qgis.QGIS_VERSION,
        layers=tuple(_reported(layer, run) for layer, run in recorded),
        exchanges=tuple(sorted(exchanges, key=lambda exchange: exchange.run.created)),
        runs=runs,
        areas=_areas(exchanges, runs),
        proposals=tuple(proposal for layer in layers for proposal in read_proposals(layer)),
    )


def _reported(layer: QgsVectorLayer, run: Run | None) -> ReportedLayer:
    return ReportedLayer(layer.name(), layer.crs(), layer.featureCount(), run.run_id if run else None)


def _runs(runs: Iterable[Run]) -> tuple[Run, ...]:
    by_id: dict[str, Run] = {}
    for run in runs:
        by_id.setdefault(run.run_id, run)
    return tuple(sorted(by_id.values(), key=lambda run: run.created))


def _areas(exchanges: Sequence[Exchange], runs: Sequence[Run]) -> tuple[Area, ...]:
    """Those of the exchanges; of a run without one, what its pictures showed."""
    told = {exchange.run.run_id for exchange in exchanges}
    shown = [_shown_by(run) for run in runs if run.run_id not in told]
    aois = [*(exchange.aoi for exchange in exchanges), *(aoi for aoi in shown if aoi)]
    apart = {(aoi.crs.authid(), aoi.polygon.asWkt(6)): aoi for aoi in aois}
    return tuple(Area.of(aoi) for aoi in apart.values())


def _shown_by(run: Run) -> Aoi | None:
    if not run.chips:
        return None
    first = run.chips[0]
    try:
        outlines = [chip.outline() for chip in run.chips if chip.crs_wkt == first.crs_wkt]
        return Aoi.from_polygon(QgsGeometry.unaryUnion(outlines), first.crs)
    except (ChipError, GeoreferenceError, TypeError):  # a record that was written by hand
        return None


def _outline_of(aoi: Aoi) -> QgsGeometry | None:
    try:
        return in_lonlat(aoi.polygon, aoi.crs)
    except CrsUnknown:
        return None


def _trained_gsd_m(model: str) -> float | None:
    """The scale of a model's training pictures, by its hub id or its folder's name."""
    contracts = [each for each in load_contracts().values() if each.chip.knows_scale]
    known = (each.chip.gsd_m for each in contracts if model and model in (each.hub_id, each.name))
    return next(known, None)


@lru_cache(maxsize=1)
def _plugin_version() -> str:
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read(METADATA, encoding="utf-8")
    return metadata.get("general", "version", fallback="")
