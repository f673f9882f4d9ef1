"""Text is cut into pages between lines and rows, nothing is lost, and heads are repeated."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.reporting.paged_text import Page, Piece, paginate, pieces_of
from qgis.PyQt.QtGui import QTextDocument

pytestmark = pytest.mark.usefixtures("qgis_app")


def lines(count, height=10, **fields):
    return [Piece(number * height, (number + 1) * height, **fields) for number in range(count)]


def text_of(html, width=400):
    text = QTextDocument()
    text.setHtml(html)
    text.setTextWidth(width)
    return text


def test_pages_follow_each_other_without_a_gap():
    assert paginate(lines(5), 25) == [Page(0, 20), Page(20, 40), Page(40, 50)]


def test_no_text_has_no_pages():
    assert paginate([], 25) == []


def test_a_heading_goes_with_what_follows():
    pieces = [Piece(0, 10), Piece(10, 20, holds_next=True), Piece(20, 30)]
    assert paginate(pieces, 25) == [Page(0, 10), Page(10, 30)]


def test_headings_that_never_end_do_not_hold_forever():
    assert paginate(lines(3, holds_next=True), 25) == [Page(0, 10), Page(10, 30)]


def test_the_last_page_may_end_with_a_heading():
    assert paginate(lines(2, holds_next=True), 25) == [Page(0, 20)]


def test_a_table_that_goes_on_has_its_head_again_and_room_for_it():
    pieces = [Piece(0, 6), *(Piece(at, at + 10, head=(0, 6)) for at in range(6, 66, 10))]
    assert paginate(pieces, 30) == [Page(0, 26), Page(26, 46, (0, 6)), Page(46, 66, (0, 6))]


def test_what_is_higher_than_a_page_is_cut():
    assert paginate([Piece(0, 60), Piece(60, 70)], 25) == [Page(0, 25), Page(25, 50), Page(50, 70)]


def test_a_head_of_half_a_page_is_not_repeated():
    assert paginate([Piece(0, 20, head=(0, 15)), Piece(20, 45, head=(0, 15))], 25) == [
        Page(0, 20),
        Page(20, 45),
    ]


def test_rows_of_a_table_are_whole_and_meet():
    rows = "".join(f"<tr><td>{row}</td><td>a<br>b<br>c</td></tr>" for row in range(4))
    pieces = pieces_of(text_of(f"<table><thead><tr><th>H</th><th>I</th></tr></thead>{rows}</table>"))
    head, *body = pieces[-5:]
    assert [piece.top for piece in body] == [piece.bottom for piece in (head, *body[:-1])]
    assert body[1].head == (head.top, head.bottom)
    assert body[0].bottom - body[0].top > 2 * (head.bottom - head.top)


def test_a_long_paragraph_may_be_broken_between_its_lines_and_a_short_one_not():
    assert len(pieces_of(text_of("<p>" + "word " * 500 + "</p>"))) > 10
    assert len(pieces_of(text_of("<p>one<br>two</p>"))) == 1


def test_the_pieces_cover_the_whole_text():
    text = text_of("<h2>Title</h2><p>" + "word " * 300 + "</p><ul><li>one</li><li>two</li></ul>")
    pieces = pieces_of(text)
    assert pieces[0].holds_next
    assert pieces[-1].bottom == pytest.approx(text.size().height(), abs=20)
    assert all(one.bottom <= other.top + 0.5 for one, other in zip(pieces, pieces[1:]))
