# SPDX-License-Identifier: GPL-2.0-or-later
"""Proposals of a layer against true polygons of another, as rows of a table and as a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeatureRequest,
    QgsFields,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
)

from ..aoi import Aoi
from ..errors import EmptyExtent
from ..layers import make_field
from ..reporting.report_document import Column, Document, Notice, Paragraph, Table
from ..review.proposal_row import plain
from .matching import LabelMatch, Shape, match, mean_average_precision, together
from .translation import tr

FIELDS: dict[str, type] = {
    "label": str,
    "truth": int,
    "proposed": int,
    "matched": int,
    "precision": float,
    "recall": float,
    "f1": float,
    "ap": float,
}
ANY = "any"
"""Label of everything, where labels count for nothing."""


@dataclass(frozen=True)
class Side:
    """Polygons and where their labels and scores stand."""

    source: QgsProcessingFeatureSource
    label: str = ""
    """Field; empty takes everything for the same."""
    score: str = ""

    def shapes(
        self,
        crs: QgsCoordinateReferenceSystem,
        context: QgsCoordinateTransformContext,
        feedback: QgsProcessingFeedback,
    ) -> Iterator[Shape]:
        """The polygons in the CRS; those without area are told of and left out."""
        request = QgsFeatureRequest().setDestinationCrs(crs, context)
        # those that are not valid are mended below
        unchecked = QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
        for feature in self.source.getFeatures(request, unchecked):
            if feedback.isCanceled():
                return
            try:
                polygon = Aoi.from_polygon(feature.geometry(), crs).polygon
            except EmptyExtent:
                words = tr("Feature {id} of {layer} has no area and is left out.")
                feedback.pushWarning(words.format(id=feature.id(), layer=self.source.sourceName()))
                continue
            label = str(plain(feature[self.label]) or "") if self.label else ANY
            score = plain(feature[self.score]) if self.score else None
            yield Shape(label, polygon, None if score is None else float(score))


@dataclass(frozen=True)
class Evaluation:
    """What came of a comparison."""

    matches: tuple[LabelMatch, ...]
    """By label."""
    whole: LabelMatch
    """All labels as if they were one, but matched label by label."""
    mean_average_precision: float | None

    @classmethod
    def of(cls, proposed: Sequence[Shape], truth: Sequence[Shape], least_iou: float) -> Evaluation:
        """Matches and counts."""
        matches = tuple(match(proposed, truth, least_iou))
        return cls(matches, together(matches, tr("all labels")), mean_average_precision(matches))

    @property
    def rows(self) -> tuple[tuple[Any, ...], ...]:
        """Values of ``FIELDS``, label by label, all of them last."""
        rows = [_row(each, each.average_precision) for each in self.matches]
        return (*rows, _row(self.whole, self.mean_average_precision))

    def document(self, facts: str, rule: str) -> Document:
        """The report; ``facts`` say what was compared, ``rule`` how."""
        titles = [tr("Label"), tr("True"), tr("Proposed"), tr("Matched"), tr("Precision"), tr("Recall")]
        columns = tuple(Column(title, index > 0) for index, title in enumerate([*titles, "F1", "AP"]))
        caption = tr("By label; of AP, the last row has the mean")
        blocks = (
            Notice(tr("Figures of this truth alone: what it does not hold, it cannot tell.")),
            Paragraph(facts),
            Table(caption, columns, tuple(map(row_words, self.rows))),
            Paragraph(rule),
        )
        return Document(tr("LSpace: proposals against the truth"), "", "en", blocks)


def table_fields() -> QgsFields:
    """Of the table of results."""
    fields = QgsFields()
    for field in FIELDS.items():
        fields.append(make_field(*field))
    return fields


def row_words(row: tuple[Any, ...]) -> tuple[str, ...]:
    """A row for people."""
    numbers = (f"{value:.3f}" if isinstance(value, float) else str(value) for value in row)
    return tuple(tr("none") if value is None else words for value, words in zip(row, numbers))


def _row(of: LabelMatch, average_precision: float | None) -> tuple[Any, ...]:
    return (of.label, of.truth, of.proposed, of.matched, of.precision, of.recall, of.f1, average_precision)
