# SPDX-License-Identifier: GPL-2.0-or-later
"""Parts that all sections of a report are made of: tables, times, and what is left out of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...gis.reporting.report_document import Block, Column, Paragraph, Table
from ..conversation.conversation_text import plain
from ..words import tr

MOST_ROWS = 200
"""Of a table: who needs more takes the layer."""


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: set[int]) -> Table:
    """A table of plain text; ``numbers`` are the indices of the columns that hold numbers."""
    titles = tuple(Column(title, index in numbers) for index, title in enumerate(columns))
    return Table(caption, titles, tuple(tuple(map(plain, row)) for row in rows))


def rest(count: int) -> Iterable[Block]:
    """Says how many more there are than are listed, if there are any."""
    if count > 0:
        yield Paragraph(tr("{count} more are not listed here.").format(count=count))


def time_words(created: str) -> str:
    """A time of UTC, ISO 8601, as people write it."""
    return created.replace("T", " ").replace("Z", "")


def date_words(date: str | None) -> str:
    """An ISO date, where it is known."""
    return date or tr("date not known")
