# SPDX-License-Identifier: GPL-2.0-or-later
"""The facts of a brief's report: begun in the main thread, completed in that of the algorithm."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from qgis.core import QgsVectorLayer

from ..aoi import Aoi
from ..imaging.chip import ChipSet
from ..provenance import ChipRecord, Run
from ..reporting.report import Area, Report, compose
from ..runs.answer import Answer
from ..runs.conversation import Exchange
from ..runs.run_progress import RunOutcome
from .model_session import PlaceAnswer
from .proposal_layer import with_record


@dataclass
class BriefReport:
    """Grows place by place."""

    title: str
    area: Area
    known: Report
    """What is known before the model is asked."""
    chips: list[ChipRecord] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)
    """PNG by chip id."""

    @classmethod
    def begun(cls, title: str, aoi: Aoi, proposals: QgsVectorLayer | None) -> BriefReport:
        """For the main thread."""
        layers = [] if proposals is None else [with_record(proposals)]
        return cls(title, Area.of(aoi), compose(layers, []))

    @property
    def text(self) -> str:
        """All that the model wrote."""
        return "\n".join(answer.text for answer in self.answers)

    def add(self, place: ChipSet, answer: PlaceAnswer | None) -> None:
        """Takes what was shown and said at a place."""
        self.chips += [ChipRecord.of(made.chip) for made in place.chips]
        self.pictures.update((made.chip.chip_id, made.chip.png) for made in place.chips)
        self.answers += answer.answers(place.placed.chip_id) if answer else ()

    def complete(self, run: Run) -> Report:
        """The whole; ``run`` has neither chips nor prompts yet."""
        prompts = dict.fromkeys(answer.prompt for answer in self.answers)
        run = replace(run, chips=tuple(self.chips), prompts=tuple(prompts))
        exchange = Exchange(run, self.title, self.area.aoi, tuple(self.answers), RunOutcome.FINISHED)
        return replace(
            self.known,
            exchanges=(exchange,),
            runs=tuple(sorted((*self.known.runs, run), key=lambda each: each.created)),
            areas=(self.area, *self.known.areas),
        )
