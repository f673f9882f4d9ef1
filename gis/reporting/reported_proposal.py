# SPDX-License-Identifier: GPL-2.0-or-later
"""A proposal as a report lists it: its fields, and where on the Earth it lies."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qgis.core import QgsFeatureRequest, QgsGeometry, QgsSpatialIndex, QgsVectorLayer

from ..errors import CrsUnknown, FeaturesRejected
from ..layers import Status
from ..reprojection import in_lonlat
from ..review.proposal_row import ProposalRow, read_rows


@dataclass(frozen=True)
class ReportedProposal:
    """One proposal and its outline in longitude and latitude."""

    row: ProposalRow
    outline: QgsGeometry | None
    """In EPSG:4326; None where it has no place there."""

    @property
    def label(self) -> str:
        """What it is a proposal of; empty where nothing is said."""
        return self.row.label or ""

    @property
    def lonlat(self) -> tuple[float, float] | None:
        """Of its middle, degrees."""
        if self.outline is None:
            return None
        middle = self.outline.centroid().asPoint()
        return middle.x(), middle.y()


@dataclass(frozen=True)
class Spread:
    """What is known of a number that not every proposal has."""

    values: tuple[float, ...]
    """Those that were measured."""
    total: int
    """How many proposals there are."""

    @property
    def is_whole(self) -> bool:
        """Whether every proposal has the number."""
        return len(self.values) == self.total


@dataclass(frozen=True)
class Finding:
    """All proposals of one label."""

    label: str
    proposals: tuple[ReportedProposal, ...]

    def of(self, status: Status) -> tuple[ReportedProposal, ...]:
        """Those of that status."""
        return tuple(each for each in self.proposals if each.row.status is status)

    def area_m2(self, status: Status) -> float | None:
        """Sum of the boxes' geodesic areas as the layer has them; None where one of them has none."""
        areas = [_number(each.row.area_m2) for each in self.of(status)]
        return None if None in areas else math.fsum(areas)

    def spread(self, name: str) -> Spread:
        """``score``, ``support`` or ``agreement`` of the proposals that were not rejected."""
        kept = [each for each in self.proposals if each.row.status is not Status.REJECTED]
        values = [_number(getattr(each.row, name)) for each in kept]
        return Spread(tuple(value for value in values if value is not None), len(kept))


def read_proposals(layer: QgsVectorLayer) -> tuple[ReportedProposal, ...]:
    """All proposals of a layer, uncommitted edits included, in its order; for the GUI thread."""
    outlines = _outlines_of(layer)
    return tuple(ReportedProposal(row, outlines.get(fid)) for fid, row in read_rows(layer).items())


def findings_of(proposals: Iterable[ReportedProposal]) -> tuple[Finding, ...]:
    """The proposals label by label, in the order of the labels."""
    by_label: dict[str, list[ReportedProposal]] = {}
    for proposal in proposals:
        by_label.setdefault(proposal.label, []).append(proposal)
    labels = sorted(by_label, key=lambda label: (label.casefold(), label))
    return tuple(Finding(label, tuple(by_label[label])) for label in labels)


def best_first(proposals: Iterable[ReportedProposal]) -> list[ReportedProposal]:
    """By label, and by score inside a label; those without a score last."""
    return sorted(proposals, key=lambda each: (each.label.casefold(), each.label, -_score_of(each)))


def count_overlapping(proposals: Sequence[ReportedProposal]) -> int:
    """How many share ground with another one, so that their areas count twice in a sum."""
    outlines = [each.outline for each in proposals if each.outline is not None]
    index = QgsSpatialIndex()
    for number, outline in enumerate(outlines):
        if not index.addFeature(number, outline.boundingBox()):
            raise FeaturesRejected("an outline that cannot be indexed", number=number)
    return sum(_meets_another(number, outlines, index) for number in range(len(outlines)))


def _meets_another(number: int, outlines: Sequence[QgsGeometry], index: QgsSpatialIndex) -> bool:
    outline = outlines[number]
    near = (other for other in index.intersects(outline.boundingBox()) if other != number)
    return any(outline.intersects(outlines[other]) and not outline.touches(outlines[other]) for other in near)


def _outlines_of(layer: QgsVectorLayer) -> dict[int, QgsGeometry]:
    outlines = {}
    for feature in layer.getFeatures(QgsFeatureRequest().setNoAttributes()):
        if not feature.hasGeometry():
            continue
        try:
            outlines[feature.id()] = in_lonlat(feature.geometry(), layer.crs())
        except CrsUnknown:
            continue
    return outlines


def _number(value: object) -> float | None:
    is_number = isinstance(value, (int, float)) and math.isfinite(value)
    return float(value) if is_number else None


def _score_of(proposal: ReportedProposal) -> float:
    score = _number(proposal.row.score)
    return -1.0 if score is None else score
