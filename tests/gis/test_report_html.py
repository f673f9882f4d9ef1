"""The report as HTML: well formed, in one file, and whatever a model writes stays text."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.reporting.report_document import (
    Column,
    Document,
    Heading,
    Listing,
    MapFigure,
    Notice,
    Paragraph,
    Picture,
    Pictures,
    Quotation,
    Table,
)
from lspace.gis.reporting.report_html import page_of
from lspace.gis.reporting.report_text import set_report
from qgis.PyQt.QtGui import QTextDocument

EVIL = "</p><script>alert(\"1\")</script><img src='http://x/y.png' onerror=z> & &amp; [% @user %] 港"
PNG = b"\x89PNG not really"
VOID = {"meta", "img", "br"}


class Reader(HTMLParser):
    """Collects tags and text, and insists that what is opened is closed in turn."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.words = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def read(*blocks, map_png=None, title="Title", language="en-GB"):
    reader = Reader()
    reader.feed(page_of(Document(title, "Ada", language, blocks), map_png))
    reader.close()
    assert reader.open == []
    return reader


def all_blocks(text):
    return (
        Heading(text),
        Paragraph(text),
        Notice(text),
        Listing((text,)),
        Quotation(text, text, text),
        Table(text, (Column(text), Column(text, is_number=True)), ((text, text),)),
        MapFigure(text),
        Pictures((Picture(PNG, text),)),
    )


def test_whatever_a_text_holds_it_is_shown_and_not_obeyed():
    reader = read(*all_blocks(EVIL), title=EVIL, language='en"><script>', map_png=PNG)
    assert reader.all("script") == []
    assert {image["src"][:22] for image in reader.all("img")} == {"data:image/png;base64,"}
    assert {name for image in reader.all("img") for name in image} == {"src", "alt"}
    assert sum(EVIL in words for words in reader.words) == 16


def test_the_file_loads_nothing():
    reader = read(*all_blocks("a"), map_png=PNG)
    assert "default-src 'none'" in [meta.get("content") for meta in reader.all("meta")][1]
    assert not any(reader.all(tag) for tag in ("link", "script", "iframe", "object", "a"))
    style = "".join(reader.words)
    assert "url(" not in style
    assert "@import" not in style


def test_it_says_its_language_and_what_tables_are_about():
    reader = read(Table("About ships", (Column("Ship"),), (("one",), ("two",))), language="de")
    assert reader.all("html") == [{"lang": "de"}]
    assert len(reader.all("caption")) == 1
    assert [head["scope"] for head in reader.all("th")] == ["col"]
    assert len(reader.all("td")) == 2


def test_pictures_have_words_for_who_cannot_see_them():
    reader = read(MapFigure("A map of it"), Pictures((Picture(PNG, "A chip"),)), map_png=PNG)
    assert [image["alt"] for image in reader.all("img")] == ["A map of it", "A chip"]


def test_without_a_map_its_caption_stands_alone():
    reader = read(MapFigure("A map of it"))
    assert reader.all("img") == []
    assert "A map of it" in reader.words


def test_lines_of_a_quotation_stay_lines():
    assert "one\n  two" in read(Quotation("one\n  two", "who")).words


def test_qt_reads_the_same_words(qgis_app):
    text = QTextDocument()
    set_report(text, Document("Title", "Ada", "en", all_blocks(EVIL)))
    assert text.toPlainText().count(EVIL) == 14  # the words for an image are not shown, its caption is
