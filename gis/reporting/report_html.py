# SPDX-License-Identifier: GPL-2.0-or-later
"""A report as HTML that browsers and Qt's text documents understand: one file that loads nothing."""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape

from .report_document import (
    Block,
    Document,
    Heading,
    Listing,
    MapFigure,
    Notice,
    Paragraph,
    Pictures,
    Quotation,
    Table,
)

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1e22; --paper: #fff; --faint: #5a626b; --line: #c9ced4;
  --head: #eef1f4; --mark: #b45f06; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --paper: #16181b; --faint: #a3abb3;
  --line: #3c4249; --head: #23272c; --mark: #e8a13a; } }
@media print { :root { --ink: #000; --paper: #fff; --faint: #444; --line: #bbb; --head: #eee; --mark: #844; }
  tr, figure, blockquote { break-inside: avoid; } h2 { break-after: avoid; } }
@page { size: A4; margin: 18mm 15mm; }
body { margin: 0 auto; padding: 1.5rem; max-width: 60rem; color: var(--ink); background: var(--paper);
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2rem; }
.notice { border-left: 4px solid var(--mark); padding-left: .8rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .87rem; overflow-wrap: normal; }
caption, figcaption, .origin, .note { color: var(--faint); font-size: .87rem; text-align: left; }
caption { padding: .4rem 0; }
th, td { border: 1px solid var(--line); padding: .3rem .5rem; text-align: left; vertical-align: top; }
th { background: var(--head); } .number { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1rem 0; } figure.map img { width: 100%; height: auto; }
.caption { margin: .3rem 0; } .pictures, .pictures td { border: 0; } .pictures td { width: 33%; }
.pictures img { width: 100%; image-rendering: pixelated; }
blockquote { margin: 1rem 0; padding: .3rem .8rem; border-left: 4px solid var(--line); }
.said { white-space: pre-wrap; unicode-bidi: isolate; margin: .3rem 0; }
"""
A_ROW = 3
"""Small pictures side by side."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page_of(document: Document, map_png: bytes | None = None) -> str:
    """The whole file; without a picture of the map its place holds the caption only."""
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(document.language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="author" content="{escape(document.author)}">\n'
        f"<title>{escape(document.title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body_of(document, map_png, _embedded)}</main>\n</body>\n</html>\n"
    )


def body_of(document: Document, map_png: bytes | None, source_of: Callable[[bytes], str]) -> str:
    """The content; ``source_of`` makes the attributes of a picture's tag, or nothing to leave it out."""
    parts = [_block_html(block, map_png, source_of) for block in document.blocks]
    return "\n".join([f"<h1>{escape(document.title)}</h1>", *parts, ""])


def _block_html(block: Block, map_png: bytes | None, source_of: Callable[[bytes], str]) -> str:
    if isinstance(block, MapFigure):
        image = _image_html(map_png, block.caption, source_of) if map_png else ""
        return f'<figure class="map">{_captioned(image, block.caption)}</figure>'
    if isinstance(block, Pictures):
        return _pictures_html(block, source_of)
    if isinstance(block, Table):
        return _table_html(block)
    if isinstance(block, Quotation):
        return _quotation_html(block)
    if isinstance(block, Listing):
        return "<ul>\n" + "\n".join(f"<li>{escape(item)}</li>" for item in block.items) + "\n</ul>"
    before, after = _SIMPLE[type(block)]
    return f"{before}{escape(block.text)}{after}"


_SIMPLE = {
    Heading: ("<h2>", "</h2>"),
    Paragraph: ("<p>", "</p>"),
    Notice: ('<p class="notice">', "</p>"),
}


def _image_html(png: bytes, words: str, source_of: Callable[[bytes], str]) -> str:
    source = source_of(png)
    return f'<div class="image"><img {source} alt="{escape(words)}"></div>' if source else ""


def _captioned(image: str, caption: str) -> str:
    return f'{image}<figcaption><p class="caption">{escape(caption)}</p></figcaption>'


def _pictures_html(block: Pictures, source_of: Callable[[bytes], str]) -> str:
    cells = [
        f"<td>{_captioned(_image_html(each.png, each.caption, source_of), each.caption)}</td>"
        for each in block.pictures
    ]
    rows = ["".join(cells[start : start + A_ROW]) for start in range(0, len(cells), A_ROW)]
    lines = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return f'<table class="pictures" role="presentation">\n{lines}\n</table>'


def _quotation_html(quotation: Quotation) -> str:
    note = f'<p class="note">{escape(quotation.note)}</p>' if quotation.note else ""
    return (
        f'<blockquote><p class="origin">{escape(quotation.origin)}</p>'
        f'<p class="said" dir="auto">{escape(quotation.text)}</p>{note}</blockquote>'
    )


def _table_html(table: Table) -> str:
    kinds = [' class="number" align="right"' if column.is_number else "" for column in table.columns]
    titles = "".join(f'<th scope="col" align="left">{escape(column.title)}</th>' for column in table.columns)
    rows = "\n".join(
        "<tr>" + "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, row)) + "</tr>"
        for row in table.rows
    )
    return (
        f'<div class="wide"><table><caption>{escape(table.caption)}</caption>\n'
        f"<thead><tr>{titles}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )


def _embedded(png: bytes) -> str:
    return f'src="data:image/png;base64,{base64.b64encode(png).decode("ascii")}"'
