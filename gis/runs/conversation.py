# SPDX-License-Identifier: GPL-2.0-or-later
"""What was asked in this project and what the model answered: kept with the project, one entry a question."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from qgis.core import QgsGeometry, QgsProject
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..aoi import Aoi
from ..errors import CrsUnknown, RecordInvalid
from ..provenance import Run
from ..reprojection import in_lonlat
from .answer import Answer
from .run_progress import RunOutcome
from .step import Step

SCOPE, KEY = "lspace", "conversation"
"""The project's entry."""
RECORD_VERSION = 1
TALK = "conversation"
"""Among a run's options: it was asked in a conversation."""
_ANSWER_TYPES = {item.name: {"str": str, "bool": bool}[item.type] for item in fields(Answer)}


@dataclass(frozen=True)
class Exchange:
    """One question and what the model answered, about every place it was asked about."""

    run: Run
    title: str
    """What was asked, in a few words for people."""
    aoi: Aoi
    answers: tuple[Answer, ...]
    """In the order in which they were written."""
    outcome: RunOutcome
    boxes: int = 0
    """Put on the map."""
    summary: str = ""
    """What came of it, in a sentence."""
    proposals_id: str | None = None
    """Id of the layer with the boxes, which may be gone by now."""
    follows: str | None = None
    """Id of the exchange that it goes on from: the model was told that one, and those before it, too."""
    steps: tuple[Step, ...] = ()
    """What the model wrote and which tools it called, in this order, where it was asked in a conversation."""
    left_out: int = 0
    """The oldest turns that the model could not be told any more."""

    @property
    def is_talk(self) -> bool:
        """Whether it is part of a conversation rather than a task of the contract."""
        return bool(self.run.options.get(TALK))

    @property
    def is_without_image(self) -> bool:
        """Whether it is part of a conversation about no image."""
        return self.is_talk and not self.run.chips

    @property
    def is_about_one_place(self) -> bool:
        """Whether all of it is about the same images, or about none."""
        return len(self.run.chips) <= self.run.images

    @property
    def exchange_id(self) -> str:
        """The run's id."""
        return self.run.run_id

    def centre_lonlat(self) -> tuple[float, float] | None:
        """Longitude and latitude of the area's middle, degrees; None where it has no place on the ground."""
        middle = QgsGeometry.fromPointXY(self.aoi.polygon.boundingBox().center())
        try:
            point = in_lonlat(middle, self.aoi.crs).asPoint()
        except CrsUnknown:
            return None
        return point.x(), point.y()

    def to_json(self) -> str:
        """The exchange as one line of ASCII."""
        return json.dumps(
            {
                "version": RECORD_VERSION,
                "run": json.loads(self.run.to_json()),
                "title": self.title,
                "aoi": json.loads(self.aoi.to_json()),
                "answers": [asdict(answer) for answer in self.answers],
                "outcome": self.outcome.value,
                "boxes": self.boxes,
                "summary": self.summary,
                "proposals_id": self.proposals_id,
                "follows": self.follows,
                "steps": [step.to_payload() for step in self.steps],
                "left_out": self.left_out,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Exchange:
        """Reads what ``to_json`` wrote; keys that a later version added are left out.

        Raises:
            RecordInvalid: not JSON, or a field is missing or of the wrong kind.
        """
        try:
            return _exchange_from(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise RecordInvalid(str(error), record=text[:80]) from error


class Conversation(QObject):
    """The exchanges of the project: read when one is opened, written on every change."""

    changed = pyqtSignal()
    """After any change, the reading of another project among them."""
    added = pyqtSignal(object)
    """An ``Exchange`` that is new, told before ``changed``."""
    removed = pyqtSignal(object)
    """The tuple of those that were taken out by hand, told before ``changed``."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._exchanges: dict[str, Exchange] = {}
        self._records: dict[str, str] = {}
        self._unread: list[str] = []
        project = QgsProject.instance()
        project.readProject.connect(self._on_read)
        project.cleared.connect(self._on_cleared)
        self._on_read()

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All of them, the oldest first."""
        return tuple(self._exchanges.values())

    @property
    def damaged(self) -> int:
        """How many entries of the project make no sense; they stay in it as they are."""
        return len(self._unread)

    @property
    def last(self) -> Exchange | None:
        """The newest."""
        return self.exchanges[-1] if self._exchanges else None

    def exchange(self, exchange_id: str) -> Exchange | None:
        """The one of that id, or None."""
        return self._exchanges.get(exchange_id)

    def thread(self, exchange_id: str | None) -> tuple[Exchange, ...]:
        """The exchange of that id after those that it goes on from, the oldest first."""
        found: dict[str, Exchange] = {}
        while exchange_id in self._exchanges and exchange_id not in found:
            found[exchange_id] = self._exchanges[exchange_id]
            exchange_id = found[exchange_id].follows
        return tuple(found.values())[::-1]

    def add(self, exchange: Exchange) -> None:
        """Keeps an exchange with the project; one of the same id is replaced."""
        self._keep(exchange)
        self.added.emit(exchange)
        self.changed.emit()

    def replace(self, exchange: Exchange) -> None:
        """Keeps an exchange in place of the one of the same id."""
        self._keep(exchange)
        self.changed.emit()

    def remove(self, exchange_id: str) -> None:
        """Takes an exchange out of the project; its boxes stay on the map."""
        exchange = self._exchanges.pop(exchange_id, None)
        if exchange is None:
            return
        del self._records[exchange_id]
        self._write()
        self.removed.emit((exchange,))
        self.changed.emit()

    def clear(self) -> None:
        """Takes all out of the project, damaged entries too."""
        gone = self.exchanges
        self._forget()
        self._write()
        self.removed.emit(gone)
        self.changed.emit()

    def _keep(self, exchange: Exchange) -> None:
        self._exchanges[exchange.exchange_id] = exchange
        self._records[exchange.exchange_id] = exchange.to_json()
        self._write()

    def _forget(self) -> None:
        self._exchanges, self._records, self._unread = {}, {}, []

    def _write(self) -> None:
        project, records = QgsProject.instance(), [*self._unread, *self._records.values()]
        if records:
            project.writeEntry(SCOPE, KEY, records)
        else:
            project.removeEntry(SCOPE, KEY)

    def _on_read(self) -> None:
        self._forget()
        records, _ = QgsProject.instance().readListEntry(SCOPE, KEY)
        for record in records:
            try:
                exchange = Exchange.from_json(record)
            except RecordInvalid:
                self._unread.append(record)
                continue
            self._exchanges[exchange.exchange_id] = exchange
            self._records[exchange.exchange_id] = record
        self.changed.emit()

    def _on_cleared(self) -> None:
        self._forget()
        self.changed.emit()


def _exchange_from(values: dict[str, Any]) -> Exchange:
    run = Run.from_json(json.dumps(values["run"]))
    layer, follows, left_out = values.get("proposals_id"), values.get("follows"), values.get("left_out", 0)
    _check_run(run)
    texts = (values["title"], values["summary"], layer or "", follows or "")
    if not _are_of(str, *texts) or not _are_of(int, values["boxes"], left_out):
        raise TypeError("a field of the wrong kind")
    if values.get("steps") and not values["answers"]:
        raise ValueError("steps without a question")
    return Exchange(
        run=run,
        title=values["title"],
        aoi=Aoi.from_json(json.dumps(values["aoi"])),
        answers=tuple(_answer_from(answer) for answer in values["answers"]),
        outcome=RunOutcome(values["outcome"]),
        boxes=values["boxes"],
        summary=values["summary"],
        proposals_id=layer,
        follows=follows,
        steps=tuple(Step.from_payload(step) for step in values.get("steps", ())),
        left_out=left_out,
    )


def _check_run(run: Run) -> None:
    """Raises where the record was read, but what it says is of the wrong kind."""
    texts = [run.run_id, run.created, run.task, run.model, run.revision, run.device, run.precision]
    for chip in run.chips:
        texts += [chip.chip_id, chip.kind, chip.date or "", *chip.sources]
    numbers = [number for chip in run.chips for number in (chip.gsd_m, chip.valid_share)]
    if not _are_of(str, *texts) or not _are_of((int, float), *numbers) or run.images < 1:
        raise ValueError("a run that cannot have been")


def _answer_from(values: dict[str, Any]) -> Answer:
    known = {name: value for name, value in values.items() if name in _ANSWER_TYPES}
    if not all(isinstance(value, _ANSWER_TYPES[name]) for name, value in known.items()):
        raise TypeError("a field of an answer is of the wrong kind")
    return Answer(**known)


def _are_of(kind: type | tuple[type, ...], *values: Any) -> bool:
    return all(isinstance(value, kind) for value in values)
