# SPDX-License-Identifier: GPL-2.0-or-later
"""How the model will see the images of a question: the chips, their facts, and advice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QBoxLayout, QWidget

from ...gis.aoi import Aoi
from ...gis.errors import ChipError, PluginError
from ...gis.imaging.advice import Advice, advise
from ...gis.imaging.chip_note import ChipNote
from ...gis.imaging.image_source import ImageSource
from ...gis.imaging.preview import Preview, PreviewMaker
from ...model_backend.contract import ChipGeometry
from ..parts import fill_column, quiet_label
from ..words import note_words, sentence_for
from .advice_list import AdviceLine, AdviceList
from .chip_preview import ChipPreview
from .image_words import facts_words, remedy_words


@dataclass(frozen=True)
class Shown:
    """What is to be previewed."""

    aoi: Aoi
    geometry: ChipGeometry
    sources: Mapping[int, ImageSource]
    """By their position; those that cannot be had are left out."""
    faults: Mapping[int, PluginError] = field(default_factory=dict)
    """Why they cannot."""
    complaint: str = ""
    """Why the images cannot be asked about together, a sentence."""
    advice: Sequence[Advice] = ()
    """About the images together."""


class PreviewPart(QWidget):
    """Chips, a line of facts an image, and lines of advice."""

    followed = pyqtSignal(object)
    """The ``Remedy`` whose button was clicked."""
    words_changed = pyqtSignal()
    """Other facts or other advice: another height."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: list[str] = []
        self._shown: Shown | None = None
        self._facts: dict[int, str] = {}
        self._advice: dict[int, tuple[Advice, ...]] = {}
        self._maker = PreviewMaker(self)
        self._maker.made.connect(self._on_made)
        self._maker.failed.connect(self._on_failed)
        self.chips = ChipPreview()
        self.facts_label = quiet_label()
        self.advice_list = AdviceList()
        self.advice_list.followed.connect(self.followed)
        pictures = QWidget()
        self._pictures = QBoxLayout(QBoxLayout.Direction.LeftToRight, pictures)
        self._pictures.setContentsMargins(0, 0, 0, 0)
        self._pictures.addWidget(self.chips)
        self._pictures.addWidget(self.facts_label, 1)
        fill_column(self, pictures, self.advice_list)

    @property
    def is_busy(self) -> bool:
        """Whether a chip is still to come."""
        return self._maker.is_busy

    @property
    def _is_alone(self) -> bool:
        return len(self._names) == 1

    def set_names(self, names: list[str]) -> None:
        """One place an image; a single one has its facts beside it."""
        self._names = names
        self.chips.set_titles(names)
        directions = QBoxLayout.Direction
        beside = directions.LeftToRight if self._is_alone else directions.TopToBottom
        self._pictures.setDirection(beside)

    def show_images(self, shown: Shown | None) -> None:
        """Makes chips of these images and of no others; None shows nothing.

        What was said before stays, faded, until there is something new: the dock does not jump.
        """
        self.stop()
        self._shown = shown
        sources = shown.sources if shown is not None else {}
        self._facts = {position: words for position, words in self._facts.items() if position in sources}
        self._advice = {position: said for position, said in self._advice.items() if position in sources}
        if shown is None:
            self.chips.clear()
        else:
            for position, error in shown.faults.items():
                self._on_failed(position, error)
            for position in sources:
                self.chips.show_busy(position)
            self._maker.start(list(sources.items()), shown.aoi, shown.geometry)
        self._show_words()

    def stop(self) -> None:
        """Makes no more chips; what is shown stays."""
        self._maker.give_up()

    def _on_made(self, position: int, preview: Preview) -> None:
        shown, chip = self._shown, preview.made.chip
        source = shown.sources[position]
        date = source.date or chip.date or ""
        facts = facts_words(preview, shown.geometry)
        self._facts[position] = ", ".join(part for part in (facts, self._is_alone and date) if part)
        self.chips.show_chip(position, chip.png, date, ", ".join(part for part in (facts, date) if part))
        try:
            self._advice[position] = advise(
                preview.made, source, shown.aoi, shown.geometry, is_alone=self._is_alone
            )
        except ChipError as error:
            self._facts[position] = sentence_for(error)
        self._show_words()

    def _on_failed(self, position: int, error: PluginError) -> None:
        self._facts[position] = sentence_for(error)
        self._advice.pop(position, None)
        self.chips.show_fault(position, self._facts[position])
        self._show_words()

    def _show_words(self) -> None:
        told: dict[str, list[int]] = {}
        for position, words in sorted(self._facts.items()):
            told.setdefault(words, []).append(position)
        before = self._text()
        self.facts_label.setText("\n".join(self._about(at, words) for words, at in told.items()))
        self.advice_list.show_lines(self._lines())
        self.advice_list.setEnabled(not self._maker.is_busy)
        if self._text() != before:
            self.words_changed.emit()

    def _text(self) -> tuple[str, str]:
        return self.facts_label.text(), self.advice_list.text()

    def _lines(self) -> list[AdviceLine]:
        if self._shown is None:
            return []
        complaint = [AdviceLine(self._shown.complaint)] if self._shown.complaint else []
        together = [self._line(advice, note_words(advice.note)) for advice in self._shown.advice]
        return [*complaint, *together, *self._lines_of_images()]

    def _lines_of_images(self) -> list[AdviceLine]:
        """What is said of all images alike is said once."""
        told: dict[ChipNote, list[int]] = {}
        by_note: dict[ChipNote, Advice] = {}
        for position, advice in sorted(self._advice.items()):
            for each in advice:
                told.setdefault(each.note, []).append(position)
                by_note.setdefault(each.note, each)
        return [self._line(by_note[note], self._about(at, note_words(note))) for note, at in told.items()]

    def _about(self, positions: list[int], words: str) -> str:
        """The words after the names of the images that they are about, where they are not about all."""
        if len(positions) == len(self._names):
            return words
        return f"{', '.join(self._names[position] for position in positions)}: {words}"

    def _line(self, advice: Advice, text: str) -> AdviceLine:
        if advice.remedy is None or self._shown is None:
            return AdviceLine(text)
        return AdviceLine(text, *remedy_words(advice.remedy, self._shown.geometry), key=advice.remedy)
