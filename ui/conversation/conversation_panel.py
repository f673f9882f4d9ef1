# SPDX-License-Identifier: GPL-2.0-or-later
"""The conversation: answers as they are written, those of before, and the line for the next question."""

from __future__ import annotations

from collections.abc import Iterable

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QKeyEvent
from qgis.PyQt.QtWidgets import QApplication, QWidget

from ...gis.runs.chip_store import ChipStore
from ...gis.runs.conversation import Conversation, Exchange
from ...model_backend.contract import Contract
from ..contrast import mixed, readable
from ..parts import fill_column, quiet_label
from .clear_question import ask_to_clear
from .conversation_html import Look, damaged_html, earlier_html, exchange_html, streaming_html
from .conversation_link import Link, LinkAction
from .conversation_log import ConversationLog
from .conversation_text import claim_words, markdown_of, time_words
from .label_words import LabelWords
from .permission_bar import PermissionBar
from .question_row import QuestionRow
from .streaming import Streaming
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
    undo_requested = pyqtSignal(str, int)
    """Id of an exchange, and the place among its steps of the one that is to be taken back."""
    show_requested = pyqtSignal(str, int)
    """The same of a step whose layer is to be shown on the map."""
    stop_requested = pyqtSignal()
    """The answer that is being written is to end."""
    told = pyqtSignal(str)
    """A sentence for the user."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._conversation: Conversation | None = None
        self._thumbnails: Thumbnails | None = None
        self._streaming: Streaming | None = None
        self._selected = ""
        self._open: set[str] = set()
        self._shown = SHOWN_AT_ONCE
        self._labels = LabelWords()
        self._marked = ""
        self._asked: list[str] = []
        self._reason = ""
        self._undoable: frozenset[tuple[str, int]] = frozenset()
        self._begins_afresh = False
        """Whether the next question goes on from nothing."""
        self.begins_without_image = False
        """Whether a conversation that begins is about no image."""
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
        self._streaming = Streaming(title)
        self._begins_afresh = self.begins_without_image = False
        self.set_note("")
        self._show()
        self._show_placeholder()
        self.log.scroll_to_end()

    def add_text(self, target: str, piece: str, chip_id: str = "") -> None:
        """A piece of the answer under a heading, or of prose without; ``chip_id`` tells places apart."""
        if self._streaming is None:
            return
        heading = self._streaming.add(target, piece, chip_id)
        if heading:
            self.log.add_text(heading, is_heading=True)
        self.log.add_text(piece)

    def add_step(self, words: str) -> None:
        """A line about something that was done, or not done, for the answer."""
        if self._streaming is not None:
            self.log.add_text(self._streaming.add_step(words))

    def set_undoable(self, steps: Iterable[tuple[str, int]]) -> None:
        """Says what can be taken back: ids of exchanges, with the place of a step in them."""
        self._undoable = frozenset(steps)

    def offer_conversations(self, contract: Contract, tools_reason: str) -> None:
        """Says what a model of this contract can do in a conversation; the reason, why it has no tools."""
        talk = contract.talk
        self.question_row.offer_tools(not tools_reason, tools_reason)
        self.question_row.offer_conversations(talk is not None, talk is not None)
        self._show_placeholder()

    def give_back(self, question: str) -> None:
        """A question that could not be asked stands in the line again."""
        if not self.question_edit.text():
            self.question_edit.setText(question)

    @property
    def uses_tools(self) -> bool:
        """Whether the model has tools and may use them."""
        return self.question_row.tools_box.isEnabled() and self.question_row.tools_box.isChecked()

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
        self.permission_bar = PermissionBar()
        self.question_row = QuestionRow()
        self.question_row.asked.connect(self._ask)
        self.question_row.copy_requested.connect(self._copy_all)
        self.question_row.clear_requested.connect(self._ask_to_clear)
        self.question_row.fresh_start_requested.connect(self._begin_afresh)
        self.question_edit, self.ask_button = self.question_row.edit, self.question_row.ask_button
        self.more_button = self.question_row.more_button
        self.claim_label = quiet_label(claim_words())
        parts = (self.log, self.note_label, self.permission_bar, self.question_row, self.claim_label)
        fill_column(self, *parts).setStretch(0, 1)
        self.order_fields()

    # what is shown

    def _exchanges(self) -> tuple[Exchange, ...]:
        return self._conversation.exchanges if self._conversation is not None else ()

    def _show(self) -> None:
        """Renders the log anew: after every change but a piece of text."""
        look = Look(self._muted_colour(), self._labels, self._undoable)
        exchanges = self._exchanges()
        hidden = max(len(exchanges) - self._shown, 0)
        parts = [earlier_html(hidden)] if hidden else []
        if self._conversation is not None and self._conversation.damaged:
            parts.append(damaged_html(self._conversation.damaged, look))
        parts += [self._exchange_html(place, look) for place in range(hidden, len(exchanges))]
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

    def _exchange_html(self, place: int, look: Look) -> str:
        """The picture stands above the first question of a conversation, not above those that follow it."""
        exchange = self._exchanges()[place]
        goes_on = place > 0 and exchange.follows == self._exchanges()[place - 1].exchange_id
        side = round(THUMBNAIL_LINES * self.fontMetrics().lineSpacing())
        thumbnails = [] if goes_on else self._thumbnails.of(exchange, side, self.devicePixelRatioF())
        return exchange_html(exchange, look, thumbnails, exchange.exchange_id in self._open)

    def _muted_colour(self) -> str:
        """Between the text and what lies behind it."""
        text, base = self.log.palette().text().color(), self.log.palette().base().color()
        return readable(mixed(text, base, MUTED_SHARE), text, base).name()

    def _show_placeholder(self) -> None:
        current = None if self._begins_afresh else self.current
        words = self.tr("Ask about this image ...")
        if self.begins_without_image or (current is not None and current.is_without_image):
            words = self.tr("Ask without an image ...")
        elif self._begins_afresh:
            words = self.tr("Ask about the area ...")
        elif self._selected:
            words = self.tr("Ask about the image of {time} ...").format(time=time_words(current.run.created))
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
        self.question_row.copy_action.setEnabled(bool(exchanges))
        self.question_row.clear_action.setEnabled(bool(exchanges))
        self._show()
        self._show_placeholder()

    def _select(self, exchange_id: str) -> None:
        self._selected = exchange_id
        self._begins_afresh = self.begins_without_image = False
        self._mark()
        self._show_placeholder()

    def _ask(self) -> None:
        if self._is_busy():
            return
        question = self.question_edit.take()
        if question:
            self._asked.append(question)
            self._offer_earlier_questions()
            current = None if self._begins_afresh else self.current
            self.question_asked.emit(question, current.exchange_id if current is not None else "")

    def _begin_afresh(self, with_image: bool) -> None:
        self._begins_afresh, self.begins_without_image = True, not with_image
        self._show_placeholder()
        self.question_edit.setFocus()

    def _offer_earlier_questions(self) -> None:
        answers = [answer for exchange in self._exchanges() for answer in exchange.answers[:1]]
        kept = [answer.prompt for answer in answers if answer.task == QUESTION_TASK]
        self.question_edit.set_earlier([*kept, *self._asked])

    def _is_busy(self) -> bool:
        """Says so where an answer is being written: one question at a time."""
        if self.permission_bar.isVisible():
            self.told.emit(
                self.tr("The model asks whether it may change something. Allow or refuse it first.")
            )
        elif self._streaming is not None:
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
            LinkAction.UNDO: self._follow_step,
            LinkAction.SHOW: self._follow_step,
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

    def _follow_step(self, link: Link) -> None:
        if link.label.isdecimal() and not self._is_busy():
            signal = self.undo_requested if link.action is LinkAction.UNDO else self.show_requested
            signal.emit(link.exchange_id, int(link.label))

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
        ask_to_clear(self, self._clear)

    def _clear(self) -> None:
        self._conversation.clear()
