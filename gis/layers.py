# SPDX-License-Identifier: GPL-2.0-or-later
"""The layers a run fills: proposals, and the footprints of the chips they were seen on.

Field names have ten characters at most, so that a shapefile keeps them.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any, Iterable, Mapping, Sequence

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureSink,
    QgsField,
    QgsGeometry,
    QgsMapLayer,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt import QtCore
from qgis.PyQt.QtCore import QCoreApplication, QMetaType

from ..model_backend.proposal import Detection
from .errors import CrsUnknown, FeaturesRejected, LayerRejected, StyleRejected
from .provenance import ChipRecord, Run, has_run, legible_run
from .reprojection import reprojected

RESOURCES = Path(__file__).resolve().parent.parent / "resources"
RESULT_PROPERTY = "lspace/result"

SPREAD_FIELDS = ("sd_left_m", "sd_top_m", "sd_right_m", "sd_bot_m")
"""Standard deviations of the model's own edges, metres along the sides of its chip; NULL where unknown."""
PROPOSAL_FIELDS: dict[str, type] = {
    "label": str,
    "score": float,
    "area_m2": float,
    "edge_m": float,
    **dict.fromkeys(SPREAD_FIELDS, float),
    "support": float,
    "sup_index": str,
    "sup_source": str,
    "agreement": float,
    "agree_n": int,
    "status": str,
    "reviewed": str,
    "reviewer": str,
    "orig_label": str,
    "task": str,
    "prompt": str,
    "model": str,
    "revision": str,
    "device": str,
    "chip_id": str,
    "run_id": str,
    "created": str,
    "gsd_m": float,
    "raw_box": str,
    "repairs": str,
}
FOOTPRINT_FIELDS: dict[str, type] = {
    "chip_id": str,
    "caption": str,
    "outcome": str,
    "n_boxes": int,
    "dropped": int,
    "gsd_m": float,
    "valid": float,
    "kind": str,
    "sources": str,
    "date": str,
    "model": str,
    "revision": str,
    "prompt": str,
    "created": str,
    "run_id": str,
}


class Status(Enum):
    """What the reviewer thinks of a proposal; the value is what the field ``status`` holds."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"

    @classmethod
    def of(cls, value: object) -> Status:
        """Reads the field ``status``; whatever says nothing is pending, as in the style."""
        return next((status for status in cls if status.value == value), cls.PENDING)


def create_proposal_layer(run: Run, crs: QgsCoordinateReferenceSystem) -> QgsVectorLayer:
    """An empty, styled layer for the run's proposals; it is not yet in a project.

    Raises:
        LayerRejected: QGIS would not make the layer in this CRS.
        StyleRejected: the style file would not load.
    """
    name = QCoreApplication.translate("LSpace", "Proposals: {what}").format(what=_subject_of(run))
    return _create("proposals", name, PROPOSAL_FIELDS, run, crs)


def create_footprint_layer(run: Run, crs: QgsCoordinateReferenceSystem) -> QgsVectorLayer:
    """An empty, styled layer for the outlines of the run's chips; raises as ``create_proposal_layer``."""
    name = QCoreApplication.translate("LSpace", "Chips: {what}").format(what=_subject_of(run))
    return _create("footprints", name, FOOTPRINT_FIELDS, run, crs)


def add_detections(
    layer: QgsVectorLayer, run: Run, detections: Sequence[Detection], prompt: str
) -> list[int]:
    """Adds detections as pending features and returns their ids; cheap enough to call for each new box.

    They go to the layer's data, not to its edit buffer: undoing a review must not undo the run.

    Raises:
        FeaturesRejected: a geometry or value does not fit the layer; none of the detections was added.
    """
    features = [_proposal_feature(layer, run, detection, prompt) for detection in detections]
    return _add(layer, features)


def add_footprint(
    layer: QgsVectorLayer,
    run: Run,
    chip: ChipRecord,
    *,
    outcome: str,
    prompt: str,
    caption: str = "",
    n_boxes: int = 0,
    dropped: int = 0,
) -> int:
    """Adds the outline of a chip and what came of it, and returns the feature's id.

    Raises:
        FeaturesRejected: the outline cannot be drawn in the layer's CRS.
    """
    told = {"outcome": outcome, "prompt": prompt, "caption": caption, "n_boxes": n_boxes, "dropped": dropped}
    values = {**chip_values(run, chip), **told}
    return _add(layer, [_feature(layer, _outline(chip, layer.crs()), values)])[0]


def proposal_values(run: Run, detection: Detection, prompt: str) -> dict[str, Any]:
    """What the fields of a pending proposal hold, by name; those that only a review fills are left out."""
    chip = run.chip(detection.chip_id)
    return {
        "label": detection.proposal.label,
        "score": detection.proposal.score,
        "area_m2": detection.area_m2,
        "edge_m": detection.edge_m,
        **dict(zip(SPREAD_FIELDS, detection.spread_m or ())),
        "status": Status.PENDING.value,
        "orig_label": detection.proposal.label,
        "task": run.task,
        "prompt": prompt,
        "device": run.device,
        "chip_id": detection.chip_id,
        "gsd_m": None if chip is None else chip.gsd_m,
        "raw_box": detection.proposal.raw,
        "repairs": ", ".join(detection.proposal.repairs),
        **_run_values(run),
    }


def chip_values(run: Run, chip: ChipRecord) -> dict[str, Any]:
    """What the fields of a footprint hold of the chip and the run, by name; the answer adds the others."""
    return {
        "chip_id": chip.chip_id,
        "gsd_m": chip.gsd_m,
        "valid": chip.valid_share,
        "kind": chip.kind,
        "sources": ", ".join(chip.sources),
        "date": chip.date,
        **_run_values(run),
    }


