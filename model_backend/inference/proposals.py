# SPDX-License-Identifier: GPL-2.0-or-later
"""From a completion to labelled boxes: what could be read, what was mended, what was dropped."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from enum import Enum

from ..proposal import Box, Proposal
from .candidates import Candidate, Findings, find_candidates
from .completion import Completion
from .scores import Calibration, score_of
from .spread import spread_of
from .written_box import Drop, mend_box

LONGEST_LABEL = 80
NO_LABEL = frozenset({"", "null", "none"})
LOOP_REPEATS = 3
"""The same candidate this often in a row means that the model is going round in circles."""


class Outcome(Enum):
    """What came of an answer."""

    FOUND = "found"
    EMPTY_LIST = "empty list"
    """The model wrote an empty list."""
    PROSE = "prose"
    """Text without anything that looks like a box."""
    UNUSABLE = "unusable"
    """There were boxes, but none could be used."""
    EMPTY_TEXT = "empty text"


@dataclass(frozen=True)
class Reading:
    """All that was read from a completion."""

    proposals: tuple[Proposal, ...]
    outcome: Outcome
    dropped: dict[str, int]
    """How many boxes were dropped for which reason; the reasons are ``Drop``'s values."""
    notes: tuple[str, ...]
    """Of the answer as a whole: ``fenced``, ``wrapped`` in an object, ``prose`` around it, ``trimmed``,
    ``truncated`` inside an open bracket, ``loop``."""


def read_proposals(
    completion: Completion, default_label: str | None = None, calibration: Calibration | None = None
) -> Reading:
    """Reads every whole box, in the order in which the model completed them.

    Never raises, whatever the text; takes time linear in it. Boxes without a label of their own take
    ``default_label``, the target that was asked for, or are dropped. While ``finish_reason`` is None an
    object that is still open is left alone, so the proposals only ever grow at the end. Scores are those of
    ``score_of``, standard deviations those of ``spread_of``, or what the calibration makes of them.
    """
    findings = find_candidates(completion.text, completion.finish_reason)
    dropped = Counter(findings.drops)
    proposals: dict[tuple[str, Box], Proposal] = {}
    for candidate in findings.candidates:
        proposal = _propose(candidate, completion, default_label)
        if isinstance(proposal, Drop):
            dropped[proposal] += 1
        elif (proposal.label, proposal.box) in proposals:
            dropped[Drop.DUPLICATE] += 1
        else:
            proposals[proposal.label, proposal.box] = _calibrated(proposal, calibration)
    return Reading(
        proposals=tuple(proposals.values()),
        outcome=_outcome(completion.text, findings, bool(proposals), bool(dropped)),
        dropped={reason.value: count for reason, count in dropped.items()},
        notes=_notes(completion.text, findings),
    )


def may_complete_box(piece: str) -> bool:
    """Whether a further piece of text can make a new box whole, so that it pays to read again."""
    return any(bracket in piece for bracket in "]})")


def _propose(candidate: Candidate, completion: Completion, default_label: str | None) -> Proposal | Drop:
    mended = mend_box(candidate.values)
    if isinstance(mended, Drop):
        return mended
    repairs = [*candidate.repairs, *mended.repairs]
    written = candidate.label or ""
    label = " ".join(written.strip("\\,;: \t\n").split())[:LONGEST_LABEL]
    if label != written:
        repairs.append("cleaned label")
    if label.lower() in NO_LABEL:
        if not default_label:
            return Drop.NO_LABEL
        label = default_label
        repairs.append("default label")
    if not repairs and not _is_trained_form(candidate.raw):
        repairs.append("loose syntax")
    spread = None if mended.repairs else _spread(completion, candidate)
    score = score_of(completion, candidate.spans)
    return Proposal(label, mended.box, score, tuple(repairs), candidate.raw, spread)


def _calibrated(proposal: Proposal, calibration: Calibration | None) -> Proposal:
    if calibration is None:
        return proposal
    score = None if proposal.score is None else calibration.score(proposal.score)
    spread = None if proposal.spread is None else calibration.edges(proposal.spread)
    return replace(proposal, score=score, spread=spread)


def _spread(completion: Completion, candidate: Candidate) -> Box | None:
    """Of all four edges, or None where one of them is not known."""
    edges = [spread_of(completion, span) for span in candidate.numbers]
    known = [edge for edge in edges if edge is not None]
    return (known[0], known[1], known[2], known[3]) if len(known) == 4 else None


def _is_trained_form(raw: str) -> bool:
    try:
        return list(json.loads(raw)) == ["label", "bbox"]
    except (ValueError, RecursionError):
        return False


def _outcome(text: str, findings: Findings, has_proposals: bool, has_dropped: bool) -> Outcome:
    if has_proposals:
        return Outcome.FOUND
    if has_dropped:
        return Outcome.UNUSABLE
    if findings.has_empty_list:
        return Outcome.EMPTY_LIST
    return Outcome.PROSE if text.strip() else Outcome.EMPTY_TEXT


def _notes(text: str, findings: Findings) -> tuple[str, ...]:
    notes = list(findings.notes)
    if "```" in text:
        notes.append("fenced")
    if _repeats_candidates(findings.candidates) or _repeats_tail(text):
        notes.append("loop")
    return tuple(notes)


def _repeats_candidates(candidates: list[Candidate]) -> bool:
    written = [(candidate.label, candidate.values) for candidate in candidates]
    return any(
        len(set(written[index : index + LOOP_REPEATS])) == 1
        for index in range(len(written) - LOOP_REPEATS + 1)
    )


def _repeats_tail(text: str, longest_period: int = 80, least_length: int = 60) -> bool:
    """Whether the end of the text is one piece over and over, four times or more."""
    tail = text.rstrip()[-4 * longest_period :]
    for period in range(1, longest_period + 1):
        length = max(4 * period, least_length)
        piece = tail[-length:]
        if len(piece) == length and piece[period:] == piece[:-period]:
            return True
    return False
