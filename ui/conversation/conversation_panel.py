# SPDX-License-Identifier: GPL-2.0-or-later
"""The conversation: answers as they are written, those of before, and the line for the next question."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtWidgets import (
    QApplication,
    QMenu,
    QMessageBox,
    QToolButton,
    QWidget,
)

from ...gis.runs.chip_store import ChipStore
from ...gis.runs.conversation import Conversation, Exchange
from ..contrast import mixed, readable
from ..parts import fill_column, quiet_label, row
from .conversation_html import Look, damaged_html, earlier_html, exchange_html, streaming_html
from .conversation_link import Link, LinkAction
from .conversation_log import ConversationLog
from .conversation_text import claim_words, markdown_of, time_words
from .label_words import LabelWords
from .question_edit import QuestionEdit
from .thumbnails import Thumbnails

SHOWN_AT_ONCE = 40
"""Earlier exchanges are shown on request."""
THUMBNAIL_LINES = 3.5
"""Longer side of a thumbnail, in lines of text."""
LEAST_LOG_LINES = 8
MUTED_SHARE = 0.35
"""Of what lies behind, in words that are said aside."""
QUESTION_TASK = "question"
"""The task of questions in the user's own words: its prompt is the question."""


@dataclass
class _Streaming:
    """The answer that is being written."""

    title: str
    parts: list[tuple[str, str]] = field(default_factory=list)
    """A heading and the text under it, as far as it is written."""
    key: tuple[str, str] | None = None
    """Chip and target of the last part."""


