# SPDX-License-Identifier: GPL-2.0-or-later
"""What a reviewer reads of a proposal, without its geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from qgis.core import QgsFeature, QgsFeatureRequest, QgsVectorLayer
from qgis.PyQt.QtCore import QDateTime, QVariant

from ..layers import Status


@dataclass(frozen=True)
class ProposalRow:
    """One feature of a proposal layer; None where the field is NULL, or missing in an older file."""

    fid: int
    status: Status
    label: str | None = None
    score: float | None = None
    area_m2: float | None = None
    sd_left_m: float | None = None
    sd_top_m: float | None = None
    sd_right_m: float | None = None
    sd_bot_m: float | None = None
    support: float | None = None
    sup_index: str | None = None
    sup_source: str | None = None
    agreement: float | None = None
    agree_n: int | None = None
    reviewed: str | None = None
    reviewer: str | None = None
    orig_label: str | None = None
    prompt: str | None = None

    @property
    def spread_m(self) -> tuple[float, float, float, float] | None:
        """Standard deviations of the left, top, right and bottom edge, metres; None if one is not known."""
        edges = (self.sd_left_m, self.sd_top_m, self.sd_right_m, self.sd_bot_m)
        return None if None in edges else edges


COLUMNS = tuple(item.name for item in fields(ProposalRow) if item.name != "fid")
"""Names of the layer's fields that a row holds, the status first."""


def read_rows(layer: QgsVectorLayer) -> dict[int, ProposalRow]:
    """All proposals of a layer by feature id, uncommitted edits included, in the layer's order."""
    columns = [layer.fields().indexOf(name) for name in COLUMNS]
    request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry)
    request.setSubsetOfAttributes([column for column in columns if column >= 0])
    return {feature.id(): _row_of(feature, columns) for feature in layer.getFeatures(request)}


def next_pending(rows: Sequence[ProposalRow], after: int | None, step: int = 1) -> int | None:
    """Id of the nearest pending proposal behind ``after``, or before it with -1, round the ends.

    ``after`` itself comes last; where it is not among the rows, the search begins at the end of the list.
    """
    ids = [row.fid for row in rows]
    start = ids.index(after) if after in ids else -1 if step > 0 else len(ids)
    for distance in range(1, len(rows) + 1):
        row = rows[(start + step * distance) % len(rows)]
        if row.status is Status.PENDING:
            return row.fid
    return None


def plain(value: Any) -> Any:
    """The value of an attribute, None for QGIS's NULL; a time as the text that it was written as."""
    if isinstance(value, QDateTime):  # GDAL makes it of a text in a GeoJSON file
        return value.toString("yyyy-MM-ddTHH:mm:ssZ")
    return None if isinstance(value, QVariant) else value


def _row_of(feature: QgsFeature, columns: Sequence[int]) -> ProposalRow:
    attributes = feature.attributes()
    status, *others = (plain(attributes[column]) if column >= 0 else None for column in columns)
    return ProposalRow(feature.id(), Status.of(status), *others)
