# SPDX-License-Identifier: GPL-2.0-or-later
"""Reviewed proposals as rows of training data: the model's questions with the reviewer's answers.

A row is one question about one place. Accepted boxes are its answer; rejected ones are kept beside it, in the
row's metadata. A question that the model answered without any box makes no row: nobody has reviewed that.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import QgsVectorLayer

from ...model_backend.chip import Chip
from ...model_backend.contract import Contract
from ...model_backend.split import split_of
from ...model_backend.trained_boxes import choose_boxes, written_boxes
from ..layers import Status
from ..provenance import ChipRecord, Run, legible_run
from .box_question import BoxQuestion, box_questions
from .reviewed_box import Place, ReviewedBox, read_reviewed
from .row_folder import RowFolder, image_name

PictureOf = Callable[[ChipRecord], "Chip | None"]
"""Finds the pixels of a chip, where they are still there."""


@dataclass(frozen=True)
class RowCounts:
    """What became rows, and what was left out and why."""

    rows: int = 0
    boxes: int = 0
    """Written in the rows' answers."""
    pending: int = 0
    """Questions of which some proposals are not reviewed yet."""
    empty: int = 0
    """Questions of which no proposal was accepted, where such rows were not wanted."""
    without_picture: int = 0
    """Questions of which a picture is gone."""
    outside: int = 0
    """Accepted boxes that do not lie in their chip, or not for the most part."""
    unwritten: int = 0
    """Accepted boxes beside an answer: of a label not asked for, or beyond the most that an answer names."""
    strange: int = 0
    """Features that answer no question of their run that the contract knows."""


@dataclass(frozen=True)
class RowBatch:
    """Rows ready to be written; no longer tied to the layers."""

    entries: Mapping[str, Mapping[str, Any]]
    """JSON-ready rows by ``sample_id``."""
    pictures: Mapping[str, bytes]
    """PNG by chip id."""
    counts: RowCounts

    def write(self, folder: Path, gives_up: Callable[[], bool] = lambda: False) -> WrittenRows:
        """Adds the rows to those of the folder; in any thread. Raises as ``RowFolder.add``."""
        target = RowFolder(folder)
        return WrittenRows(target.path, self.counts, target.add(self.entries, self.pictures, gives_up))


@dataclass(frozen=True)
class WrittenRows:
    """What was written where."""

    path: Path
    counts: RowCounts
    replaced: int
    """Older rows of the file in whose place new ones stand."""


def collect_rows(
    layers: Iterable[QgsVectorLayer], contract: Contract, picture_of: PictureOf, *, empty: bool = False
) -> RowBatch:
    """The rows of proposal layers as they are seen, uncommitted edits included; for the GUI thread.

    Where a question was asked about the same pictures more than once, the last run counts.

    Args:
        contract: of the model that the rows are for.
        empty: make rows also of questions whose right answer is ``[]``.

    Raises:
        CrsUnknown: a chip has no place on the ground.
    """
    tally: Counter[str] = Counter()
    pictures = _Pictures(picture_of)
    rows: dict[str, _Row] = {}
    for run, layer in _oldest_first(layers, tally):
        for row in _RunRows(run, contract, empty, tally).read(layer, pictures):
            rows[row.sample_id] = row
    shown = {chip_id: pictures.found[chip_id] for row in rows.values() for chip_id in row.chip_ids}
    counts = RowCounts(rows=len(rows), boxes=sum(row.boxes for row in rows.values()), **tally)
    return RowBatch({row.sample_id: row.entry for row in rows.values()}, shown, counts)


@dataclass(frozen=True)
class _Row:
    """A row, and what is counted of it."""

    sample_id: str
    chip_ids: tuple[str, ...]
    boxes: int
    entry: dict[str, Any]


class _Pictures:
    """The pictures that were looked for, each once."""

    def __init__(self, picture_of: PictureOf) -> None:
        self._picture_of = picture_of
        self.found: dict[str, bytes | None] = {}
        """PNG by chip id; None where it is gone."""

    def has(self, record: ChipRecord) -> bool:
        """Whether the chip's pixels are there."""
        if record.chip_id not in self.found:
            chip = self._picture_of(record)
            self.found[record.chip_id] = chip.png if chip else None
        return self.found[record.chip_id] is not None


