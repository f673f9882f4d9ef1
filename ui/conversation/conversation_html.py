# SPDX-License-Identifier: GPL-2.0-or-later
"""An exchange as a piece of HTML for the log: everything from the model or the user is escaped here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from urllib.parse import quote

from ...gis.runs.answer import Answer
from ...gis.runs.conversation import Exchange
from ...gis.runs.step import Step
from ..words import tr
from .conversation_link import Link, LinkAction
from .conversation_text import box_count_words, caveats, dates_words, plain, size_words, time_words
from .label_words import LabelWords
from .step_words import layer_named_in, step_words
from .thumbnails import Thumbnail

PICTURE_SCHEME = "lspace-chip"
"""Of addresses that name a thumbnail."""
PICTURE_GAP_PX = 8
MOST_ANSWERS = 12
"""More of them are folded away."""


@dataclass(frozen=True)
class Look:
    """How exchanges are shown."""

    muted: str
    """Colour of what is said aside, as CSS."""
    labels: LabelWords = field(default_factory=LabelWords)
    undoable: frozenset[tuple[str, int]] = frozenset()
    """Ids of exchanges, with the place of a step that can be taken back."""


def exchange_html(exchange: Exchange, look: Look, thumbnails: Sequence[Thumbnail], is_open: bool) -> str:
    """The exchange; ``is_open`` shows all answers, and lists of boxes as the model wrote them."""
    notes = "".join(_aside(escape(words), look) for words in caveats(exchange))
    summary = f"<p><b>{_text(exchange.summary)}</b></p>" if exchange.summary else ""
    make = _steps if exchange.steps else _answers
    answers = make(exchange, look, is_open)
    return f"{_heading(exchange, look, thumbnails)}{answers}{summary}{notes}{_links(exchange)}"


def streaming_html(title: str, look: Look) -> str:
    """The heading over an answer that is being written."""
    stop = _link(Link(LinkAction.STOP), tr("stop"), tr("End the answer; what has arrived stays (Esc)"))
    words = _muted(escape(tr("being answered")), look)
    return f"<p><b>{_text(title)}</b> {words} [{stop}]</p>"


def earlier_html(count: int) -> str:
    """The link to exchanges that are not shown."""
    words = tr("Show {count} earlier").format(count=count)
    return f'<p align="center">{_link(Link(LinkAction.EARLIER), words, "")}</p>'


def damaged_html(count: int, look: Look) -> str:
    """Says that entries of the project could not be read."""
    words = tr("{count} entries of this project could not be read; they stay in its file as they are.")
    return _aside(escape(words.format(count=count)), look)


def _heading(exchange: Exchange, look: Look, thumbnails: Sequence[Thumbnail]) -> str:
    place = Link(LinkAction.PLACE, exchange.exchange_id)
    hint = tr("Show the area on the map")
    title = f"<b>{_text(time_words(exchange.run.created))}&nbsp; {_text(exchange.title)}</b>"
    images = tr("without an image") if exchange.is_without_image else dates_words(exchange)
    facts = " · ".join(part for part in (size_words(exchange), images) if part)
    words = f"{_link(place, title, hint, is_heading=True)}<br>{_muted(_text(facts), look)}"
    if not thumbnails:
        return f"<p>{words}</p>"
    pictures = " ".join(map(_picture, thumbnails))
    room = sum(each.width + PICTURE_GAP_PX for each in thumbnails)
    return (
        '<table width="100%" cellspacing="0" cellpadding="2"><tr>'
        f'<td width="{room}" valign="top">{_link(place, pictures, hint, is_heading=True)}</td>'
        f'<td valign="top">{words}</td></tr></table>'
    )


def _picture(thumbnail: Thumbnail) -> str:
    address = f"{PICTURE_SCHEME}:{quote(thumbnail.name)}"
    return f'<img src="{address}" width="{thumbnail.width}" height="{thumbnail.height}">'


def _answers(exchange: Exchange, look: Look, is_open: bool) -> str:
    shown = exchange.answers if is_open else exchange.answers[:MOST_ANSWERS]
    places = list(dict.fromkeys(answer.chip_id for answer in exchange.answers))
    parts, place = [], None
    for answer in shown:
        if len(places) > 1 and answer.chip_id != place:
            place = answer.chip_id
            words = tr("Place {place} of {places}")
            words = words.format(place=places.index(place) + 1, places=len(places))
            parts.append(_aside(escape(words), look))
        parts.append(_answer(exchange, answer, look, is_open))
    more = len(exchange.answers) - len(shown)
    if more:
        words = tr("{count} more answers").format(count=more)
        parts.append(f"<p>{escape(words)} ({_fold(exchange, tr('show all'))})</p>")
    return "".join(parts)


def _answer(exchange: Exchange, answer: Answer, look: Look, is_open: bool) -> str:
    target = f"<b>{_text(answer.target)}:</b> " if answer.target else ""
    if not answer.has_boxes:
        rest = "" if answer.finished else " " + _muted(escape(tr("(not finished)")), look)
        return f"<p>{target}{_prose(exchange, answer.text, look.labels)}{rest}</p>"
    fold = _fold(exchange, tr("hide text") if is_open else tr("show text"))
    text = f"<p><code>{_text(answer.text)}</code></p>" if is_open else ""
    return f"<p>{target}{escape(box_count_words(answer))} ({fold})</p>{text}"


def _steps(exchange: Exchange, look: Look, is_open: bool) -> str:
    """What the model wrote and what its tools did, in the order in which it happened."""
    parts = [_left_out(exchange, look)] if exchange.left_out else []
    for place, step in enumerate(exchange.steps):
        if step.is_call:
            parts.append(_call(exchange, place, look, is_open))
        elif step.said.strip():
            parts.append(f"<p>{_prose(exchange, step.said, look.labels)}</p>")
    if not exchange.answers[0].finished:
        parts.append(_aside(escape(tr("(not finished)")), look))
    if any(step.is_call for step in exchange.steps):
        fold = _fold(exchange, tr("hide details") if is_open else tr("show details"))
        parts.append(f"<p>({fold})</p>")
    return "".join(parts)


def _call(exchange: Exchange, place: int, look: Look, is_open: bool) -> str:
    """A quiet line; opened, with what was asked of the tool and what the model was told."""
    step, key = exchange.steps[place], (exchange.exchange_id, place)
    offered = []
    if layer_named_in(step):
        offered.append((LinkAction.SHOW, tr("show"), tr("Show the layer on the map")))
    if key in look.undoable:
        offered.append((LinkAction.UNDO, tr("undo"), tr("Take this back")))
    links = "".join(
        f" [{_link(Link(action, exchange.exchange_id, str(place)), words, hint)}]"
        for action, words, hint in offered
    )
    line = _muted(f"\u2023 {_text(step_words(step))}", look)
    return f"<p>{line}{links}</p>{_details(step) if is_open else ''}"


def _details(step: Step) -> str:
    asked = json.dumps(dict(step.arguments), ensure_ascii=False)
    return f"<p><code>{_text(f'{step.tool} {asked}')}<br>{_text(step.text)}</code></p>"


def _left_out(exchange: Exchange, look: Look) -> str:
    words = tr("The oldest {count} turns of this conversation no longer fit; the model was not told them.")
    return _aside(escape(words.format(count=exchange.left_out)), look)


def _prose(exchange: Exchange, text: str, labels: LabelWords) -> str:
    pieces = []
    for piece, label in labels.split(plain(text).strip()):
        link = Link(LinkAction.LABEL, exchange.exchange_id, label)
        hint = tr("Show the boxes with this label")
        pieces.append(_link(link, piece, hint) if label else _text(piece))
    return "".join(pieces)


def _fold(exchange: Exchange, words: str) -> str:
    hint = tr("The answers as the model wrote them")
    return _link(Link(LinkAction.FOLD, exchange.exchange_id), words, hint)


def _links(exchange: Exchange) -> str:
    offered = [
        (LinkAction.AGAIN, tr("again"), tr("Ask the same of the same image once more")),
        (LinkAction.COPY, tr("copy"), tr("Copy question and answer as Markdown")),
        (LinkAction.ZOOM, tr("zoom"), tr("Show the area on the map")),
        (LinkAction.REMOVE, tr("remove"), tr("Take this out of the conversation; boxes stay on the map")),
    ]
    denied = {answer.chip_id for answer in exchange.answers if answer.negative}
    if denied - {answer.chip_id for answer in exchange.answers if answer.has_boxes}:
        hint = tr("Ask for boxes although the report says that there is nothing")
        offered.insert(0, (LinkAction.ANYWAY, tr("ask anyway"), hint))
    links = (
        _link(Link(action, exchange.exchange_id), words.replace(" ", "\u00a0"), hint)
        for action, words, hint in offered
    )
    return '<p align="right">' + " ".join(f"[{link}]" for link in links) + "</p>"


def _link(link: Link, words: str, hint: str, is_heading: bool = False) -> str:
    """``words`` are HTML in a heading, else text."""
    shown = f'<span style="text-decoration: none;">{words}</span>' if is_heading else _text(words)
    return f'<a href="{link.to_url()}" title="{escape(hint)}">{shown}</a>'


def _aside(html: str, look: Look) -> str:
    return f"<p>{_muted(html, look)}</p>"


def _muted(html: str, look: Look) -> str:
    return f'<span style="color: {look.muted};">{html}</span>'


def _text(text: str) -> str:
    return escape(plain(text)).replace("\n", "<br>")
