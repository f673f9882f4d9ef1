# SPDX-License-Identifier: GPL-2.0-or-later
"""An exchange in words for people: facts that the log and the Markdown both tell, and the Markdown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from qgis.PyQt.QtCore import QDateTime, QLocale, Qt

from ...gis.errors import ChipError
from ...gis.provenance import ChipRecord
from ...gis.runs.answer import Answer
from ...gis.runs.conversation import Exchange
from ...gis.runs.step import Step
from ..measures import sides_words
from ..words import kind_words, tr
from .step_words import step_words

MOST_IMAGES_LISTED = 4
_BREAKS = re.compile("\r\n|[\r\u0085\u2028\u2029\x0b\x0c]")
_BIDI_CONTROLS = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>&!|~#])")


def plain(text: str) -> str:
    """The text without characters that are no letters: a model may write those that turn the line around."""
    return "".join(letter for letter in _BREAKS.sub("\n", text) if _is_shown(letter))


def claim_words() -> str:
    """What answers are worth."""
    return tr("Answers are a model's proposals, not ground truth.")


def time_words(created: str) -> str:
    """A time of UTC on the user's clock, with the date where it is not today."""
    moment = QDateTime.fromString(created, Qt.DateFormat.ISODate).toLocalTime()
    if not moment.isValid():
        return created
    is_today = moment.date() == QDateTime.currentDateTime().date()
    short = QLocale.FormatType.ShortFormat
    return QLocale().toString(moment.time() if is_today else moment, short)


def size_words(exchange: Exchange) -> str:
    """How large the area is on the ground; empty where nothing can be measured."""
    try:
        return sides_words(*exchange.aoi.size_m())
    except ChipError:
        return ""


def dates_words(exchange: Exchange) -> str:
    """The dates of the images, each once, the earlier first; empty where none is known."""
    dates = dict.fromkeys(chip.date for chip in exchange.run.chips if chip.date)
    return ", ".join(plain(date) for date in list(dates)[:MOST_IMAGES_LISTED])


def box_count_words(answer: Answer) -> str:
    """How many boxes the text of an answer lists, whole or cut."""
    count = len(re.findall(r"\bbbox\b", answer.text))
    words = (
        tr("1 box") if count == 1 else tr("{count} boxes").format(count=count) if count else tr("no boxes")
    )
    return words if answer.finished else tr("{words}, not finished").format(words=words)


def caveats(exchange: Exchange) -> tuple[str, ...]:
    """What makes the answers worth less than those of a trained model to its trained prompts."""
    found = []
    if exchange.run.random_weights:
        found.append(tr("This model was never trained: its answers are noise."))
    if exchange.is_talk:
        found.append(tr("A conversation, not a trained question: check what the model says."))
    elif not all(answer.trained for answer in exchange.answers):
        found.append(tr("The wording is not the trained one: expect less of the answer."))
    return tuple(found)


def markdown_of(exchanges: Iterable[Exchange]) -> str:
    """The exchanges as Markdown, the model's words quoted, the claim at the end."""
    return "\n\n".join([*map(_exchange_markdown, exchanges), f"*{_escaped(claim_words())}*"]) + "\n"


def _exchange_markdown(exchange: Exchange) -> str:
    run = exchange.run
    facts = [
        (tr("Asked"), run.created),
        (tr("Area"), _place_words(exchange)),
        *_image_facts(run.chips),
        (tr("Model"), ", ".join((run.model, run.revision, run.device, run.precision))),
        (tr("Result"), exchange.summary),
        *((tr("Note"), words) for words in caveats(exchange)),
    ]
    listed = "\n".join(f"- {_escaped(name)}: {_one_line(value)}" for name, value in facts if value)
    answers = [_answer_markdown(answer) for answer in exchange.answers]
    if exchange.steps:
        answers = [_prompt_markdown(exchange.answers[0]), *map(_step_markdown, exchange.steps)]
    return "\n\n".join([f"## {_one_line(exchange.title)}", listed, *answers])


def _image_facts(chips: tuple[ChipRecord, ...]) -> list[tuple[str, str]]:
    facts = [(tr("Image"), _image_words(chip)) for chip in chips[:MOST_IMAGES_LISTED]]
    more = len(chips) - MOST_IMAGES_LISTED
    return facts + ([(tr("Images"), tr("{count} more").format(count=more))] if more > 0 else [])


def _image_words(chip: ChipRecord) -> str:
    words = tr("{date}, {kind}, {gsd:.1f} m a pixel, {share:.0f} % valid, from {sources} ({chip_id})")
    return words.format(
        date=chip.date or tr("date unknown"),
        kind=kind_words(chip.kind),
        gsd=chip.gsd_m,
        share=100 * chip.valid_share,
        sources=", ".join(chip.sources) or tr("unknown layers"),
        chip_id=chip.chip_id,
    )


def _place_words(exchange: Exchange) -> str:
    size, centre = size_words(exchange), exchange.centre_lonlat()
    if centre is None:
        return size
    place = tr("longitude {longitude:.5f}, latitude {latitude:.5f}")
    middle = place.format(longitude=centre[0], latitude=centre[1])
    return tr("{size} around {middle}").format(size=size, middle=middle) if size else middle


def _prompt_markdown(answer: Answer) -> str:
    heading = tr("Prompt ({target})").format(target=answer.target) if answer.target else tr("Prompt")
    return f"**{_one_line(heading)}**: {_one_line(answer.prompt)}"


def _step_markdown(step: Step) -> str:
    return f"- {_one_line(step_words(step))}" if step.is_call else _quoted(_escaped(step.said.strip()))


def _answer_markdown(answer: Answer) -> str:
    text = _fenced(answer.text) if answer.has_boxes else _escaped(answer.text)
    return f"{_prompt_markdown(answer)}\n\n{_quoted(text)}"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _fenced(text: str) -> str:
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}json\n{plain(text)}\n{fence}"


def _one_line(text: str) -> str:
    return " ".join(_escaped(text).split())


def _escaped(text: str) -> str:
    """Nothing in it is a link, an image or HTML to who reads the Markdown."""
    return _MARKDOWN.sub(r"\\\1", plain(text))


def _is_shown(letter: str) -> bool:
    if letter in "\n\t":
        return True
    return unicodedata.category(letter) not in ("Cc", "Cs") and letter not in _BIDI_CONTROLS
