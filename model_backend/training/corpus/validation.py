# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a row is fit to train on: its form, its pictures, and its answer by the rules of its contract."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...contract import Contract, Task, load_contracts
from ...errors import RequestError, RowInvalid
from ...inference.picture import read_picture
from ...trained_boxes import PixelBox, choose_objects, most_boxes, written_boxes
from .conversation import check_conversation, check_turns
from .row import Row, numbered_rows


def read_valid_rows(path: Path, contract: Contract | None = None) -> list[Row]:
    """The rows of a file, each validated; RowInvalid names file, line and reason."""
    rows: list[Row] = []
    readable: set[Path] = set()
    for line, row in numbered_rows(path):
        try:
            validate(row, contract, readable)
        except RowInvalid as error:
            raise error.at(str(path), line) from error
        rows.append(row)
    return rows


def validate(row: Row, contract: Contract | None = None, readable: set[Path] | None = None) -> None:
    """Refuses a row that is not fit to train on.

    Args:
        contract: None for the one that the row's metadata names; without any only form and pictures count.
            A row without a task is a conversation, where its model can hold one.
        readable: pictures that need no second look; those of this row are added.

    Raises:
        RowInvalid: with the reason.
    """
    _check_messages(row)
    _check_pictures(row, set() if readable is None else readable)
    contract = contract or _named_contract(row)
    if contract is not None:
        check_conversation(row, contract)
        if contract.talk is None or "task" in row.metadata:
            _check_answer(row, contract)


def _check_messages(row: Row) -> None:
    check_turns(row)
    for message in row.messages:
        if not message.text.strip():
            raise RowInvalid(f"a {message.role} message without text")
        if message.images and message.role != "user":
            raise RowInvalid(f"an image in the {message.role}'s message")


def _check_pictures(row: Row, readable: set[Path]) -> None:
    names = [name for message in row.messages for name in message.images]
    for name, path in zip(names, row.images, strict=True):
        if Path(name).is_absolute() or "\\" in name:
            raise RowInvalid(f"an image's path is relative, with slashes: {name}")
        if path in readable:
            continue
        try:
            read_picture(path, name)
        except RequestError as error:
            raise RowInvalid(str(error)) from error
        readable.add(path)


def _named_contract(row: Row) -> Contract | None:
    name = row.metadata.get("contract")
    if not name:
        return None
    if name not in load_contracts():
        raise RowInvalid(f"no contract {name!r}")
    return load_contracts()[name]


def _check_answer(row: Row, contract: Contract) -> None:
    name = str(row.metadata.get("task"))
    if name not in contract.tasks:
        raise RowInvalid(f"{contract.title} has no task {name!r}")
    task = contract.tasks[name]
    try:
        task.check_images(len(row.images))
    except RequestError as error:
        raise RowInvalid(str(error)) from error
    answers = [message.text for message in row.messages if message.role == "assistant"]
    if len(answers) != 1:
        raise RowInvalid(f"{name} takes one answer, has {len(answers)}")
    if task.answer == "boxes":
        _check_boxes(answers[0], task, contract)


def _check_boxes(answer: str, task: Task, contract: Contract) -> None:
    labelled = _read_boxes(answer, contract)
    boxes = [box for _, box in labelled]
    if len(boxes) > most_boxes(task, contract):
        raise RowInvalid(f"{task.name} names at most {most_boxes(task, contract)} boxes, here {len(boxes)}")
    # an answer about regions goes by their cells, which its boxes do not tell
    if task.label is not None and task.images == 1 and choose_objects(boxes, contract.objects) != boxes:
        raise RowInvalid(f"boxes are not in the order of {contract.objects.order!r}")
    written = written_boxes(labelled, contract.box)
    if written != answer:
        raise RowInvalid(
            f"not as the trained answers are written: {answer[:80]!r} should be {written[:80]!r}"
        )


def _read_boxes(answer: str, contract: Contract) -> list[tuple[str, PixelBox]]:
    try:
        entries = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise RowInvalid(f"the answer is not JSON: {error}") from error
    if not isinstance(entries, list):
        raise RowInvalid("the answer is not a list of boxes")
    return [_read_box(entry, contract) for entry in entries]


def _read_box(entry: object, contract: Contract) -> tuple[str, PixelBox]:
    if not isinstance(entry, dict) or list(entry) != ["label", "bbox"]:
        raise RowInvalid(f"not an object of label and bbox: {entry}")
    label, values = entry["label"], entry["bbox"]
    if not isinstance(label, str) or not label.strip():
        raise RowInvalid(f"a box without a label: {entry}")
    if not _are_coordinates(values):
        raise RowInvalid(f"a bbox is four numbers, 0..1: {values}")
    grid = contract.box.grid_px
    x_min, y_min, x_max, y_max = (round(value * grid) for value in values)
    most = grid - 1 if contract.box.inclusive else grid
    if not (0 <= x_min <= x_max <= most and 0 <= y_min <= y_max <= most):
        raise RowInvalid(f"a bbox is [x_min, y_min, x_max, y_max], each at most {most}/{grid}: {values}")
    if any(abs(value * grid - round(value * grid)) > grid * 0.5e-4 + 1e-9 for value in values):
        raise RowInvalid(f"a coordinate is a whole number of pixels / {grid}: {values}")
    return label, (x_min, y_min, x_max, y_max)


def _are_coordinates(values: Any) -> bool:
    return (
        isinstance(values, Sequence)
        and len(values) == 4
        and all(isinstance(value, (int, float)) and 0 <= value <= 1 for value in values)
    )
