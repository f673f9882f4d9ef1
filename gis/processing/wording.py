# SPDX-License-Identifier: GPL-2.0-or-later
"""The sentences of ``ui``, handed in from above: imports run one way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..errors import PluginError
    from ..imaging.chip_note import ChipNote
    from ..reporting.report import Report
    from ..reporting.report_document import Document
    from ..saving.training_rows import RowCounts


@dataclass(frozen=True)
class Wording:
    """How an algorithm says what it has to say; each is safe in any thread."""

    sentence_for: Callable[[PluginError], str]
    note_words: Callable[[ChipNote], str]
    report_document: Callable[[Report, Mapping[str, bytes]], Document]
    """A report with these pictures, PNG by chip id."""
    counts_sentences: Callable[[RowCounts], list[str]]
