# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a result comes from: the record of one run, kept in the layer's own metadata.

The metadata travels with a project file, inside a GeoPackage, and as a ``.qmd`` file beside other formats.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field, fields
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from qgis.core import (
    QgsBox3d,
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsLayerMetadata,
    QgsMapLayer,
    QgsPointXY,
)
from qgis.PyQt.QtCore import QCoreApplication

from ..model_backend.chip import Chip
from ..model_backend.georeference.geotransform import GeoTransform
from .errors import RecordInvalid

RECORD_VERSION = 1
_RECORD_PREFIX = "lspace-run: "
_VOCABULARY = "LSpace"


def utc_now() -> str:
    """The time as all our records write it: ISO 8601, UTC, to the second."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class ChipRecord:
    """A chip without its pixels: what it takes to make it again."""

    chip_id: str
    kind: str
    width_px: int
    height_px: int
    transform: tuple[float, ...]
    """Six numbers, in the order of ``GeoTransform``."""
    crs_wkt: str
    gsd_m: float
    valid_share: float
    sources: tuple[str, ...] = ()
    date: str | None = None

    @classmethod
    def of(cls, chip: Chip) -> ChipRecord:
        """The record of a chip."""
        return cls(
            chip_id=chip.chip_id,
            kind=chip.kind.value,
            width_px=chip.width_px,
            height_px=chip.height_px,
            transform=astuple(chip.transform),
            crs_wkt=chip.crs_wkt,
            gsd_m=chip.gsd_m,
            valid_share=chip.valid_share,
            sources=chip.sources,
            date=chip.date,
        )

    @property
    def crs(self) -> QgsCoordinateReferenceSystem:
        """Of the map units of ``grid``."""
        return QgsCoordinateReferenceSystem.fromWkt(self.crs_wkt)

    @property
    def grid(self) -> GeoTransform:
        """From pixels to the map; GeoreferenceError or TypeError where somebody wrote the record by hand."""
        return GeoTransform(*self.transform)

    def outline(self) -> QgsGeometry:
        """A multipolygon with its four corners, in its CRS; raises as ``grid``."""
        to_map, width, height = self.grid.to_map, self.width_px, self.height_px
        corners = [(0, 0), (width, 0), (width, height), (0, height), (0, 0)]
        return QgsGeometry.fromMultiPolygonXY([[[QgsPointXY(*to_map(*corner)) for corner in corners]]])


@dataclass(frozen=True)
class Run:
    """Everything about one run that is needed to judge it and to run it again."""

    task: str
    model: str
    """Hub id, or the folder's name."""
    revision: str
    device: str
    precision: str
    output_crs_wkt: str
    """WKT2."""
    targets: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    """As asked, each wording once."""
    chips: tuple[ChipRecord, ...] = ()
    """Place by place, ``images`` a place, the earlier image first."""
    images: int = 1
    """Chips that a question was asked about together."""
    options: dict[str, Any] = field(default_factory=dict)
    """JSON-ready values, such as ``max_new_tokens`` and ``clip_wkt``."""
    random_weights: bool = False
    """Whether the checkpoint says of itself that it was never trained."""
    run_id: str = field(default_factory=lambda: uuid4().hex[:12])
    created: str = field(default_factory=utc_now)
    """ISO 8601, UTC."""

    @classmethod
    def of_model(cls, info: Mapping[str, Any], **facts: Any) -> Run:
        """A run of a loaded model; ``info`` is what the worker says of it, ``facts`` are the other fields."""
        return cls(
            model=info["name"],
            **{name: info[name] for name in ("revision", "device", "precision", "random_weights")},
            **facts,
        )

    def chip(self, chip_id: str) -> ChipRecord | None:
        """The record of that chip, or None."""
        return next((chip for chip in self.chips if chip.chip_id == chip_id), None)

    def chips_of(self, chip_id: str) -> tuple[ChipRecord, ...]:
        """All images of the place whose last chip has that id; empty if there is none."""
        count = self.images
        places = [self.chips[start : start + count] for start in range(0, len(self.chips), count)]
        return next((chips for chips in places if chips[-1].chip_id == chip_id), ())

    def to_json(self) -> str:
        """The run as one line of JSON."""
        return json.dumps({"version": RECORD_VERSION, **asdict(self)}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Run:
        """Reads what ``to_json`` wrote; keys that a later version added are left out.

        Raises:
            RecordInvalid: not JSON, or a field is missing.
        """
        try:
            values = _known(cls, json.loads(text))
            chips = tuple(_chip_from(chip) for chip in values["chips"])
            texts = {name: tuple(values[name]) for name in ("targets", "prompts")}
            return cls(**{**values, **texts, "chips": chips})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RecordInvalid(str(error), record=text[:80]) from error

    def write_to(self, layer: QgsMapLayer) -> None:
        """Writes the run into the layer's metadata, in words and as JSON, in place of an earlier one."""
        metadata = layer.metadata()
        kept = [entry for entry in metadata.history() if not entry.startswith(_RECORD_PREFIX)]
        told = self._story()
        metadata.setHistory(
            [*(entry for entry in kept if entry != told), told, _RECORD_PREFIX + self.to_json()]
        )
        metadata.setIdentifier(self.run_id)
        metadata.setType("dataset")
        metadata.setTitle(layer.name())
        metadata.setAbstract(self._abstract())
        metadata.setKeywords({_VOCABULARY: [self.task, *self.targets, self.model]})
        metadata.setCrs(layer.crs())
        metadata.setExtent(_extent_of(layer))
        layer.setMetadata(metadata)

    def _abstract(self) -> str:
        sentences = [
            QCoreApplication.translate(
                "LSpace",
                "Model proposals, not GIS truth: {model} wrote them about satellite imagery, and nobody "
                "has checked them unless their status says so.",
            ),
            QCoreApplication.translate(
                "LSpace", "Scores are the model's own token probabilities; where it gave none, there is none."
            ),
        ]
        if self.random_weights:
            sentences.append(
                QCoreApplication.translate(
                    "LSpace", "This model was never trained: its answers mean nothing."
                )
            )
        return " ".join(sentences).format(model=self.model)

    def _story(self) -> str:
        template = QCoreApplication.translate(
            "LSpace",
            "{created} Task {task} ({targets}), {chips} chips, {model} {revision}, {device}, {precision}",
        )
        counted = {**asdict(self), "targets": ", ".join(self.targets), "chips": len(self.chips)}
        return template.format(**counted)


def has_run(layer: QgsMapLayer) -> bool:
    """Whether the layer's metadata hold a run."""
    return _record_in(layer) is not None


def read_run(layer: QgsMapLayer) -> Run | None:
    """The run that made the layer, or None for a layer from elsewhere.

    QGIS reads a ``.qmd`` file when the user adds a layer; code that opens one calls ``loadDefaultMetadata``.

    Raises:
        RecordInvalid: the record was damaged.
    """
    record = _record_in(layer)
    return None if record is None else Run.from_json(record)


def legible_run(layer: QgsMapLayer) -> Run | None:
    """As ``read_run``, and None where the record was damaged, too."""
    try:
        return read_run(layer)
    except RecordInvalid:
        return None


def _record_in(layer: QgsMapLayer) -> str | None:
    entries = (entry for entry in reversed(layer.metadata().history()) if entry.startswith(_RECORD_PREFIX))
    found = next(entries, None)
    return None if found is None else found[len(_RECORD_PREFIX) :]


def _extent_of(layer: QgsMapLayer) -> QgsLayerMetadata.Extent:
    spatial = QgsLayerMetadata.SpatialExtent()
    spatial.extentCrs = layer.crs()
    if not layer.extent().isEmpty():
        spatial.bounds = QgsBox3d(layer.extent())
    extent = QgsLayerMetadata.Extent()
    extent.setSpatialExtents([spatial])
    return extent


def _chip_from(values: dict[str, Any]) -> ChipRecord:
    known = _known(ChipRecord, values)
    return ChipRecord(**{**known, "transform": tuple(known["transform"]), "sources": tuple(known["sources"])})


def _known(record: type, values: dict[str, Any]) -> dict[str, Any]:
    names = {item.name for item in fields(record)}
    return {name: value for name, value in values.items() if name in names}
