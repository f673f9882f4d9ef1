# SPDX-License-Identifier: GPL-2.0-or-later
"""A text document cut into pages between its lines and rows, the head of a table on each of its pages.

Qt's own pages cut rows in two, and a text of many rows takes it minutes to lay out again and again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from qgis.PyQt.QtCore import QPointF, QRectF
from qgis.PyQt.QtGui import (
    QAbstractTextDocumentLayout,
    QColor,
    QPainter,
    QPalette,
    QTextBlock,
    QTextDocument,
    QTextTable,
)

KEPT_LINES = 4
"""A paragraph of no more lines is not broken."""
HEAD_SHARE = 0.3
"""A head that takes more of a page is not repeated."""


@dataclass(frozen=True)
class Piece:
    """A part of the text that stays in one piece, in the text's own units from its top."""

    top: float
    bottom: float
    head: tuple[float, float] | None = None
    """Top and bottom of the row that is to stand above it where it begins a page."""
    holds_next: bool = False
    """Whether it must not be the last on a page."""


@dataclass(frozen=True)
class Page:
    """What of the text stands on a page."""

    top: float
    bottom: float
    head: tuple[float, float] | None = None

    @property
    def head_height(self) -> float:
        """Of the repeated row, or 0."""
        return self.head[1] - self.head[0] if self.head else 0.0


def paginate(pieces: Sequence[Piece], height: float) -> list[Page]:
    """Fills pages of that height; a piece that is higher than a page is cut after all."""
    todo = [part for piece in pieces for part in _parts_of(piece, height)]
    pages, index = [], 0
    while index < len(todo):
        first = todo[index]
        page = Page(first.top, first.bottom, first.head)
        limit, end = first.top + height - page.head_height, index + 1
        while end < len(todo) and todo[end].bottom <= limit:
            end += 1
        while index + 1 < end < len(todo) and todo[end - 1].holds_next:
            end -= 1
        pages.append(replace(page, bottom=todo[end - 1].bottom))
        index = end
    return pages


def pieces_of(text: QTextDocument) -> list[Piece]:
    """The lines, rows and pictures of a text, from its top."""
    pieces: list[Piece] = []
    end = 0.0
    walk = text.rootFrame().begin()
    while not walk.atEnd():
        frame, block = walk.currentFrame(), walk.currentBlock()
        if isinstance(frame, QTextTable):
            if pieces:  # its caption stands above it
                pieces[-1] = replace(pieces[-1], holds_next=True)
            pieces += _rows_of(text, frame)
        elif block.isValid():  # the empty one that Qt puts behind a table lies on the table's last row
            pieces += [piece for piece in _lines_of(text, block) if piece.top >= end]
        end = pieces[-1].bottom if pieces else end
        walk += 1
    return pieces


def draw_page(text: QTextDocument, page: Page, painter: QPainter, width: float, slack: float) -> None:
    """Draws a page in black; ``slack`` is how far below its bottom the last line of a table reaches."""
    if page.head is not None:
        _draw_part(text, painter, QRectF(0, page.head[0], width, page.head_height + slack), 0.0, slack)
    part = QRectF(0, page.top, width, page.bottom - page.top + slack)
    _draw_part(text, painter, part, page.head_height, slack)


def _draw_part(text: QTextDocument, painter: QPainter, part: QRectF, at: float, slack: float) -> None:
    shown = QAbstractTextDocumentLayout.PaintContext()
    # what only touches the part would be drawn unseen, and be found by who searches the PDF
    shown.clip = part.adjusted(0, slack, 0, -2 * slack)
    # paper is white, whatever the theme
    shown.palette = QPalette(QColor("white"))
    shown.palette.setColor(QPalette.ColorRole.Text, QColor("black"))
    painter.save()
    painter.translate(QPointF(0, at - part.top()))
    painter.setClipRect(part)
    text.documentLayout().draw(painter, shown)
    painter.restore()


def _parts_of(piece: Piece, height: float) -> Iterator[Piece]:
    if piece.head is not None and piece.head[1] - piece.head[0] > HEAD_SHARE * height:
        piece = replace(piece, head=None)
    room = height - (piece.head[1] - piece.head[0] if piece.head else 0.0)
    while piece.bottom - piece.top > room:
        yield replace(piece, bottom=piece.top + room, holds_next=False)
        piece = replace(piece, top=piece.top + room)
    yield piece


def _lines_of(text: QTextDocument, block: QTextBlock) -> list[Piece]:
    around, lines = text.documentLayout().blockBoundingRect(block), block.layout()
    if block.blockFormat().headingLevel():
        return [Piece(around.top(), around.bottom(), holds_next=True)]
    if lines.lineCount() <= KEPT_LINES:
        return [Piece(around.top(), around.bottom())]
    tops = [around.top() + lines.lineAt(number).y() for number in range(lines.lineCount())]
    return [Piece(top, bottom) for top, bottom in zip(tops, [*tops[1:], around.bottom()])]


def _rows_of(text: QTextDocument, table: QTextTable) -> list[Piece]:
    """The rows, with half of the line and the padding between two of them on either side."""
    spans = [_text_span(text, table, row) for row in range(table.rows())]
    between = [(above[1] + below[0]) / 2 for above, below in zip(spans, spans[1:])]
    around = text.documentLayout().frameBoundingRect(table)
    half = between[0] - spans[0][1] if between else 0.0
    edges = [spans[0][0] - half, *between, around.bottom()]
    rows = [Piece(top, bottom) for top, bottom in zip(edges, edges[1:])]
    if not table.format().headerRowCount() or len(rows) < 2:
        return rows
    head = (rows[0].top, rows[0].bottom)
    return [replace(rows[0], holds_next=True), rows[1], *(replace(row, head=head) for row in rows[2:])]


def _text_span(text: QTextDocument, table: QTextTable, row: int) -> tuple[float, float]:
    """Top and bottom of the texts of a row."""
    cells = [table.cellAt(row, column) for column in range(table.columns())]
    around = text.documentLayout().blockBoundingRect
    tops = [around(cell.firstCursorPosition().block()).top() for cell in cells]
    bottoms = [around(cell.lastCursorPosition().block()).bottom() for cell in cells]
    return min(tops), max(bottoms)
