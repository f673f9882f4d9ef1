# SPDX-License-Identifier: GPL-2.0-or-later
"""The pictures that questions were asked about: attached to the project, so that more can be asked later.

QGIS keeps attached files in a folder of its own while the project is open, and writes them into the ``.qgz``
archive, or into a ``_attachments.zip`` beside a ``.qgs`` file.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from qgis.core import Qgis, QgsMessageLog, QgsProject
from qgis.PyQt.QtCore import QObject

from ...model_backend.chip import Chip, ChipKind
from ...model_backend.errors import GeoreferenceError
from ...model_backend.georeference.geotransform import GeoTransform
from ..imaging.chip import ChipSet, MadeChip, make_chip_id
from ..provenance import ChipRecord, Run
from .conversation import Conversation, Exchange

MOST_LOOSE = 512
"""Chips of questions that never became an exchange are let go beyond this number, the oldest first."""
_MARK = "lspace_chip_"


class ChipStore(QObject):
    """Chips by their records; those of the conversation's exchanges are kept with the project."""

    def __init__(self, conversation: Conversation, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._conversation = conversation
        self._loose: dict[str, bytes] = {}
        """PNG of chips that are not attached, by id."""
        conversation.added.connect(self._on_added)
        conversation.removed.connect(self._on_removed)

    def keep(self, chip: Chip) -> None:
        """Holds on to a chip; it goes into the project when an exchange about it is added."""
        self._loose[chip.chip_id] = chip.png
        while len(self._loose) > MOST_LOOSE:
            del self._loose[next(iter(self._loose))]

    def chip(self, record: ChipRecord) -> Chip | None:
        """The chip with its pixels; None where they are gone, or are not those that the record is about."""
        png = self._loose.get(record.chip_id)
        if png is not None:
            return chip_of(record, png)
        png = _read(_attached_as(record.chip_id))
        chip = chip_of(record, png) if png else None
        return chip if chip and make_chip_id(chip.png, chip.transform) == chip.chip_id else None

    def chip_sets(self, run: Run) -> tuple[ChipSet, ...]:
        """The images of each place of a run; places of which one is gone are left out."""
        chips = [self.chip(record) for record in run.chips]
        places = [chips[start : start + run.images] for start in range(0, len(chips), run.images)]
        return tuple(ChipSet(tuple(MadeChip(chip) for chip in place)) for place in places if all(place))

    def _on_added(self, exchange: Exchange) -> None:
        for record in exchange.run.chips:
            png = self._loose.get(record.chip_id)
            if png is not None and _attach(record.chip_id, png):
                del self._loose[record.chip_id]

    def _on_removed(self, gone: Iterable[Exchange]) -> None:
        """Lets go of the pictures that no exchange is about any more."""
        kept = self._conversation.exchanges
        names = tuple(_file_name(chip_id) for chip_id in _chip_ids(gone) - _chip_ids(kept))
        is_empty = not kept and not self._conversation.damaged
        project = QgsProject.instance()
        for path in project.attachedFiles():
            if path.endswith(names) or (is_empty and _MARK in path):
                project.removeAttachedFile(path)


def _chip_ids(exchanges: Iterable[Exchange]) -> set[str]:
    return {record.chip_id for exchange in exchanges for record in exchange.run.chips}


def _file_name(chip_id: str) -> str:
    """How an attached file's name ends; QGIS puts a few letters of its own before it."""
    return f"{_MARK}{chip_id}.png"


def _attach(chip_id: str, png: bytes) -> bool:
    """Whether the project has the picture now."""
    project = QgsProject.instance()
    path = _attached_as(chip_id) or Path(project.createAttachedFile(_file_name(chip_id)))
    try:
        path.write_bytes(png)
    except OSError as error:
        project.removeAttachedFile(str(path))
        reason = f"The picture {chip_id} stays with this session only: {error}"
        QgsMessageLog.logMessage(reason, "LSpace", Qgis.MessageLevel.Warning, False)
        return False
    return True


def _attached_as(chip_id: str) -> Path | None:
    found = (path for path in QgsProject.instance().attachedFiles() if path.endswith(_file_name(chip_id)))
    return next(map(Path, found), None)


def _read(path: Path | None) -> bytes | None:
    try:
        return path.read_bytes() if path else None
    except OSError:
        return None


def chip_of(record: ChipRecord, png: bytes) -> Chip | None:
    """The record with pixels; None where it describes no chip."""
    try:
        made = {"kind": ChipKind(record.kind), "transform": GeoTransform(*record.transform)}
    except (ValueError, TypeError, GeoreferenceError):
        return None
    return Chip(**{**record.__dict__, **made}, png=png)
