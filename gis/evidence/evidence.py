# SPDX-License-Identifier: GPL-2.0-or-later
"""Independent evidence: what the user's own bands say of each proposal; the model's score stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qgis.core import (
    NULL,
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

from ..errors import SupportRejected
from ..layers import make_field
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
            SupportRejected: the layer has no polygons with labels.
        """
        column = layer.fields().indexOf("label")
        is_polygons = layer.geometryType() == QgsWkbTypes.GeometryType.PolygonGeometry
        if not layer.isValid() or column < 0 or not is_polygons:
            raise SupportRejected("not a layer of proposals", layer=layer.name())
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
        SupportRejected: the layer has no polygons with labels.
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
        SupportRejected: the layer takes no edits; it is as it was.
    """
    current = {feature.id(): feature for feature in layer.getFeatures(QgsFeatureRequest())}
    fitting = [proposal for proposal in proposals if _is_unchanged(proposal.state, current)]
    if fitting:
        _edit(layer, fitting, current)
    return len(proposals) - len(fitting)


def _edit(
    layer: QgsVectorLayer, proposals: Sequence[MeasuredProposal], current: dict[int, QgsFeature]
) -> None:
    was_editable = layer.isEditable()
    if not was_editable and not layer.startEditing():
        raise SupportRejected("the layer is read-only", layer=layer.name())
    layer.beginEditCommand(QCoreApplication.translate("LSpace", "Measure support"))
    try:
        columns = _columns_of(layer)
        for proposal in proposals:
            feature_id = proposal.state.feature_id
            values = dict(zip(columns, _values_of(proposal.support)))
            # QGIS would look each former value up, and once more to undo it: seconds for each thousand
            former = dict(zip(columns, _former_values(current[feature_id])))
            if not layer.changeAttributeValues(feature_id, values, former):
                raise SupportRejected("a value was refused", layer=layer.name(), feature_id=feature_id)
    except SupportRejected as error:
        layer.destroyEditCommand()
        if not was_editable and not layer.rollBack():
            raise SupportRejected("the edit session stays open", layer=layer.name()) from error
        raise
    layer.endEditCommand()


def _columns_of(layer: QgsVectorLayer) -> list[int]:
    """Those of ``SUPPORT_FIELDS``; an older layer gets them."""
    for name, kind in SUPPORT_FIELDS.items():
        if layer.fields().indexOf(name) < 0 and not layer.addAttribute(make_field(name, kind)):
            raise SupportRejected("the layer takes no fields", layer=layer.name(), field=name)
    return [layer.fields().indexOf(name) for name in SUPPORT_FIELDS]


def _values_of(support: Support) -> tuple[float | None, str | None, str | None]:
    if support.share is None:
        return (None, None, None)
    return (round(support.share, 4), support.index, support.source)


def _former_values(feature: QgsFeature) -> list[Any]:
    fields = feature.fields()
    return [feature[name] if fields.indexOf(name) >= 0 else NULL for name in SUPPORT_FIELDS]


def _is_unchanged(state: ProposalState, current: dict[int, QgsFeature]) -> bool:
    feature = current.get(state.feature_id)
    if feature is None or _label_of(feature) != state.label:
        return False
    return feature.geometry().equals(state.geometry)


def _label_of(feature: QgsFeature) -> str:
    label = feature["label"]
    return label if isinstance(label, str) else ""
