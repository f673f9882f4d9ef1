# SPDX-License-Identifier: GPL-2.0-or-later
"""Which proposals are shown, in the table and on the map."""

from __future__ import annotations

from dataclasses import dataclass

from qgis.core import QgsExpressionContextUtils, QgsVectorLayer

from ..layers import Status
from .proposal_row import ProposalRow

LEAST_SCORE, LABEL, STATUS = "lspace_least_score", "lspace_label", "lspace_status"
"""The layer's variables that the expression in ``resources/proposals.qml`` reads."""


@dataclass(frozen=True)
class ReviewFilter:
    """Conditions that a shown proposal fulfils; None is no condition."""

    least_score: float | None = None
    """0..1; proposals without a score are shown whatever it is."""
    label: str | None = None
    status: Status | None = None

    @classmethod
    def of(cls, layer: QgsVectorLayer) -> ReviewFilter:
        """The filter that the layer's map is drawn with."""
        scope = QgsExpressionContextUtils.layerScope(layer)
        score, label, status = (scope.variable(name) or None for name in (LEAST_SCORE, LABEL, STATUS))
        return cls(_share(score), label, Status.of(status) if status else None)

    @property
    def shows_all(self) -> bool:
        """Whether there is no condition."""
        return self == ReviewFilter()

    def accepts(self, row: ProposalRow) -> bool:
        """Whether the proposal is shown."""
        return (
            (self.least_score is None or row.score is None or row.score >= self.least_score)
            and (self.label is None or row.label == self.label)
            and (self.status is None or row.status is self.status)
        )

    def write_to(self, layer: QgsVectorLayer) -> None:
        """Has the map drawn with this filter.

        The layer's data stay whole, unlike with a subset string, which QGIS refuses while a layer is edited;
        and a saved style has no variables, so that nothing is hidden in a saved file.
        """
        if self == ReviewFilter.of(layer):
            return
        score = "" if self.least_score is None else repr(self.least_score)
        status = "" if self.status is None else self.status.value
        for name, value in ((LEAST_SCORE, score), (LABEL, self.label or ""), (STATUS, status)):
            QgsExpressionContextUtils.setLayerVariable(layer, name, value)
        layer.triggerRepaint()


def _share(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
