# SPDX-License-Identifier: GPL-2.0-or-later
"""What a report is made of once it is in words: blocks of plain text, one below the other, without markup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union


@dataclass(frozen=True)
class Heading:
    """Begins a section."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Notice:
    """Running text that must not be missed."""

    text: str


@dataclass(frozen=True)
class Listing:
    """Short texts, one a line."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Quotation:
    """What somebody else said, word for word."""

    text: str
    origin: str
    """Who said it, and to what."""
    note: str = ""
    """What is to be known about it."""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    is_number: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of texts, as many a row as there are columns."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class MapFigure:
    """Where the map stands."""

    caption: str


@dataclass(frozen=True)
class Picture:
    """A PNG and what it shows."""

    png: bytes
    caption: str


@dataclass(frozen=True)
class Pictures:
    """Small pictures side by side."""

    pictures: tuple[Picture, ...]


Block = Union[Heading, Paragraph, Notice, Listing, Quotation, Table, MapFigure, Pictures]


@dataclass(frozen=True)
class Document:
    """A report in words."""

    title: str
    author: str
    language: str
    """BCP 47, such as ``en-GB``."""
    blocks: tuple[Block, ...]
