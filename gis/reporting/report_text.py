# SPDX-License-Identifier: GPL-2.0-or-later
"""A report as one of Qt's text documents, for the preview and for pages."""

from __future__ import annotations

from collections.abc import Callable

from qgis.PyQt.QtGui import QBrush, QColor, QTextDocument, QTextFrameFormat, QTextTable

from .report_document import Document
from .report_html import body_of

_STYLE = """
h1 { font-size: x-large; } h2 { font-size: large; }
caption, .caption, .origin, .note { font-style: italic; }
.notice { font-weight: 600; }
.image { margin-top: 10px; }
.said { white-space: pre-wrap; }
"""
_RULE = QColor(128, 128, 128)
"""Seen on light and on dark ground."""


def set_report(
    text: QTextDocument,
    document: Document,
    map_png: bytes | None = None,
    source_of: Callable[[bytes], str] = lambda _: "",
) -> None:
    """Fills the text; ``source_of`` as for ``report_html.body_of``, without it there are no pictures."""
    text.setDefaultStyleSheet(_STYLE)
    text.setHtml(body_of(document, map_png, source_of))
    for frame in text.rootFrame().childFrames():
        if isinstance(frame, QTextTable):
            _rule(frame)


def _rule(table: QTextTable) -> None:
    """Thin lines round the cells; pictures, which are a table without a head, get none."""
    layout = table.format()
    layout.setCellSpacing(0)
    layout.setCellPadding(3)
    if layout.headerRowCount():
        layout.setBorderCollapse(True)
        layout.setBorder(1)
        layout.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        layout.setBorderBrush(QBrush(_RULE))
    table.setFormat(layout)
