# SPDX-License-Identifier: GPL-2.0-or-later
"""The run that is under way: what was ordered, what is known so far, and how to end with it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from qgis.core import QgsCoordinateReferenceSystem

from ..model_backend.contract import Contract
from ..model_backend.request import RunRequest
from .chip import MadeChip, wkt2_of
from .chip_maker import ChipMaker
from .errors import PluginError
from .provenance import ChipRecord, Run
from .reprojection import reprojected
from .run_layers import RunLayers
from .run_order import RunOrder
from .run_progress import RunEnd, RunOutcome


@dataclass
class OpenChip:
    """The chip at work, and what has been written about it."""

    chip_id: str
    prompts: dict[str, str] = field(default_factory=dict)
    """By target; a caption's target is empty."""
    texts: dict[str, str] = field(default_factory=dict)
    """By target, as far as they are written."""


class ActiveRun:
    """The state of one run; ``Runner`` moves it on."""

    def __init__(self, order: RunOrder, contract: Contract) -> None:
        self.order = order
        self.contract = contract
        """The one expected of the model when the run began."""
        self.maker: ChipMaker | None = None
        self.chips: tuple[MadeChip, ...] | None = None
        self.info: dict[str, Any] | None = None
        self.layers: RunLayers | None = None
        self.index = 0
        """Of the chip at work."""
        self.clip_wkt: str | None = None
        """Where boxes are cut, in the CRS of the results; None leaves them whole."""
        self.request_id = 0
        """The worker's id of what it was asked last."""
        self.open_chip: OpenChip | None = None
        self._caption = ""
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
        return self.info is not None and self.chips is None

    def has_result(self) -> bool:
        """Whether there is a caption, or at least one box."""
        return self.order.task == "caption" or (self.layers is not None and self.layers.boxes > 0)

    def stamp(self, name: str) -> None:
        """Notes when something happened for the first time."""
        self._seconds.setdefault(name, time.monotonic() - self._started)

    def open_prompt(self, chip_id: str, target: str, prompt: str) -> None:
        """Notes what is asked now."""
        if self.open_chip is None:
            self.open_chip = OpenChip(chip_id)
        self.open_chip.prompts[target] = prompt
        self.open_chip.texts[target] = ""

    def add_text(self, target: str, piece: str) -> None:
        """Keeps a piece of an answer, in case the run ends in the middle."""
        self.open_chip.texts[target] += piece
        if not target:
            self._caption += piece

    def record(self) -> Run:
        """The provenance of everything that this run makes."""
        info, order = self.info, self.order
        return Run(
            task=order.task,
            targets=order.targets,
            model=info["name"],
            revision=info["revision"],
            device=info["device"],
            precision=info["precision"],
            random_weights=info["random_weights"],
            output_crs_wkt=wkt2_of(self.output_crs),
            chips=tuple(ChipRecord.of(made.chip) for made in self.chips),
            options={"max_new_tokens": order.max_new_tokens, "clip_wkt": self.clip_wkt},
        )

    def request(self) -> RunRequest:
        """What to ask about the chip at work."""
        order = self.order
        return RunRequest(
            task=order.task,
            chips=(self.chips[self.index].chip,),
            output_crs_wkt=wkt2_of(self.output_crs),
            targets=order.targets,
            clip_wkt=self.clip_wkt,
            max_new_tokens=order.max_new_tokens,
        )

    def end(self, outcome: RunOutcome, error: PluginError | None) -> RunEnd:
        """What came of it; the chip at work gets its outline too, with the text that had arrived."""
        self.stamp("end")
        layers = self.layers
        if layers is None:
            return RunEnd(outcome, error, caption=self._caption, seconds=dict(self._seconds))
        if self.open_chip is not None:
            layers.add_chip(self.open_chip.chip_id, self._unfinished_answers(outcome), outcome.value)
        layers.finish()
        return RunEnd(
            outcome=outcome,
            error=error,
            boxes=layers.boxes,
            dropped=dict(layers.dropped),
            cut_short=layers.cut_short,
            proposals=layers.proposals,
            footprints=layers.footprints,
            caption=self._caption,
            seconds=dict(self._seconds),
        )

    def _unfinished_answers(self, outcome: RunOutcome) -> list[dict[str, Any]]:
        return [
            {
                "prompt": self.open_chip.prompts[target],
                "text": text,
                "outcome": outcome.value if target else None,
            }
            for target, text in self.open_chip.texts.items()
        ]
