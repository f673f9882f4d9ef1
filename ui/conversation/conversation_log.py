# SPDX-License-Identifier: GPL-2.0-or-later
"""The log of the conversation: shows HTML of our own making, follows no address and loads nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from qgis.PyQt.QtCore import QEvent, Qt, QUrl, pyqtSignal
from qgis.PyQt.QtGui import (
    QFont,
    QImage,
    QMouseEvent,
    QResizeEvent,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
)
from qgis.PyQt.QtWidgets import QTextBrowser, QTextEdit, QWidget

from ..contrast import readable
from .conversation_html import PICTURE_SCHEME
from .conversation_link import Link, LinkAction
from .conversation_text import plain

NEAR_END_PX = 4
HEADING_ALPHA = 60
"""0..255: how strongly the heading of the exchange at hand is tinted."""


class ConversationLog(QTextBrowser):
    """Exchanges one below the other, with the one being answered at the end."""

    link_followed = pyqtSignal(object)
    """A ``Link``."""
    picked = pyqtSignal(str)
    """Id of the exchange in which the reader clicked beside the links."""

    look_changed = pyqtSignal()
    """Colours or font are others now: what is shown is to be made anew."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setOpenLinks(False)
        self.setOpenExternalLinks(False)
        self.setUndoRedoEnabled(False)
        self.anchorClicked.connect(self._on_anchor)
        self._pictures: Mapping[str, QImage] = {}

    def show_html(self, html: str, pictures: Mapping[str, QImage]) -> None:
        """Shows other content; ``pictures`` by the name in their address. The reader stays in place."""
        bar = self.verticalScrollBar()
        was_at_end, before = self._is_at_end(), bar.value()
        self._pictures = pictures
        self.document().setDefaultStyleSheet(self._style())
        self.setExtraSelections([])
        self.setHtml(html)
        bar.setValue(bar.maximum() if was_at_end else before)

    def add_text(self, piece: str, is_heading: bool = False) -> None:
        """Appends plain text, keeping the end in sight unless the reader scrolled away."""
        was_at_end = self._is_at_end()
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        letters = QTextCharFormat()
        if is_heading:
            letters.setFontWeight(QFont.Weight.Bold)
        cursor.insertText(plain(piece), letters)
        if was_at_end:
            self.scroll_to_end()

    def scroll_to_end(self) -> None:
        """Shows the newest text."""
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())

    def mark(self, exchange_id: str, named_in: Collection[str], label: str) -> None:
        """Marks the heading of an exchange, and the words that name the label in some exchanges."""
        heading = Link(LinkAction.PLACE, exchange_id)
        words = {Link(LinkAction.LABEL, each, label) for each in named_in} if label else set()
        tint = self.palette().highlight().color()
        tint.setAlpha(HEADING_ALPHA)
        marks = []
        for link, cursor in self._anchors():
            if link == heading:
                marks.append(_mark(cursor, tint, None, is_whole_line=True))
            elif link in words:
                marks.append(_mark(cursor, self.palette().highlight(), self.palette().highlightedText()))
        self.setExtraSelections(marks)

    def loadResource(self, kind: int, name: QUrl) -> Any:
        """Pictures handed to ``show_html``; for all else something empty, or Qt would look for a file."""
        if kind != QTextDocument.ResourceType.ImageResource:
            return " "
        is_ours = name.scheme() == PICTURE_SCHEME
        return self._pictures.get(name.path(), _nothing()) if is_ours else _nothing()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The end stays in sight where it was."""
        was_at_end = self._is_at_end()
        super().resizeEvent(event)
        if was_at_end:
            self.scroll_to_end()

    def changeEvent(self, event: QEvent) -> None:
        """Tells of another theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self.look_changed.emit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Picks the exchange under the mouse, unless a link is there or text is being selected."""
        super().mouseReleaseEvent(event)
        is_plain = event.button() == Qt.MouseButton.LeftButton and not self.textCursor().hasSelection()
        if is_plain and not self.anchorAt(event.pos()):
            exchange_id = self._exchange_before(self.cursorForPosition(event.pos()).position())
            if exchange_id:
                self.picked.emit(exchange_id)

    def _exchange_before(self, position: int) -> str:
        """The exchange whose heading is the last above."""
        above = [
            link.exchange_id
            for link, cursor in self._anchors()
            if link.action is LinkAction.PLACE and cursor.selectionStart() <= position
        ]
        return above[-1] if above else ""

    def _anchors(self) -> Iterator[tuple[Link, QTextCursor]]:
        """Every link with a cursor that selects its words."""
        block = self.document().begin()
        while block.isValid():
            pieces = block.begin()
            while not pieces.atEnd():
                piece = pieces.fragment()
                link = Link.from_url(piece.charFormat().anchorHref())
                if link is not None:
                    cursor = QTextCursor(self.document())
                    cursor.setPosition(piece.position())
                    end = piece.position() + piece.length()
                    cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
                    yield link, cursor
                pieces += 1
            block = block.next()

    def _style(self) -> str:
        gap = self.fontMetrics().lineSpacing() // 4
        palette = self.palette()
        colours = (each.color() for each in (palette.link(), palette.text(), palette.base()))
        link = readable(*colours)
        return f"a {{ color: {link.name()}; }} p {{ margin-top: {gap}px; margin-bottom: {gap}px; }}"

    def _is_at_end(self) -> bool:
        bar = self.verticalScrollBar()
        return bar.value() >= bar.maximum() - NEAR_END_PX

    def _on_anchor(self, url: QUrl) -> None:
        link = Link.from_url(url.toString(QUrl.ComponentFormattingOption.FullyEncoded))
        if link is not None:
            self.link_followed.emit(link)


def _mark(cursor: QTextCursor, behind: Any, letters: Any, is_whole_line: bool = False) -> Any:
    mark = QTextEdit.ExtraSelection()
    mark.cursor = cursor
    mark.format.setBackground(behind)
    if letters is not None:
        mark.format.setForeground(letters)
    if is_whole_line:
        mark.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
    return mark


def _nothing() -> QImage:
    image = QImage(1, 1, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    return image
