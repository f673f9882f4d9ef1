# SPDX-License-Identifier: GPL-2.0-or-later
"""The sentences of Processing's algorithms; what makes them is loaded with the first one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..gis.processing.wording import Wording

if TYPE_CHECKING:
    from ..gis.errors import PluginError
    from ..gis.imaging.chip_note import ChipNote
    from ..gis.reporting.report import Report
    from ..gis.reporting.report_document import Document
    from ..gis.saving.training_rows import RowCounts


def algorithm_wording() -> Wording:
    """Everything that they have to say and ``gis`` cannot."""
    return Wording(_sentence_for, _note_words, _report_document, _counts_sentences)


def _sentence_for(error: PluginError) -> str:
    from .words import sentence_for

    return sentence_for(error)


def _note_words(note: ChipNote) -> str:
    from .words import note_words

    return note_words(note)


def _report_document(report: Report, pictures: Mapping[str, bytes]) -> Document:
    from .report.report_words import ReportParts, ReportPictures, document_of

    return document_of(report, ReportParts(map=False), ReportPictures(chips=pictures))


def _counts_sentences(counts: RowCounts) -> list[str]:
    from .review.rows_dialog import counts_sentences

    return counts_sentences(counts)
