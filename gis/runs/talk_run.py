# SPDX-License-Identifier: GPL-2.0-or-later
"""The run that has a conversation gone on with: one answer, nothing put on the map."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...model_backend.contract import Contract
from ...model_backend.protocol import MessageType
from ...model_backend.request import ConverseRequest
from ..errors import PluginError
from .active_run import ActiveRun, OpenPlace
from .answer import Answer
from .conversation import TALK
from .run_order import RunOrder
from .run_progress import RunEnd, RunOutcome


class TalkRun(ActiveRun):
    """The state of one answer of a conversation."""

    def __init__(self, order: RunOrder, contract: Contract) -> None:
        super().__init__(order, contract)
        if order.without_image:
            self.places = ()
        self._result: dict[str, Any] | None = None

    def is_done(self) -> bool:
        """Whether the model has answered."""
        return self._result is not None

    def has_result(self) -> bool:
        """An answer is one, whatever it says."""
        return True

    def open_layers(self) -> None:
        """Nothing is put on the map."""
        self._run = self._run or self._record()

    def open_prompt(self, _body: dict[str, Any]) -> None:
        """Notes that the model reads; the answer is empty."""
        self.open_place = OpenPlace("", [self._answer("", is_finished=False)])

    def close_request(self, body: dict[str, Any]) -> None:
        """Keeps what was answered; ``body`` is that of the ``result`` message."""
        self._result = body

    def forget(self) -> None:
        """Gives up the record: its project is gone."""
        self._run = None

    def message(self) -> tuple[MessageType, dict[str, Any]]:
        """The conversation so far."""
        order = self.order
        request = ConverseRequest(
            turns=order.turns,
            chips=tuple(made.chip for place in self.places[:1] for made in place.chips),
            tools=order.tools,
            max_new_tokens=order.max_new_tokens,
        )
        return MessageType.CONVERSE, request.to_payload()

    def end(self, outcome: RunOutcome, error: PluginError | None) -> RunEnd:
        """What was answered, as far as it came."""
        self.stamp("end")
        if self._run is None:
            return RunEnd(outcome, error, seconds=dict(self._seconds))
        arrived = self.open_place.answers[-1].text if self.open_place else ""
        result = self._result or {"written": arrived, "said": arrived, "calls": [], "finish_reason": None}
        return RunEnd(
            outcome=outcome,
            error=error,
            run=replace(self._run, prompts=(self.order.question,)),
            places=self.places,
            answers=(self._answer(result["said"], is_finished=result["finish_reason"] == "stop"),),
            cut_short=int(result["finish_reason"] == "length"),
            written=result["written"],
            said=result["said"],
            calls=tuple(result["calls"]),
            left_out=result.get("left_out", 0),
            seconds=dict(self._seconds),
        )

    def _options(self) -> dict[str, Any]:
        tools = [tool.name for tool in self.order.tools]
        return {TALK: True, "question": self.order.question, "tools": tools}

    def _answer(self, text: str, is_finished: bool) -> Answer:
        chip_id = self.places[0].placed.chip_id if self.places else ""
        order = self.order
        return Answer(chip_id, order.task, order.question, text, trained=False, finished=is_finished)