class _RunRows:
    """Makes the rows of one run."""

    def __init__(self, run: Run, contract: Contract, empty: bool, tally: Counter[str]) -> None:
        self._run = run
        self._contract = contract
        self._empty = empty
        self._tally = tally
        self._questions = box_questions(run, contract)

    def read(self, layer: QgsVectorLayer, pictures: _Pictures) -> Iterator[_Row]:
        """The rows of the run's proposal layer, place by place."""
        for place, boxes in self._boxes_by_place(layer).items():
            for question in self._questions:
                own = [box for box in boxes if box.question is question]
                right = [box for box in boxes if box.is_accepted and box.box and self._home(box) is question]
                if not self._is_ready(own, right):
                    continue
                if all(pictures.has(chip) for chip in place.chips):
                    yield self._row(place, question, own, right)
                else:
                    self._tally["without_picture"] += 1

    def _boxes_by_place(self, layer: QgsVectorLayer) -> dict[Place, list[ReviewedBox]]:
        places: dict[Place, list[ReviewedBox]] = {}
        for box in read_reviewed(layer, self._run, self._questions, self._contract):
            if box is None:
                self._tally["strange"] += 1
            else:
                self._tally["outside"] += box.is_accepted and box.box is None
                places.setdefault(box.place, []).append(box)
        return places

    def _home(self, box: ReviewedBox) -> BoxQuestion | None:
        """The question whose answer names the box, by its label; None if nothing asked for it."""
        for question in self._questions:
            if question.words == box.words:
                return question
        # the model's own word for what it was asked, which the reviewer let stand
        is_own_word = not box.is_relabelled and self._contract.target(box.words) is None
        return box.question if is_own_word else None

    def _is_ready(self, own: Sequence[ReviewedBox], right: Sequence[ReviewedBox]) -> bool:
        """Whether a question makes a row; counted where it does not."""
        if any(box.status is Status.PENDING for box in own):
            self._tally["pending"] += 1
            return False
        if own and not right and not self._empty:
            self._tally["empty"] += 1
            return False
        return bool(own or right)

    def _row(
        self, place: Place, question: BoxQuestion, own: Sequence[ReviewedBox], right: Sequence[ReviewedBox]
    ) -> _Row:
        task, contract = question.task, self._contract
        chosen = choose_boxes(dict.fromkeys(box.box for box in right), task, contract)
        answer = written_boxes([(question.label, box) for box in chosen], contract.box)
        images = [image_name(chip_id) for chip_id in place.chip_ids]
        turns = [_turn("system", task.system)] if task.system else []
        turns.append(_turn("user", question.prompt([chip.date for chip in place.chips]), images))
        turns.append(_turn("assistant", answer))
        unwritten = [box for box in right if box.box not in chosen]
        unwritten += [box for box in own if box.is_accepted and box.box and self._home(box) is None]
        self._tally["unwritten"] += len(unwritten)
        facts = {
            **self._facts(place, question, images),
            "rejected": self._listed(box for box in own if box.status is Status.REJECTED),
            "unwritten": self._listed(unwritten),
            "reviewed": max(box.reviewed for box in (*own, *right)),
        }
        entry = {"messages": turns, "metadata": facts}
        return _Row(facts["sample_id"], place.chip_ids, len(chosen), entry)

    def _facts(self, place: Place, question: BoxQuestion, images: list[str]) -> dict[str, Any]:
        """The metadata that every row has, and the run that the proposals came from."""
        task, run, chip = question.task, self._run, place.chips[-1]
        return {
            "sample_id": "_".join([*place.chip_ids, task.name, *question.target.split()]),
            "task": task.name,
            "analysis_profile": "",
            "tile_stem": chip.chip_id,
            "split": split_of(place.location),
            "image_paths": images,
            "analysis_image_path": "",
            "contract": self._contract.name,
            "location": place.location,
            "target": question.target,
            "label": question.label,
            "shares": [],
            "crs": chip.crs_wkt,
            "geotransform": list(chip.transform),
            "model": run.model,
            "revision": run.revision,
            "run_id": run.run_id,
        }

    def _listed(self, boxes: Iterable[ReviewedBox]) -> list[dict[str, Any]]:
        """Boxes in the form of an answer, without those outside of the chip."""
        labelled = [(self._label(each), each.box) for each in boxes if each.box]
        return json.loads(written_boxes(labelled, self._contract.box))

    def _label(self, box: ReviewedBox) -> str:
        """The word that the model would write for the box."""
        if box.words == box.question.words:
            return box.question.label
        target = self._contract.target(box.words)
        return target.label if target else box.words


def _oldest_first(layers: Iterable[QgsVectorLayer], tally: Counter[str]) -> list[tuple[Run, QgsVectorLayer]]:
    """Layers with their runs; the features of a layer without one are counted."""
    runs = []
    for layer in layers:
        run = legible_run(layer)
        if run is None:
            tally["strange"] += max(layer.featureCount(), 0)
        else:
            runs.append((run, layer))
    return sorted(runs, key=lambda pair: pair[0].created)


def _turn(role: str, text: str, images: Sequence[str] = ()) -> dict[str, Any]:
    """One message, its images before the text."""
    parts = [{"type": "image", "image": name} for name in images]
    return {"role": role, "content": [*parts, {"type": "text", "text": text}]}
