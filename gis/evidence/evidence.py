# SPDX-License-Identifier: GPL-2.0-or-later
"""Independent evidence: what the user's own bands say of each proposal; the model's score stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsProject,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QCoreApplication

from ..errors import ValuesRejected
from ..layer_values import write_values
from ..task import BackgroundTask
from .spectral_image import OpenImage, SpectralImage
from .support import Support, SupportMeter

SUPPORT_FIELDS: dict[str, type] = {"support": float, "sup_index": str, "sup_source": str}


@dataclass(frozen=True)
class ProposalState:
    """What is measured of a proposal, as it was at one moment; the geometry in the order's CRS."""

    feature_id: int
    geometry: QgsGeometry
    label: str


@dataclass(frozen=True)
class MeasuredProposal:
    """A proposal and the support that was found for it."""

    state: ProposalState
    support: Support


@dataclass(frozen=True)
class EvidenceOrder:
    """What is to be measured in which images, apart from the layer: any thread may do it."""

    proposals: tuple[ProposalState, ...]
    crs: QgsCoordinateReferenceSystem
    image: SpectralImage
    """The only image, or the later one."""
    before: SpectralImage | None
    transform_context: QgsCoordinateTransformContext

    @classmethod
    def of(
        cls, layer: QgsVectorLayer, image: SpectralImage, before: SpectralImage | None = None
    ) -> EvidenceOrder:
        """All proposals of a layer, with uncommitted edits; for the GUI thread.

        Raises:
            ValuesRejected: the layer has no polygons with labels.
        """
        column = layer.fields().indexOf("label")
        is_polygons = layer.geometryType() == QgsWkbTypes.GeometryType.PolygonGeometry
        if not layer.isValid() or column < 0 or not is_polygons:
            raise ValuesRejected("not a layer of proposals", layer=layer.name())
        request = QgsFeatureRequest().setSubsetOfAttributes([column])
        proposals = tuple(
            ProposalState(feature.id(), feature.geometry(), _label_of(feature))
            for feature in layer.getFeatures(request)
        )
        return cls(proposals, layer.crs(), image, before, QgsProject.instance().transformContext())

    def measure(
        self,
        gives_up: Callable[[], bool] = lambda: False,
        tell: Callable[[float], None] = lambda _: None,
    ) -> tuple[MeasuredProposal, ...] | None:
        """Reads the pixels; None if it gave up. ``tell`` is given the percentage that is done.

        Raises:
            RasterUnusable: an image cannot be read.
        """
        before = OpenImage(self.before) if self.before else None
        meter = SupportMeter(OpenImage(self.image), before, self.crs, self.transform_context)
        measured = []
        for count, state in enumerate(self.proposals):
            tell(100 * count / len(self.proposals))
            support = meter.measure(state.geometry, state.label, gives_up)
            if gives_up():
                return None
            measured.append(MeasuredProposal(state, support))
        return tuple(measured)


def gather_evidence(
    layer: QgsVectorLayer, image: SpectralImage, before: SpectralImage | None = None
) -> BackgroundTask:
    """A task, not yet started, that succeeds with the ``MeasuredProposal`` tuple for ``write_evidence``.

    Raises:
        ValuesRejected: the layer has no polygons with labels.
    """
    order = EvidenceOrder.of(layer, image, before)
    title = QCoreApplication.translate("LSpace", "LSpace: measure support of {layer}")
    task = BackgroundTask(
        title.format(layer=layer.name()), lambda gives_up: order.measure(gives_up, task.setProgress)
    )
    return task


def write_evidence(layer: QgsVectorLayer, proposals: Sequence[MeasuredProposal]) -> int:
    """Puts what was measured into the layer's edit buffer, as one command that can be undone.

    A proposal without support gets NULL, whatever it had: it may have been of another label or place.
    Returns how many were left as they are, because they changed or went after they were measured.

    Raises:
        ValuesRejected: the layer takes no edits; it is as it was.
    """
    current = {feature.id(): feature for feature in layer.getFeatures(QgsFeatureRequest())}
    fitting = [proposal for proposal in proposals if _is_unchanged(proposal.state, current)]
    if fitting:
        values = {each.state.feature_id: _values_of(each.support) for each in fitting}
        title = QCoreApplication.translate("LSpace", "Measure support")
        write_values(layer, SUPPORT_FIELDS, values, title)
    return len(proposals) - len(fitting)


def _values_of(support: Support) -> dict[str, Any]:
    if support.share is None:
        return dict.fromkeys(SUPPORT_FIELDS)
    return {"support": round(support.share, 4), "sup_index": support.index, "sup_source": support.source}


def _is_unchanged(state: ProposalState, current: dict[int, QgsFeature]) -> bool:
    feature = current.get(state.feature_id)
    if feature is None or _label_of(feature) != state.label:
        return False
    return feature.geometry().equals(state.geometry)


def _label_of(feature: QgsFeature) -> str:
    label = feature["label"]
    return label if isinstance(label, str) else ""
