# SPDX-License-Identifier: GPL-2.0-or-later
"""Proposals that the model is asked about again, to see whether it agrees with itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qgis.core import QgsVectorLayer
from qgis.PyQt.QtCore import QCoreApplication

from ...model_backend.overlap import Edges
from ..layer_values import write_values
from ..provenance import Run
from .chip_box import edges_on

AGREEMENT_FIELDS: dict[str, type] = {"agreement": float, "agree_n": int}
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Check:
    """A proposal whose box is looked for again."""

    fid: int
    label: str
    edges: Edges


def checks_of(layer: QgsVectorLayer, run: Run) -> dict[str, tuple[Check, ...]]:
    """The layer's proposals by the chip that they lie on; those that were moved off their chip are left out.

    Raises:
        CrsUnknown: there is no way from the layer's CRS to a chip's.
    """
    found: dict[str, tuple[Check, ...]] = {}
    for feature in layer.getFeatures():
        chip = run.chip(feature["chip_id"])
        if chip is None or not feature.hasGeometry():
            continue
        edges = edges_on(chip, feature.geometry(), layer.crs())
        if min(edges) >= -_TOLERANCE and max(edges) <= 1 + _TOLERANCE:
            inside = tuple(min(max(edge, 0.0), 1.0) for edge in edges)
            check = Check(feature.id(), feature["label"], inside)
            found[chip.chip_id] = (*found.get(chip.chip_id, ()), check)
    return found


def write_agreement(layer: QgsVectorLayer, agreement: Mapping[int, float], views: int) -> None:
    """Puts the shares of views in which proposals came again into the layer's edit buffer.

    Raises:
        ValuesRejected: the layer takes no edits; it is as it was.
    """
    values = {fid: {"agreement": share, "agree_n": views} for fid, share in agreement.items()}
    title = QCoreApplication.translate("LSpace", "Agreement of the model with itself")
    write_values(layer, AGREEMENT_FIELDS, values, title)