def told_values(answers: Sequence[Mapping[str, Any]], n_boxes: int, outcome: str = "done") -> dict[str, Any]:
    """What the fields of a footprint hold of the answers about it, as the worker tells them."""
    return {
        "outcome": outcome,
        "prompt": "\n".join(answer["prompt"] for answer in answers),
        "caption": "\n".join(answer["text"] for answer in answers if answer["answer"] == "text"),
        "n_boxes": n_boxes,
        "dropped": sum(sum(answer.get("dropped", {}).values()) for answer in answers),
    }


def dress(layer: QgsVectorLayer, kind: str, run: Run) -> None:
    """Gives a layer with the fields of ``kind``, proposals or footprints, its style, its mark and its record.

    Raises:
        StyleRejected: the style file would not load.
    """
    layer.setCustomProperty(RESULT_PROPERTY, kind)
    _apply_style(layer, RESOURCES / f"{kind}.qml")
    run.write_to(layer)


def is_result_layer(layer: QgsMapLayer) -> bool:
    """Whether LSpace made the layer, also after it was saved and opened again."""
    return layer.customProperty(RESULT_PROPERTY) is not None or has_run(layer)


def is_proposal_layer(layer: QgsMapLayer) -> bool:
    """Whether LSpace made the layer and it holds proposals."""
    return isinstance(layer, QgsVectorLayer) and is_result_layer(layer) and "status" in layer.fields().names()


def proposal_layers(project: QgsProject) -> list[QgsVectorLayer]:
    """The project's proposal layers, the newest run first."""
    layers = [layer for layer in project.mapLayers().values() if is_proposal_layer(layer)]
    return sorted(layers, key=time_of_run, reverse=True)


def time_of_run(layer: QgsMapLayer) -> str:
    """When the layer's run began, ISO 8601 UTC; empty if its record is damaged or missing."""
    run = legible_run(layer)
    return "" if run is None else run.created


def make_field(name: str, kind: type, length: int = 0) -> QgsField:
    """A field for ``str``, ``float`` or ``int`` values; 0 leaves the length to the format."""
    types = {str: QMetaType.Type.QString, float: QMetaType.Type.Double, int: QMetaType.Type.Int}
    if Qgis.QGIS_VERSION_INT < 33800:
        # QgsField takes QMetaType only from QGIS 3.38; the numbers are the same.
        return QgsField(name, QtCore.QVariant.Type(types[kind]), "", length)
    return QgsField(name, types[kind], "", length)


def _create(
    kind: str, name: str, spec: dict[str, type], run: Run, crs: QgsCoordinateReferenceSystem
) -> QgsVectorLayer:
    # The CRS is set afterwards: a layer URI has no safe way to carry WKT.
    layer = QgsVectorLayer("MultiPolygon?index=yes", name, "memory")
    layer.setCrs(crs)
    if not layer.isValid() or not crs.isValid() or layer.crs() != crs:
        raise LayerRejected(layer=name, crs=crs.userFriendlyIdentifier())
    if not layer.dataProvider().addAttributes([make_field(*field) for field in spec.items()]):
        raise LayerRejected(layer=name, fields=list(spec))
    layer.updateFields()
    dress(layer, kind, run)
    return layer


def _apply_style(layer: QgsVectorLayer, path: Path) -> None:
    message, loaded = layer.loadNamedStyle(str(path))
    if not loaded:
        raise StyleRejected(message, style=path.name)


def _subject_of(run: Run) -> str:
    return ", ".join(run.targets) or run.task


def _run_values(run: Run) -> dict[str, Any]:
    return {"model": run.model, "revision": run.revision, "created": run.created, "run_id": run.run_id}


def _proposal_feature(layer: QgsVectorLayer, run: Run, detection: Detection, prompt: str) -> QgsFeature:
    geometry = QgsGeometry()
    geometry.fromWkb(detection.wkb)
    return _feature(layer, geometry, proposal_values(run, detection, prompt))


def _feature(layer: QgsVectorLayer, geometry: QgsGeometry, values: dict[str, Any]) -> QgsFeature:
    if geometry.isEmpty():
        raise FeaturesRejected("no geometry", chip_id=values["chip_id"])
    feature = QgsFeature(layer.fields())
    # The user may have added fields of their own; those stay NULL, as does a score that is None.
    feature.setAttributes([values.get(field.name()) for field in layer.fields()])
    feature.setGeometry(geometry)
    return feature


def _add(layer: QgsVectorLayer, features: Iterable[QgsFeature]) -> list[int]:
    provider = layer.dataProvider()
    added, stored = provider.addFeatures(list(features), QgsFeatureSink.Flag.RollBackOnErrors)
    if not added:
        raise FeaturesRejected(provider.lastError(), layer=layer.name())
    selected = layer.selectedFeatureIds()
    # Tells open attribute tables, and has the extent reckoned anew; but it also ends the selection.
    provider.reloadData()
    if selected:
        layer.selectByIds(selected)
    layer.triggerRepaint()
    return [feature.id() for feature in stored]


def _outline(chip: ChipRecord, crs: QgsCoordinateReferenceSystem) -> QgsGeometry:
    try:
        return reprojected(chip.outline(), chip.crs, crs)
    except CrsUnknown as error:
        raise FeaturesRejected(str(error), chip_id=chip.chip_id) from error
