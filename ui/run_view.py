# SPDX-License-Identifier: GPL-2.0-or-later
"""What the dock shows while the model is at work: how far it is, and what it writes."""

from __future__ import annotations

from qgis.PyQt.QtCore import QObject

from ..gis.imaging.chip import ChipSet
from ..gis.runs.answer import Answer
from ..gis.runs.run_order import RunOrder
from ..gis.runs.run_progress import RunProgress, RunStage
from ..gis.runs.runner import Runner
from ..model_backend.contract import Contract
from .dock import LSpaceDock
from .words import note_words, stage_words, tr


class RunView(QObject):
    """Follows the runner, whoever set it to work."""

    def __init__(self, dock: LSpaceDock, runner: Runner) -> None:
        super().__init__(dock)
        self._dock = dock
        self._course = _Course()
        self._contract: Contract | None = None
        self._heading = ""
        self._writes = False
        self.is_aside = False
        """Whether the run under way is a tool's, in the middle of an answer: its text is none of it."""
        self.notes = ""
        """What is to be said about the images of the question."""
        runner.progressed.connect(self._on_progress)
        runner.chips_made.connect(self._on_chips_made)
        runner.prompt_opened.connect(self._on_prompt)
        runner.text_arrived.connect(self._on_text)

    def begin(self, title: str) -> None:
        """A question is put, under this title."""
        self.notes = ""
        self._dock.show_panel(self._dock.conversation_panel)
        self._dock.conversation_panel.begin(title)

    def follow(self, order: RunOrder, contract: Contract, *, writes: bool) -> None:
        """A run begins; ``writes`` says whether its text is part of the answer that is shown."""
        self._course, self._contract, self._writes = _Course.of(order, contract), contract, writes
        self._heading = ""
        self._dock.tell("")
        self.show_running(True)

    def show_running(self, running: bool) -> None:
        """Offers Run or Cancel; a preview of the images waits meanwhile."""
        self._dock.images_panel.set_paused(running)
        self._dock.task_panel.model_combo.setEnabled(not running)
        self._dock.run_panel.set_running(running)

    def _on_progress(self, progress: RunProgress) -> None:
        writes = progress.stage in (RunStage.READING, RunStage.WRITING) and self._writes
        writes = writes and not self.is_aside
        share = self._course.share(progress.places) if writes else progress.share
        self._dock.run_panel.show_stage(stage_words(progress), share)

    def _on_chips_made(self, places: tuple[ChipSet, ...]) -> None:
        if self._writes and not self.is_aside:
            made = [made for place in places for made in place.chips]
            self.notes = " ".join(dict.fromkeys(note_words(note) for each in made for note in each.notes))
            self._dock.conversation_panel.set_note(self.notes)

    def _on_prompt(self, answer: Answer) -> None:
        if not self.is_aside:
            self._course.open(answer)
            self._heading = self._heading_of(answer)

    def _on_text(self, chip_id: str, _target: str, piece: str) -> None:
        if self._writes and not self.is_aside:
            self._dock.conversation_panel.add_text(self._heading, piece, chip_id)

    def _heading_of(self, answer: Answer) -> str:
        """What the reader sees above an answer; the same for no two prompts of a run."""
        task = self._contract.tasks.get(answer.task) if self._contract else None
        words = answer.target or (tr(task.title) if task and self._course.per_place > 1 else "")
        if self._course.place == 1:
            return words
        return tr("Place {place}. {words}").format(place=self._course.place, words=words)


class _Course:
    """How far a run has come: which place, which of its prompts."""

    def __init__(self, per_place: int = 1) -> None:
        self.per_place = per_place
        """Prompts that are put to a place at most."""
        self._chips: list[str] = []
        self._opened = 0

    @classmethod
    def of(cls, order: RunOrder, contract: Contract) -> _Course:
        """A prompt a target, or a report and its boxes."""
        task = contract.tasks.get(order.task)
        return cls(max(len(order.targets), 2 if task and task.report else 1))

    @property
    def place(self) -> int:
        """Number of the place at work, from 1."""
        return len(self._chips)

    def open(self, answer: Answer) -> None:
        """A prompt was begun."""
        if answer.chip_id not in self._chips:
            self._chips.append(answer.chip_id)
            self._opened = 0
        self._opened += 1

    def share(self, places: int) -> float | None:
        """The share of prompts that are done; None where there is only one."""
        done = self.place - 1 + (self._opened - 1) / self.per_place
        return done / places if places * self.per_place > 1 and self._opened else None
