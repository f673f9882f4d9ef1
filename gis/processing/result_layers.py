# SPDX-License-Identifier: GPL-2.0-or-later
"""What an algorithm writes, with the fields of the dock's layers, and how it looks when it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsDataProvider,
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsGeometry,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingUtils,
    QgsProviderRegistry,
    QgsVectorLayer,
    QgsWkbTypes,
)

from ...model_backend.contract import Contract
from ...model_backend.proposal import Detection
from ..errors import CrsUnknown, FeaturesRejected
from ..imaging.chip import ChipSet
from ..layers import (
    FOOTPRINT_FIELDS,
    PROPOSAL_FIELDS,
    chip_values,
    dress,
    make_field,
    proposal_values,
    told_values,
)
from ..provenance import ChipRecord, Run
from ..reprojection import EDGE_POINTS, point_by_point
from ..runs.run_layers import together
from .chip_folder import ChipFolder
from .model_session import PlaceAnswer
from .raster_algorithm import FOOTPRINTS, PROPOSALS

WKB_TYPE = QgsWkbTypes.Type.MultiPolygon
SPEC = {PROPOSALS: PROPOSAL_FIELDS, FOOTPRINTS: FOOTPRINT_FIELDS}
_dressers: dict[str, ResultDresser] = {}
"""QGIS does not hold the Python half of a post-processor; one a layer, until it is used."""


def fields_of(kind: str) -> QgsFields:
    """The fields of the dock's layers of that kind."""
    fields = QgsFields()
    for field in SPEC[kind].items():
        fields.append(make_field(*field))
    return fields


class ResultWriter:
    """Writes place after place, and keeps the record of the run; files are complete when it is gone."""

    def __init__(
        self,
        run: Run,
        contract: Contract,
        context: QgsCoordinateTransformContext,
        sinks: Mapping[str, QgsFeatureSink],
    ) -> None:
        """``sinks`` by kind of layer; what has none is not written."""
        self.run = run
        self.boxes = 0
        self._contract = contract
        self._crs = QgsCoordinateReferenceSystem.fromWkt(run.output_crs_wkt)
        self._context = context
        self._sinks = dict(sinks)

    def add(self, place: ChipSet, answer: PlaceAnswer | None) -> None:
        """Writes what was answered about a place, or that there is no answer.

        Raises:
            FeaturesRejected: a sink does not take it.
        """
        chips = tuple(ChipRecord.of(made.chip) for made in place.chips)
        self.run = replace(self.run, chips=(*self.run.chips, *chips))
        if answer is None:
            self._write_outline(chips, {"outcome": "failed"})
            return
        prompts = [each["prompt"] for each in answer.told]
        self.run = replace(self.run, prompts=tuple(dict.fromkeys([*self.run.prompts, *prompts])))
        for detection, prompt in answer.detections:
            self._write_proposal(detection, prompt)
        self._write_outline(chips, told_values(answer.told, len(answer.detections)))
        self.boxes += len(answer.detections)

    def keep_pictures(self, place: ChipSet, folder: Path) -> None:
        """Writes what the model was shown; TargetNotWritable where that is not possible."""
        for made in place.chips:
            ChipFolder(folder).keep(made.chip)

    def _write_proposal(self, detection: Detection, prompt: str) -> None:
        named = detection.labelled(self._contract.words_for_label(detection.proposal.label))
        shape = QgsGeometry()
        shape.fromWkb(named.wkb)
        self._write(PROPOSALS, shape, proposal_values(self.run, named, prompt))

    def _write_outline(self, chips: tuple[ChipRecord, ...], told: Mapping[str, Any]) -> None:
        chip = together(chips)
        outline = chip.outline()
        if chip.crs != self._crs:
            outline = outline.densifyByCount(EDGE_POINTS)
        try:
            shape = point_by_point(outline, chip.crs, self._crs, self._context)
        except CrsUnknown as error:
            raise FeaturesRejected(str(error), chip_id=chip.chip_id) from error
        self._write(FOOTPRINTS, shape, {**chip_values(self.run, chip), **told})

    def _write(self, kind: str, shape: QgsGeometry, values: Mapping[str, Any]) -> None:
        if kind not in self._sinks:
            return
        feature = QgsFeature(fields_of(kind))
        feature.setAttributes([values.get(name) for name in SPEC[kind]])
        feature.setGeometry(shape)
        if not self._sinks[kind].addFeature(feature, QgsFeatureSink.Flag.FastInsert):
            raise FeaturesRejected(self._sinks[kind].lastError(), layer=kind)


class ResultDresser(QgsProcessingLayerPostProcessorInterface):
    """Gives a loaded layer the style and the record of the dock's layers, so that a review works on it."""

    def __init__(self, kind: str, run: Run) -> None:
        super().__init__()
        self._kind = kind
        self._run = run

    def postProcessLayer(
        self,
        layer: QgsMapLayer,
        context: QgsProcessingContext,  # noqa: ARG002
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> None:
        """Called by QGIS in the main thread, when the layer is in the project and has QGIS's own style."""
        dress(layer, self._kind, self._run)
        _dressers.pop(layer.id(), None)


def finish_layer(
    layer_id: str, kind: str, run: Run, context: QgsProcessingContext, feedback: QgsProcessingFeedback
) -> None:
    """Completes a layer that was written, for the main thread: its record goes into its file, too."""
    layer = QgsProcessingUtils.mapLayerFromString(layer_id, context)
    if not isinstance(layer, QgsVectorLayer):
        return
    # before it comes into the project: then the dock sees at once what it is
    dress(layer, kind, run)
    if layer.providerType() == "ogr":
        registry = QgsProviderRegistry.instance()
        saved, message = registry.saveLayerMetadata("ogr", _uri_of(layer), layer.metadata())
        if not saved:
            feedback.pushWarning(message)
    if context.willLoadLayerOnCompletion(layer_id):
        dresser = ResultDresser(kind, run)
        _dressers[layer.id()] = dresser
        context.layerToLoadOnCompletionDetails(layer_id).setPostProcessor(dresser)


def _uri_of(layer: QgsVectorLayer) -> str:
    """The file and the table in it; Processing leaves out the table where it is the only one."""
    registry = QgsProviderRegistry.instance()
    parts = registry.decodeUri("ogr", layer.source())
    if not parts.get("layerName"):
        table = layer.dataProvider().subLayers()[0].split(QgsDataProvider.sublayerSeparator())[1]
        parts["layerName"] = table
    return registry.encodeUri("ogr", parts)
