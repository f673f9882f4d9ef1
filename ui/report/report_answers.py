# SPDX-License-Identifier: GPL-2.0-or-later
"""The conversation in a report: what was asked, what came of it, and the model's own words as quotations."""

from __future__ import annotations

from collections.abc import Iterable

from ...gis.reporting.caveats import overclaims
from ...gis.reporting.report import Report
from ...gis.reporting.report_document import Block, Heading, Paragraph, Quotation
from ...gis.runs.answer import Answer
from ...gis.runs.conversation import Exchange
from ..conversation.conversation_text import plain
from ..words import outcome_words, tr
from .report_tables import MOST_ROWS, rest, table, time_words


def asked(report: Report) -> Iterable[Block]:
    """The questions, what came of each, and the reports that there is nothing."""
    if not report.exchanges:
        return
    yield Heading(tr("What was asked"))
    columns = [tr("Time (UTC)"), tr("Question"), tr("Boxes"), tr("What came of it")]
    rows = [_exchange_row(exchange) for exchange in report.exchanges[-MOST_ROWS:]]
    yield table(tr("Questions, the oldest first"), columns, rows, {2})
    yield from rest(len(report.exchanges) - len(rows))
    for exchange in report.exchanges:
        yield from _negatives(exchange)


def _exchange_row(exchange: Exchange) -> tuple[str, ...]:
    result = exchange.summary or outcome_words(exchange.outcome)
    return (time_words(exchange.run.created), exchange.title, str(exchange.boxes), result)


def _negatives(exchange: Exchange) -> Iterable[Block]:
    """Reports that there is nothing, which are results too."""
    for answer in exchange.answers:
        if answer.negative:
            note = tr("This is about these pictures only. It is not evidence that there is nothing.")
            yield Quotation(plain(answer.text), plain(_origin(answer)), note)
    asked_for_boxes = any(answer.has_boxes for answer in exchange.answers)
    if asked_for_boxes and not exchange.boxes:
        words = tr(
            "{title}: no candidates were emitted by this run. That is not the same as none being there."
        )
        yield Paragraph(plain(words.format(title=exchange.title)))


def quoted(report: Report) -> Iterable[Block]:
    """The model's prose, marked as such."""
    answers = [answer for answer in report.answers if _is_prose(answer)]
    if not answers:
        return
    yield Heading(tr("The model's own words, unverified"))
    yield Paragraph(tr("Quoted as written. No finding above is taken from this text."))
    for answer in answers[-MOST_ROWS:]:
        yield Quotation(plain(answer.text), plain(_origin(answer)), _quotation_note(answer))
    yield from rest(len(answers) - MOST_ROWS)


def _is_prose(answer: Answer) -> bool:
    """Whether it is to be quoted; negative reports are results and stand with the questions."""
    return bool(not answer.has_boxes and not answer.negative and answer.text.strip())


def _origin(answer: Answer) -> str:
    words = tr("To “{prompt}”, about picture {chip}:")
    return words.format(prompt=answer.prompt, chip=answer.chip_id)


def _quotation_note(answer: Answer) -> str:
    notes = []
    if not answer.trained:
        notes.append(tr("The prompt is not in the trained wording."))
    if not answer.finished:
        notes.append(tr("The answer broke off."))
    claims = overclaims(answer.text)
    if claims:
        words = tr("Nothing here confirms what it says with: {words}.")
        notes.append(words.format(words=", ".join(claims)))
    return " ".join(notes)
