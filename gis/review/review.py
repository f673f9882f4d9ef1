# SPDX-License-Identifier: GPL-2.0-or-later
"""The review of a proposal layer: decisions in its edit buffer, each with its time and its reviewer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from qgis.core import QgsApplication, QgsGeometry, QgsVectorLayer
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ..aoi import ruler_for
from ..errors import CrsUnknown, ValuesRejected
from ..layer_values import one_edit_command, start_editing, write_values
from ..layers import PROPOSAL_FIELDS, SPREAD_FIELDS, Status
from ..provenance import utc_now
from ..reprojection import densified
from .proposal_row import COLUMNS, ProposalRow, plain, read_rows


@dataclass(frozen=True)
class Counts:
    """How many proposals of a layer have which status."""

    pending: int = 0
    accepted: int = 0
    rejected: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.pending + self.accepted + self.rejected


class Review(QObject):
    """Reads and decides on the proposals of one layer, and ends with it.

    Each decision is one command in the layer's edit buffer: QGIS's own undo and save apply. A shape that is
    changed with QGIS's tools gets its area anew, and loses the uncertainty of the edges that the model drew.
    """

    changed = pyqtSignal()
    """Something of the proposals is different; told once for what happens in one go."""

    def __init__(self, layer: QgsVectorLayer) -> None:
        super().__init__(layer)
        self._layer = layer
        self._rows: dict[int, ProposalRow] | None = None
        self._drawn: set[int] = set()
        self._bell = QTimer(self)
        self._bell.setSingleShot(True)
        self._bell.timeout.connect(self.changed)
        self._listen()

    # what is there

    def rows(self) -> dict[int, ProposalRow]:
        """All proposals by feature id, in the layer's order."""
        if self._rows is None:
            self._rows = read_rows(self._layer)
        return self._rows

    def counts(self) -> Counts:
        """How many proposals have which status."""
        counted = Counter(row.status.value for row in self.rows().values())
        return Counts(**counted)

    def labels(self) -> list[str]:
        """The labels in use, sorted."""
        return sorted({row.label for row in self.rows().values() if row.label}, key=str.casefold)

    # decisions; all raise ValuesRejected where the layer takes none, and then it is as it was

    def accept(self, ids: Iterable[int]) -> None:
        """Marks proposals as right."""
        self._decide(ids, Status.ACCEPTED, self.tr("Accept proposals"))

    def reject(self, ids: Iterable[int]) -> None:
        """Marks proposals as wrong; they stay in the layer."""
        self._decide(ids, Status.REJECTED, self.tr("Reject proposals"))

    def reset(self, ids: Iterable[int]) -> None:
        """Takes decisions back, with their time and reviewer."""
        values = {"status": Status.PENDING.value, "reviewed": None, "reviewer": None}
        self._write(dict.fromkeys(ids, values), self.tr("Take decisions back"))

    def relabel(self, ids: Iterable[int], label: str) -> None:
        """Gives proposals another label; ``orig_label`` keeps the first."""
        rows, signature = self.rows(), _signature()
        present = [rows[fid] for fid in ids if fid in rows]
        values = {row.fid: {"label": label, **signature, "orig_label": _first_label(row)} for row in present}
        self._write(values, self.tr("Relabel proposals"))

    def undo(self) -> None:
        """Takes back the last edit of the layer, whoever made it."""
        self._layer.undoStack().undo()
        self._tell()

    def redo(self) -> None:
        """Makes the edit again that was taken back last."""
        self._layer.undoStack().redo()
        self._tell()

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return self._layer.undoStack().canUndo()

    @property
    def can_redo(self) -> bool:
        """Whether an edit was taken back."""
        return self._layer.undoStack().canRedo()

    def start_editing(self) -> None:
        """Opens the layer's edit buffer, if it is not open.

        Raises:
            ValuesRejected: the layer is read-only.
        """
        start_editing(self._layer)

    def _decide(self, ids: Iterable[int], status: Status, title: str) -> None:
        values = {"status": status.value, **_signature()}
        self._write(dict.fromkeys(ids, values), title)

    def _write(self, values: dict[int, dict[str, Any]], title: str) -> None:
        names = next(iter(values.values()), {})
        write_values(self._layer, {name: PROPOSAL_FIELDS[name] for name in names}, values, title)
        self._tell()

    # what others do with the layer

    def _listen(self) -> None:
        layer = self._layer
        layer.attributeValueChanged.connect(self._on_value_changed)
        layer.geometryChanged.connect(self._on_shape_changed)
        layer.featureAdded.connect(self._on_feature_added)
        layer.editCommandEnded.connect(self._on_command_ended)
        layer.editCommandDestroyed.connect(self._forget_drawn)
        layer.undoStack().indexChanged.connect(self._ring)
        for signal in (layer.featuresDeleted, layer.featureDeleted, layer.dataChanged, layer.updatedFields):
            signal.connect(self._read_again)
        for signal in (layer.afterRollBack, layer.afterCommitChanges):
            signal.connect(self._read_again)

    def _ring(self) -> None:
        self._bell.start(0)

    def _tell(self) -> None:
        self._layer.triggerRepaint()
        self._bell.stop()
        self.changed.emit()

    def _read_again(self) -> None:
        self._rows = None
        self._ring()

    def _on_value_changed(self, fid: int, column: int, value: Any) -> None:
        name = self._layer.fields().at(column).name()
        if self._rows is not None and fid in self._rows and name in COLUMNS:
            value = Status.of(value) if name == "status" else plain(value)
            self._rows[fid] = replace(self._rows[fid], **{name: value})
        self._ring()

    def _on_shape_changed(self, fid: int, shape: QgsGeometry) -> None:
        # Outside of a command it is an undo or a redo, and the area goes with it.
        if self._layer.isEditCommandActive():
            self._measure(fid, shape)

    def _on_feature_added(self, fid: int) -> None:
        # Its values cannot be changed in the command that adds it: they would be undone after it is gone.
        if self._layer.isEditCommandActive():
            self._drawn.add(fid)
        self._read_again()

    def _forget_drawn(self) -> None:
        self._drawn.clear()

    def _on_command_ended(self) -> None:
        drawn, self._drawn = self._drawn, set()
        present = [fid for fid in sorted(drawn) if self._layer.getFeature(fid).isValid()]
        if present:
            with one_edit_command(self._layer, self.tr("Measure new shapes")):
                for fid in present:
                    self._measure(fid, self._layer.getGeometry(fid))

    def _measure(self, fid: int, shape: QgsGeometry) -> None:
        values = {"area_m2": area_m2(shape, self._layer), **dict.fromkeys(SPREAD_FIELDS), **_signature()}
        fields = self._layer.fields()
        known = {fields.indexOf(name): value for name, value in values.items() if name in fields.names()}
        if known and not self._layer.changeAttributeValues(fid, known):
            raise ValuesRejected("a value was refused", layer=self._layer.name(), feature_id=fid)


def area_m2(shape: QgsGeometry, layer: QgsVectorLayer) -> float | None:
    """Area on the ellipsoid of a shape in the layer's CRS; None where nothing can be measured."""
    try:
        area = ruler_for(layer.crs()).measureArea(densified(shape, layer.crs()))
    except CrsUnknown:
        return None
    return area if math.isfinite(area) else None


def reviewer_name() -> str:
    """Who reviews: the full name of the computer's user, or the login name."""
    return QgsApplication.userFullName() or QgsApplication.userLoginName()


def _first_label(row: ProposalRow) -> str | None:
    return row.orig_label if row.orig_label is not None else row.label


def _signature() -> dict[str, str]:
    return {"reviewed": utc_now(), "reviewer": reviewer_name()}
