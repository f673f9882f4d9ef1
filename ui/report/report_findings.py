# SPDX-License-Identifier: GPL-2.0-or-later
"""The proposals of a report in words: what was found, by rule, the map, and the lists."""

from __future__ import annotations

from collections.abc import Iterable

from ...gis.layers import Status
from ...gis.reporting.map_figure import MapPicture
from ...gis.reporting.report import Report
from ...gis.reporting.report_document import Block, Heading, MapFigure, Paragraph
from ...gis.reporting.reported_proposal import Finding, ReportedProposal, best_first
from ..conversation.conversation_text import plain
from ..words import tr
from .report_numbers import area_words, crs_words, label_words, place_words, share_words, spread_words
from .report_tables import MOST_ROWS, rest, table, time_words


def found(report: Report) -> Iterable[Block]:
    """Counts, areas and measured numbers of the proposals, by label."""
    yield Heading(tr("Findings, by rule from the proposals"))
    yield Paragraph(_found_words(report))
    if not report.findings:
        return
    columns = [
        tr("Proposed"),
        tr("Accepted"),
        tr("Area of accepted boxes"),
        tr("Pending"),
        tr("Area of pending boxes"),
        tr("Rejected"),
        tr("Score"),
        tr("Support"),
        tr("Agreement"),
    ]
    rows = [_finding_row(finding) for finding in report.findings]
    caption = tr("Proposals by label; score, support and agreement are those of accepted and pending ones")
    yield table(caption, columns, rows, {1, 2, 3, 4, 5})
    sources = {each.row.sup_source for each in report.proposals if each.row.sup_source}
    if sources:
        words = tr("Support is the share of a box's pixels that speak for it, measured in: {sources}.")
        yield Paragraph(plain(words.format(sources="; ".join(sorted(sources)))))


def _found_words(report: Report) -> str:
    counts = {status: len(report.of(status)) for status in Status}
    if not report.proposals:
        return tr("No candidates were emitted. That is not the same as none being there.")
    if counts[Status.PENDING] == len(report.proposals):
        words = tr("Nothing has been reviewed: all {total} proposals are pending.")
        return words.format(total=len(report.proposals))
    words = tr("Proposals: {total}. Accepted: {accepted}; rejected: {rejected}; pending: {pending}.")
    return words.format(
        total=len(report.proposals),
        accepted=counts[Status.ACCEPTED],
        rejected=counts[Status.REJECTED],
        pending=counts[Status.PENDING],
    )


def _finding_row(finding: Finding) -> tuple[str, ...]:
    accepted, pending = finding.of(Status.ACCEPTED), finding.of(Status.PENDING)
    return (
        label_words(finding.label),
        str(len(accepted)),
        _area_words(finding, Status.ACCEPTED),
        str(len(pending)),
        _area_words(finding, Status.PENDING),
        str(len(finding.of(Status.REJECTED))),
        spread_words(finding.spread("score"), "{:.2f}".format),
        spread_words(finding.spread("support"), share_words),
        spread_words(finding.spread("agreement"), share_words),
    )


def _area_words(finding: Finding, status: Status) -> str:
    return area_words(finding.area_m2(status)) if finding.of(status) else tr("none")


def mapped(picture: MapPicture | None) -> Iterable[Block]:
    """The map, with what can be said of it."""
    if picture is None:
        yield MapFigure(tr("The map is drawn when the report is saved."))
        return
    sentences = [tr("The map as it was shown, the areas outlined in white.")]
    if picture.shows_proposals:
        sentences.append(tr("Boxes as in the layers' style: dashed ones are pending, solid ones accepted."))
    else:
        sentences.append(tr("The layers with the proposals were switched off."))
    sentences.append(tr("CRS: {crs}.").format(crs=crs_words(picture.crs)))
    if picture.incomplete:
        sentences.append(tr("Not drawn completely: {layers}.").format(layers=", ".join(picture.incomplete)))
    if picture.credits:
        sentences.append(tr("Imagery and map data: {credits}.").format(credits="; ".join(picture.credits)))
    yield MapFigure(plain(" ".join(sentences)))


def listed(report: Report, status: Status) -> Iterable[Block]:
    """The proposals of that status, accepted or pending, one by one."""
    proposals = best_first(report.of(status))
    is_accepted = status is Status.ACCEPTED
    yield Heading(tr("Accepted proposals") if is_accepted else tr("Pending proposals"))
    if not proposals:
        yield Paragraph(tr("None was accepted.") if is_accepted else tr("None is pending."))
        return
    columns = [
        tr("Proposed"),
        tr("Score"),
        tr("Area of the box"),
        tr("Middle"),
        tr("Support"),
        tr("Agreement"),
    ]
    rows = [_proposal_row(each) for each in proposals[:MOST_ROWS]]
    if is_accepted:
        columns.append(tr("Reviewed"))
        rows = [(*row, _reviewed_words(each)) for row, each in zip(rows, proposals)]
    caption = tr("Accepted by a reviewer") if is_accepted else tr("Not reviewed by anybody")
    yield table(caption, columns, rows, {1, 2})
    yield from rest(len(proposals) - len(rows))


def _proposal_row(proposal: ReportedProposal) -> tuple[str, ...]:
    row = proposal.row
    support, agreement = share_words(row.support), share_words(row.agreement)
    if row.support is not None and row.sup_index:
        support = f"{support}, {row.sup_index}"
    if row.agreement is not None and row.agree_n:
        agreement = tr("{share} of {count} views").format(share=agreement, count=row.agree_n)
    score = tr("none") if row.score is None else f"{row.score:.2f}"
    return (
        _renamed_words(proposal),
        score,
        area_words(row.area_m2),
        place_words(proposal.lonlat),
        support,
        agreement,
    )


def _renamed_words(proposal: ReportedProposal) -> str:
    label, original = label_words(proposal.label), proposal.row.orig_label
    if not original or original == proposal.label:
        return label
    words = tr("{label} (the model said: {original})")
    return words.format(label=label, original=label_words(original))


def _reviewed_words(proposal: ReportedProposal) -> str:
    when, who = proposal.row.reviewed, proposal.row.reviewer
    parts = [time_words(when) if when else "", who or ""]
    return ", ".join(part for part in parts if part) or tr("not recorded")