class ConversationPanel(QWidget):
    """Shows the exchanges of the project and asks for more."""

    question_asked = pyqtSignal(str, str)
    """A question, and the id of the exchange about whose images it is; empty where there is none yet."""
    retry_requested = pyqtSignal(str, bool)
    """Ask this exchange's question again; with True, for boxes even where the report denies them."""
    zoom_requested = pyqtSignal(str)
    """Id of the exchange whose area is to be shown."""
    label_clicked = pyqtSignal(str, str)
    """Id of an exchange, and a label that its prose names."""
    stop_requested = pyqtSignal()
    """The answer that is being written is to end."""
    told = pyqtSignal(str)
    """A sentence for the user."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._conversation: Conversation | None = None
        self._thumbnails: Thumbnails | None = None
        self._streaming: _Streaming | None = None
        self._selected = ""
        self._open: set[str] = set()
        self._shown = SHOWN_AT_ONCE
        self._labels = LabelWords()
        self._marked = ""
        self._asked: list[str] = []
        self._reason = ""
        self._build()
        self._show()

    # what it is told

    def set_conversation(self, conversation: Conversation, store: ChipStore) -> None:
        """Shows these exchanges and follows their changes; called once."""
        self._conversation, self._thumbnails = conversation, Thumbnails(store)
        conversation.added.connect(self._on_added)
        conversation.changed.connect(self._on_changed)
        self._on_changed()

    def set_question_allowed(self, allowed: bool, reason: str = "") -> None:
        """Offers the line for questions, or says in a sentence why there is none."""
        self._reason = "" if allowed else reason
        self.question_edit.setEnabled(allowed)
        self.ask_button.setEnabled(allowed)
        self._show_placeholder()

    def set_labels(self, names: Iterable[str]) -> None:
        """Labels that become links where prose names them."""
        labels = LabelWords(names)
        if labels.labels != self._labels.labels:
            self._labels = labels
            self._show()

    def begin(self, title: str) -> None:
        """An answer is about to be written."""
        self._streaming = _Streaming(title)
        self.set_note("")
        self._show()
        self.log.scroll_to_end()

    def add_text(self, target: str, piece: str, chip_id: str = "") -> None:
        """A piece of the answer under a heading, or of prose without; ``chip_id`` tells places apart."""
        streaming = self._streaming
        if streaming is None:
            return
        if streaming.key != (chip_id, target):
            streaming.key = (chip_id, target)
            heading = target.strip().rstrip(".")
            streaming.parts.append((f"\n{heading}: " if heading else "\n", ""))
            self.log.add_text(streaming.parts[-1][0], is_heading=True)
        heading, text = streaming.parts[-1]
        streaming.parts[-1] = heading, text + piece
        self.log.add_text(piece)

    def set_note(self, words: str) -> None:
        """Says something about the picture or about what came of the question."""
        self.note_label.setText(words)
        self.note_label.setVisible(bool(words))

    def finish(self, exchange: Exchange | None, sentence: str = "") -> None:
        """The answer has ended; its exchange, if there is one, is in the conversation already."""
        self._streaming = None
        summary = exchange.summary if exchange is not None else ""
        self.set_note("" if sentence == summary else sentence)
        self._show()

    def highlight_label(self, label: str) -> None:
        """Marks the words that name the label in all prose about the image at hand; empty marks none."""
        self._marked = label
        self._mark()

    @property
    def current(self) -> Exchange | None:
        """The exchange at hand: the one that was clicked last, else the newest."""
        if self._conversation is None:
            return None
        return self._conversation.exchange(self._selected) or self._conversation.last

    def order_fields(self) -> None:
        """The Tab key comes to the line for questions before the log, whose links are many."""
        QWidget.setTabOrder(self.question_edit, self.ask_button)
        QWidget.setTabOrder(self.ask_button, self.more_button)
        QWidget.setTabOrder(self.more_button, self.log)

    # how it is built

    def _build(self) -> None:
        self.log = ConversationLog()
        self.log.setObjectName("LSpaceConversationLog")
        self.log.setAccessibleName(self.tr("Questions and answers"))
        self.log.setWhatsThis(
            self.tr(
                "What was asked in this project and what the model answered. A click on a heading takes the "
                "map there; further questions are about the images of the exchange that was clicked last."
            )
        )
        self.log.setPlaceholderText(self.tr("Nothing asked yet. Choose an area and a task, then run it."))
        self.log.setMinimumHeight(LEAST_LOG_LINES * self.fontMetrics().lineSpacing())
        self.log.link_followed.connect(self._on_link)
        self.log.picked.connect(self._select)
        self.log.look_changed.connect(self._show)
        self.note_label = quiet_label()
        self.note_label.setObjectName("LSpaceConversationNote")
        self.note_label.setVisible(False)
        self.claim_label = quiet_label(claim_words())
        layout = fill_column(self, self.log, self.note_label, self._question_row(), self.claim_label)
        layout.setStretch(0, 1)
        self.order_fields()

    def _question_row(self) -> QWidget:
        self.question_edit = QuestionEdit()
        self.question_edit.setObjectName("LSpaceQuestion")
        self.question_edit.setAccessibleName(self.tr("Question about the image"))
        self.question_edit.setMinimumWidth(8 * self.fontMetrics().averageCharWidth())
        self.question_edit.returnPressed.connect(self._ask)
        self.ask_button = QToolButton()
        self.ask_button.setText(self.tr("Ask"))
        self.ask_button.setToolTip(self.tr("Ask about the image (Enter)"))
        self.ask_button.clicked.connect(lambda: self._ask())
        self.more_button = QToolButton()
        self.more_button.setText(self.tr("More"))
        self.more_button.setToolTip(self.tr("Copy or clear the whole conversation (Space)"))
        self.more_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        self.copy_action = menu.addAction(self.tr("Copy all as Markdown"), self._copy_all)
        self.clear_action = menu.addAction(self.tr("Clear the conversation ..."), self._ask_to_clear)
        self.more_button.setMenu(menu)
        return row(self.question_edit, self.ask_button, self.more_button)

    # what is shown

    def _exchanges(self) -> tuple[Exchange, ...]:
        return self._conversation.exchanges if self._conversation is not None else ()

    def _show(self) -> None:
        """Renders the log anew: after every change but a piece of text."""
        look = Look(self._muted_colour(), self._labels)
        exchanges = self._exchanges()
        hidden = max(len(exchanges) - self._shown, 0)
        parts = [earlier_html(hidden)] if hidden else []
        if self._conversation is not None and self._conversation.damaged:
            parts.append(damaged_html(self._conversation.damaged, look))
        parts += [self._exchange_html(exchange, look) for exchange in exchanges[hidden:]]
        streaming = self._streaming
        if streaming is not None:
            parts.append(streaming_html(streaming.title, look))
        self.log.show_html(
            "<hr>".join(parts), self._thumbnails.images if self._thumbnails is not None else {}
        )
        for heading, text in streaming.parts if streaming is not None else ():
            self.log.add_text(heading, is_heading=True)
            self.log.add_text(text)
        self._mark()

    def _mark(self) -> None:
        current = self.current
        if current is None:
            return
        chips = {chip.chip_id for chip in current.run.chips}
        about_it = {
            exchange.exchange_id
            for exchange in self._exchanges()
            if not chips.isdisjoint(chip.chip_id for chip in exchange.run.chips)
        }
        self.log.mark(current.exchange_id, about_it, self._marked)

    def _exchange_html(self, exchange: Exchange, look: Look) -> str:
        side = round(THUMBNAIL_LINES * self.fontMetrics().lineSpacing())
        thumbnails = self._thumbnails.of(exchange, side, self.devicePixelRatioF())
        return exchange_html(exchange, look, thumbnails, exchange.exchange_id in self._open)

    def _muted_colour(self) -> str:
        """Between the text and what lies behind it."""
        text, base = self.log.palette().text().color(), self.log.palette().base().color()
        return readable(mixed(text, base, MUTED_SHARE), text, base).name()

    def _show_placeholder(self) -> None:
        words = self.tr("Ask about this image ...")
        if self._selected:
            time = time_words(self.current.run.created)
            words = self.tr("Ask about the image of {time} ...").format(time=time)
        self.question_edit.setPlaceholderText(self._reason or words)
        # in a narrow dock the words of the field are cut off
        tip = self.tr("Enter asks; the Up key brings back earlier questions")
        self.question_edit.setToolTip(self._reason or tip)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc stops the answer that is being written."""
        if event.key() == Qt.Key.Key_Escape and self._streaming is not None:
            self.stop_requested.emit()
        else:
            super().keyPressEvent(event)

    # what happens

    def _on_added(self, _exchange: Exchange) -> None:
        self._selected = ""  # the next question is about the newest image

    def _on_changed(self) -> None:
        exchanges = self._exchanges()
        known = {exchange.exchange_id for exchange in exchanges}
        self._open &= known
        self._selected = self._selected if self._selected in known else ""
        if not exchanges:
            self._thumbnails.images.clear()
            self._shown = SHOWN_AT_ONCE
        self._offer_earlier_questions()
        self.copy_action.setEnabled(bool(exchanges))
        self.clear_action.setEnabled(bool(exchanges))
        self._show()
        self._show_placeholder()

    def _select(self, exchange_id: str) -> None:
        self._selected = exchange_id
        self._mark()
        self._show_placeholder()

    def _ask(self) -> None:
        if self._is_busy():
            return
        question = self.question_edit.take()
        if question:
            self._asked.append(question)
            self._offer_earlier_questions()
            current = self.current
            self.question_asked.emit(question, current.exchange_id if current is not None else "")

    def _offer_earlier_questions(self) -> None:
        answers = [answer for exchange in self._exchanges() for answer in exchange.answers[:1]]
        kept = [answer.prompt for answer in answers if answer.task == QUESTION_TASK]
        self.question_edit.set_earlier([*kept, *self._asked])

    def _is_busy(self) -> bool:
        """Says so where an answer is being written: one question at a time."""
        if self._streaming is not None:
            self.told.emit(self.tr("An answer is being written. Wait for its end, or stop it."))
        return self._streaming is not None

    def _stop(self) -> None:
        if self._streaming is not None:
            self.stop_requested.emit()

    def _on_link(self, link: Link) -> None:
        {
            LinkAction.PLACE: self._zoom,
            LinkAction.AGAIN: self._retry,
            LinkAction.ANYWAY: self._retry,
            LinkAction.COPY: self._copy,
            LinkAction.ZOOM: self._zoom,
            LinkAction.REMOVE: self._remove,
            LinkAction.FOLD: self._fold,
            LinkAction.LABEL: self._follow_label,
            LinkAction.STOP: lambda _: self._stop(),
            LinkAction.EARLIER: self._show_earlier,
        }[link.action](link)

    def _retry(self, link: Link) -> None:
        if not self._is_busy():
            self.retry_requested.emit(link.exchange_id, link.action is LinkAction.ANYWAY)

    def _zoom(self, link: Link) -> None:
        self._select(link.exchange_id)
        self.zoom_requested.emit(link.exchange_id)

    def _follow_label(self, link: Link) -> None:
        self._select(link.exchange_id)
        self.highlight_label(link.label)
        self.label_clicked.emit(link.exchange_id, link.label)

    def _fold(self, link: Link) -> None:
        self._open ^= {link.exchange_id}
        self._show()

    def _show_earlier(self, _link: Link) -> None:
        self._shown += SHOWN_AT_ONCE
        self._show()

    def _remove(self, link: Link) -> None:
        self._conversation.remove(link.exchange_id)
        self.told.emit(self.tr("Taken out of the conversation; boxes stay on the map."))

    def _copy(self, link: Link) -> None:
        self._copy_these([each for each in self._exchanges() if each.exchange_id == link.exchange_id])

    def _copy_all(self) -> None:
        self._copy_these(self._exchanges())

    def _copy_these(self, exchanges: Iterable[Exchange]) -> None:
        QApplication.clipboard().setText(markdown_of(exchanges))
        self.told.emit(self.tr("Copied as Markdown."))

    def _ask_to_clear(self) -> None:
        question = QMessageBox(self)
        question.setObjectName("LSpaceClearQuestion")
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        question.setText(self.tr("Take all exchanges out of the project?"))
        question.setInformativeText(self.tr("Their pictures go too. Boxes stay on the map."))
        question.setStandardButtons(QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No)
        question.setDefaultButton(QMessageBox.StandardButton.No)
        question.button(QMessageBox.StandardButton.Yes).clicked.connect(self._clear)
        question.open()

    def _clear(self) -> None:
        self._conversation.clear()
