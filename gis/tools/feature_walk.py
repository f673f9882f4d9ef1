# SPDX-License-Identifier: GPL-2.0-or-later
"""A layer's features one by one in another thread, within limits that are told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from qgis.core import (
    QgsDistanceArea,
    QgsFeature,
    QgsFeatureRequest,
    QgsVectorLayer,
    QgsVectorLayerFeatureSource,
)

from ..errors import CrsUnknown
from .ruler import project_ruler
from .safe_expression import FeatureTest, check_expression

MOST_FEATURES = 5_000_000
MOST_SECONDS = 120.0
_BETWEEN_LOOKS = 256
"""Features between two looks at the clock."""


@dataclass
class Walked:
    """How far a walk came."""

    looked_at: int = 0
    complete: bool = True

    def limits(self) -> dict[str, object]:
        """What the model is told where the walk ended before the layer did."""
        if self.complete:
            return {}
        return {"complete": False, "note": f"stopped after {self.looked_at} features: there are more"}


class FeatureWalk:
    """The features of a layer as it is now, uncommitted edits included; made in the GUI thread."""

    def __init__(
        self,
        layer: QgsVectorLayer,
        expression: str = "",
        *,
        geometry: bool = False,
        columns: tuple[str, ...] = (),
    ) -> None:
        """``columns`` are fields that are read besides those of the expression.

        Raises:
            ToolRefused: the expression is not allowed.
        """
        self._fields = layer.fields()
        self._text = expression.strip()
        self._ruler: QgsDistanceArea | None = None
        names = set(columns)
        if self._text:
            names |= check_expression(self._text, self._fields).referencedColumns()
            self._ruler = _ruler_or_none(layer)
        self._columns = [index for index in map(self._fields.lookupField, names) if index >= 0]
        self._geometry = geometry
        self._source = QgsVectorLayerFeatureSource(layer)
        self.walked = Walked()

    def features(self, gives_up: Callable[[], bool]) -> Iterator[QgsFeature]:
        """Those that the expression is true of; for any thread, once.

        Raises:
            MapToolError: the expression cannot be reckoned.
        """
        test = FeatureTest(self._text, self._fields, self._ruler) if self._text else None
        started = time.monotonic()
        # tested here and not by the provider, which would not listen to a cancel before the first match
        for feature in self._source.getFeatures(self._request(test)):
            is_due = self.walked.looked_at % _BETWEEN_LOOKS == 0
            if is_due and gives_up():
                self.walked.complete = False
                return
            is_late = is_due and time.monotonic() - started > MOST_SECONDS
            if is_late or self.walked.looked_at >= MOST_FEATURES:
                self.walked.complete = False
                return
            self.walked.looked_at += 1
            if test is None or test.passes(feature):
                yield feature

    def _request(self, test: FeatureTest | None) -> QgsFeatureRequest:
        request = QgsFeatureRequest().setSubsetOfAttributes(self._columns)
        if not self._geometry and not (test and test.needs_geometry):
            request.setFlags(request.flags() | QgsFeatureRequest.Flag.NoGeometry)
        return request


def _ruler_or_none(layer: QgsVectorLayer) -> QgsDistanceArea | None:
    try:
        return project_ruler(layer.crs())
    except CrsUnknown:
        return None
