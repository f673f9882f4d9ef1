# SPDX-License-Identifier: GPL-2.0-or-later
"""Saves a report whole or not at all: written beside its place, then moved there."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from ..errors import WriteFailed
from ..saving.save_target import SaveTarget, folder_beside, os_errors
from .map_figure import MapPicture
from .report_document import Document
from .report_pdf import write_pdf


class ReportFormat(Enum):
    """What a report can be saved as."""

    HTML = ("HTML", ".html")
    PDF = ("PDF", ".pdf")

    def __init__(self, title: str, extension: str) -> None:
        self.title = title
        """The format's proper name, the same in every language."""
        self.extension = extension

    @property
    def companions(self) -> tuple[str, ...]:
        """A report is one file."""
        return ()


def prepare_report(path: str | Path, format: ReportFormat, *, overwrite: bool) -> SaveTarget:
    """The place to save at, with the format's extension; for the GUI thread.

    Raises:
        TargetExists: a file is there and is not to be replaced.
        ExportError: another of its children.
    """
    target = SaveTarget.at(Path(path), format, "", overwrite)
    with os_errors(target):
        target.check()
    return target


def save_page(target: SaveTarget, page: str) -> Path:
    """Writes HTML; in any thread.

    Raises:
        ExportError: nothing has changed.
    """
    with os_errors(target), folder_beside(target) as folder:
        (folder / target.path.name).write_bytes(page.encode("utf-8"))
        target.put_in_place(folder)
    return target.path


def save_pdf(target: SaveTarget, document: Document, picture: MapPicture | None) -> Path:
    """Writes the pages; for the GUI thread, as layouts are not thread-safe.

    Raises:
        ExportError: nothing has changed.
        RenderFailed: the map could not be placed.
    """
    with os_errors(target), folder_beside(target) as folder:
        draft = folder / target.path.name
        write_pdf(document, picture, draft)
        if not draft.read_bytes().rstrip().endswith(b"%%EOF"):
            raise WriteFailed("the PDF breaks off", path=str(target.path))
        target.put_in_place(folder)
    return target.path
