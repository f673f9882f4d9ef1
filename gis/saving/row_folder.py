# SPDX-License-Identifier: GPL-2.0-or-later
"""A folder of training rows: ``rows.jsonl`` and the pictures it names, added to without losing a row."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SaveCancelled
from .save_target import flush, os_errors

CHIPS = "chips"
"""Folder of the pictures, beside the row file."""


@dataclass(frozen=True)
class RowFolder:
    """Where rows go; those that are there already stay, unless they have the id of a new one."""

    folder: Path

    @property
    def path(self) -> Path:
        """The row file, which need not exist."""
        return self.folder / "rows.jsonl"

    def add(
        self,
        entries: Mapping[str, Mapping[str, Any]],
        pictures: Mapping[str, bytes],
        gives_up: Callable[[], bool] = lambda: False,
    ) -> int:
        """Writes rows and pictures, and returns how many older rows were replaced; in any thread.

        Everything is written beside its place first; until the row file is exchanged, at once and last, the
        older rows are as they were.

        Args:
            entries: JSON-ready rows by ``sample_id``.
            pictures: PNG by chip id; one that is there with the same bytes is left alone.
            gives_up: asked between the steps.

        Raises:
            SaveCancelled: ``gives_up`` said so.
            ExportError: another of its children.
        """
        with os_errors(self):
            older = _lines_of(self.path)
            kept = [line for line in older if _sample_id(line) not in entries]
            with self._draft() as draft:
                _write_lines(draft / self.path.name, kept, entries)
                for chip_id, png in pictures.items():
                    _go_on_unless(gives_up)
                    self._write_picture(draft, chip_id, png)
                _go_on_unless(gives_up)
                self._put_in_place(draft)
        return len(older) - len(kept)

    @contextmanager
    def _draft(self) -> Iterator[Path]:
        """A folder on the same disk, which is gone afterwards."""
        draft = Path(tempfile.mkdtemp(prefix=".lspace-", dir=self.folder))
        try:
            yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _write_picture(self, draft: Path, chip_id: str, png: bytes) -> None:
        name = f"{chip_id}.png"
        present = self.folder / CHIPS / name
        if not present.is_file() or present.read_bytes() != png:
            (draft / name).write_bytes(png)
            flush(draft / name)

    def _put_in_place(self, draft: Path) -> None:
        chips = self.folder / CHIPS
        chips.mkdir(exist_ok=True)
        for picture in sorted(draft.glob("*.png")):
            os.replace(picture, chips / picture.name)
        os.replace(draft / self.path.name, self.path)


def image_name(chip_id: str) -> str:
    """How a row names a picture."""
    return f"{CHIPS}/{chip_id}.png"


def _lines_of(path: Path) -> list[bytes]:
    """The lines of a row file as they are, damaged ones too; none if there is no file."""
    return [line for line in path.read_bytes().split(b"\n") if line.strip()] if path.exists() else []


def _sample_id(line: bytes) -> str | None:
    """The id in a row; None where it cannot be read, so that the line stays."""
    try:
        return str(json.loads(line)["metadata"]["sample_id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _write_lines(path: Path, kept: list[bytes], entries: Mapping[str, Mapping[str, Any]]) -> None:
    added = [json.dumps(entry, ensure_ascii=False, allow_nan=False).encode() for entry in entries.values()]
    path.write_bytes(b"".join(line + b"\n" for line in [*kept, *added]))
    flush(path)


def _go_on_unless(gives_up: Callable[[], bool]) -> None:
    if gives_up():
        raise SaveCancelled("given up")
