# SPDX-License-Identifier: GPL-2.0-or-later
"""The run that is under way: what was ordered, what is known so far, and how to end with it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

from qgis.core import QgsCoordinateReferenceSystem

from ...model_backend.contract import Contract
from ...model_backend.protocol import MessageType
from ...model_backend.request import AgreementRequest, RunRequest
from ..errors import PluginError
from ..imaging.chip import ChipSet, wkt2_of
from ..provenance import ChipRecord, Run
from ..reprojection import reprojected
from .answer import Answer
from .chip_maker import ChipMaker
from .run_layers import RunLayers
from .run_order import RunOrder
from .run_progress import RunEnd, RunOutcome


@dataclass
class OpenPlace:
    """The place at work, and what has been written about it."""

    chip_id: str
    """Of its last chip."""
    answers: list[Answer] = field(default_factory=list)
    """In the order in which they were asked; the last one may be unfinished."""

    def open(self, body: dict[str, Any]) -> None:
        """Notes what is asked now; ``body`` is that of a ``stage`` message."""
        self.answers.append(answer_of(self.chip_id, {**body, "text": "", "finish_reason": None}))

    def add_text(self, piece: str) -> None:
        """Keeps a piece of the answer, in case the run ends in the middle."""
        answer = self.answers[-1]
        self.answers[-1] = replace(answer, text=answer.text + piece)


class ActiveRun:
    """The state of one run; ``Runner`` moves it on."""

    def __init__(self, order: RunOrder, contract: Contract) -> None:
        self.order = order
        self.contract = contract
        """The one expected of the model when the run began."""
        self.maker: ChipMaker | None = None
        self.places: tuple[ChipSet, ...] | None = order.chip_sets or None
        """Of which the model is asked one after the other; None until their chips are made."""
        self.info: dict[str, Any] | None = None
        self.index = 0
        """Of the place at work."""
        self.clip_wkt: str | None = None
        """Where boxes are cut, in the CRS of the results; None leaves them whole."""
        self.request_id = 0
        """The worker's id of what it was asked last."""
        self.is_cancelled = False
        """Whether it is to end as soon as it can."""
        self.open_place: OpenPlace | None = None
        self.layers: RunLayers | None = None
        self._run: Run | None = None
        self._answers: list[Answer] = []
        self._denied = 0
        self._agreement: dict[int, float] = {}
        self._views = 0
        self._started = time.monotonic()
        self._seconds: dict[str, float] = {}

    @property
    def output_crs(self) -> QgsCoordinateReferenceSystem:
        """CRS of the results: the map's when Run was clicked."""
        return self.order.view.destinationCrs()

    def place_clip(self) -> None:
        """Brings the AOI to the CRS of the results, where boxes are to be cut at it.

        Raises:
            CrsUnknown: the AOI has no place there.
        """
        order = self.order
        if order.clip:
            polygon = reprojected(order.aoi.polygon, order.aoi.crs, self.output_crs)
            self.clip_wkt = polygon.asWkt(12)

    def waits_for_chips(self) -> bool:
        """Whether the model is ready and the pictures are not."""
        return self.info is not None and self.places is None

    def is_done(self) -> bool:
        """Whether there is no place left to ask about."""
        return self.index == len(self.places)

    def has_result(self) -> bool:
        """Whether there is an answer in prose, a box, or a report or a check that there is nothing."""
        asked_for_boxes = any(answer.has_boxes for answer in self._answers)
        return not asked_for_boxes or (self.layers is not None and self.layers.boxes > 0)

    def stamp(self, name: str) -> None:
        """Notes when something happened for the first time."""
        self._seconds.setdefault(name, time.monotonic() - self._started)

    def open_prompt(self, body: dict[str, Any]) -> None:
        """Notes what is asked now; ``body`` is that of a ``stage`` message."""
        if self.open_place is None:
            self.open_place = OpenPlace(body["chip_id"])
        self.open_place.open(body)

    def close_place(self, body: dict[str, Any]) -> None:
        """Keeps what the place at work gave; ``body`` is that of its ``chip_done`` message."""
        self.layers.add_place(body["chip_id"], body["answers"], "done")
        self._answers += [answer_of(body["chip_id"], answer) for answer in body["answers"]]
        self._denied += body["gated"]
        self.open_place = None

    def close_request(self, body: dict[str, Any]) -> None:
        """Goes on to the next place; ``body`` is that of the ``result`` message."""
        chip_id = self.places[self.index].placed.chip_id
        for check, share in zip(self.order.checks.get(chip_id, ()), body.get("agreement", ())):
            if share is not None:
                self._agreement[check.fid] = share
        self._views = body.get("views", 0)
        self.index += 1

    def open_layers(self) -> None:
        """Makes ready to put results on the map, once chips and model are known."""
        if self.layers is None:
            self._run = self._record()
            self.layers = RunLayers(self._run, self.output_crs, self.contract)

    def forget(self) -> None:
        """Gives up what was made: its project is gone."""
        self.layers = None

    def message(self) -> tuple[MessageType, dict[str, Any]]:
        """What to ask about the place at work."""
        request = self._request()
        if not self.order.checks:
            return MessageType.RUN, request.to_payload()
        checks = self.order.checks[self.places[self.index].placed.chip_id]
        boxes = tuple((check.label, check.edges) for check in checks)
        return MessageType.AGREE, AgreementRequest(request, boxes).to_payload()

    def _request(self) -> RunRequest:
        order = self.order
        return RunRequest(
            task=order.task,
            chips=tuple(made.chip for made in self.places[self.index].chips),
            output_crs_wkt=wkt2_of(self.output_crs),
            targets=order.targets,
            question=order.question,
            wordings=dict(order.wordings),
            ask_anyway=order.ask_anyway,
            clip_wkt=self.clip_wkt,
            max_new_tokens=order.max_new_tokens,
        )

    def end(self, outcome: RunOutcome, error: PluginError | None) -> RunEnd:
        """What came of it; the place at work gets its outline too, with the text that had arrived."""
        self.stamp("end")
        layers, answers = self.layers, list(self._answers)
        if layers is None:
            return RunEnd(outcome, error, seconds=dict(self._seconds))
        if self.open_place is not None:
            unfinished = self.open_place.answers
            layers.add_place(self.open_place.chip_id, [_facts(each) for each in unfinished], outcome.value)
            answers += unfinished
        layers.finish()
        return RunEnd(
            outcome=outcome,
            error=error,
            run=replace(self._run, prompts=layers.prompts),
            places=self.places,
            answers=tuple(answers),
            denied=self._denied,
            boxes=layers.boxes,
            dropped=dict(layers.dropped),
            cut_short=layers.cut_short,
            proposals=layers.proposals,
            footprints=layers.footprints,
            agreement=dict(self._agreement),
            views=self._views,
            seconds=dict(self._seconds),
        )

    def _record(self) -> Run:
        """The provenance of everything that this run makes."""
        order = self.order
        return Run.of_model(
            self.info,
            task=order.task,
            targets=order.targets,
            output_crs_wkt=wkt2_of(self.output_crs),
            chips=tuple(ChipRecord.of(made.chip) for place in self.places for made in place.chips),
            images=len(self.places[0].chips) if self.places else 1,
            options={"max_new_tokens": order.max_new_tokens, **self._options()},
        )

    def _options(self) -> dict[str, Any]:
        order = self.order
        return {
            "clip_wkt": self.clip_wkt,
            "question": order.question,
            "wordings": dict(order.wordings),
        }


def answer_of(chip_id: str, summary: dict[str, Any]) -> Answer:
    """From what the worker says of an answer."""
    return Answer(
        chip_id=chip_id,
        task=summary["task"],
        prompt=summary["prompt"],
        text=summary["text"],
        target=summary["target"] or "",
        trained=summary["trained"],
        has_boxes=summary["answer"] == "boxes",
        negative=summary.get("negative", False),
        finished=summary["finish_reason"] == "stop",
    )


def _facts(answer: Answer) -> dict[str, Any]:
    """An unfinished answer as the worker would have told it."""
    return {"prompt": answer.prompt, "text": answer.text, "answer": "boxes" if answer.has_boxes else "text"}
