# SPDX-License-Identifier: GPL-2.0-or-later
"""From a written answer to everything in it that looks like a labelled box.

One walk over the lexemes with a stack of open brackets. The trained form is a list of
``{"label": str, "bbox": [x1, y1, x2, y2]}``; every departure from it that can still be understood is
recorded with the candidate as a short stable code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from .answer_keys import BOX_KEYS, CORNER_KEYS, LABEL_KEYS, WRAPPER_KEYS, key_repairs
from .completion import FinishReason
from .lexemes import Kind, Lexeme, lexemes
from .scores import Span
from .written_box import Drop, number_of

PROSE_WORDS = 3
"""Words outside all brackets from which an answer counts as talking."""
DEEPEST = 50
"""Brackets open at once; the trained form has three."""


@dataclass(frozen=True)
class Candidate:
    """Something that looks like a box; whether its numbers make one is not decided yet."""

    label: str | None
    values: tuple[float | None, ...]
    """None for what is no number."""
    spans: tuple[Span, ...]
    """Characters of the label and of the coordinates' digits."""
    numbers: tuple[Span, ...]
    """Characters of each coordinate."""
    repairs: tuple[str, ...]
    raw: str


@dataclass
class Findings:
    """What an answer holds; candidates come in the order in which they were completed."""

    candidates: list[Candidate] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    """Objects without a box, or cut off before it was whole."""
    notes: list[str] = field(default_factory=list)
    has_empty_list: bool = False


class _Number(NamedTuple):
    value: float | None
    span: Span


class _Label(NamedTuple):
    text: str
    span: Span


@dataclass(slots=True)
class _Quad:
    """A list of numbers that stands where a box should."""

    numbers: list[_Number]
    repairs: list[str]
    start: int
    end: int


@dataclass(slots=True)
class _Frame:
    """An open bracket and what has been read inside it; the text itself is the lowest one."""

    bracket: str
    start: int
    opened_as: str = ""
    """The key whose value it is."""
    owner: _Frame | None = None
    """The nearest object around it."""
    key: str = ""
    first_key: str = ""
    label: _Label | None = None
    numbers: list[_Number] = field(default_factory=list)
    corners: dict[int, _Number] = field(default_factory=dict)
    quads: list[_Quad] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    has_children: bool = False
    has_objects: bool = False
    has_box_key: bool = False
    end: int = 0
    """Where what has been read inside ends."""
    is_object: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_object = self.bracket == "{"

    @property
    def is_list(self) -> bool:
        return self.bracket in ("[", "(")


def find_candidates(text: str, ending: FinishReason | None) -> Findings:
    """Everything that looks like a box, in time linear in the text.

    With ``ending`` None the text is still being written: what is open is left out, and the candidates
    begin with those of each of the text's beginnings. Otherwise open objects with a whole box are kept.
    """
    walk = _Walk(text, ending)
    walk.run()
    return walk.findings


class _Walk:
    def __init__(self, text: str, ending: FinishReason | None) -> None:
        self.findings = Findings()
        self._text = text
        self._ending = ending
        self._frames = [_Frame("", 0)]
        self._open_brackets = {"{": 0, "[": 0}
        self._pending: list[Lexeme] = []
        """Strings, words and numbers since the last sign: a value, or a value and the next key."""
        self._loose_label: _Label | None = None
        """A label written outside of all objects; the next box takes it."""
        self._loose_words = 0

    def run(self) -> None:
        trimmed = False
        for lexeme in lexemes(self._text, complete=self._ending is FinishReason.STOP):
            if lexeme.kind is Kind.TRIM:
                trimmed = True
            elif lexeme.kind is Kind.OPEN:
                self._open(lexeme)
            elif lexeme.kind is Kind.CLOSE:
                self._close(lexeme)
            elif lexeme.kind is Kind.ASSIGN:
                self._assign(lexeme)
            elif lexeme.kind is Kind.SEPARATE:
                self._flush()
            else:
                self._pending.append(lexeme)
        self._end(trimmed)

    def _end(self, trimmed: bool) -> None:
        is_whole = self._ending is FinishReason.STOP and not trimmed
        if is_whole and len(self._frames) == 1:
            self._flush()
        if self._loose_words >= PROSE_WORDS:
            self._note("prose")
        if trimmed:
            self._note("trimmed")
        elif self._ending is None:
            return
        if len(self._frames) > 1:
            self._note("truncated")
        while len(self._frames) > 1:
            self._cut_top(is_whole)

    # -- keys and values -------------------------------------------------------------------------------

    def _assign(self, sign: Lexeme) -> None:
        if not self._pending:
            return
        written = self._pending.pop()
        self._flush()
        key = written.text.strip().lower()
        frame = self._frames[-1]
        if frame.is_object:
            if key and key == frame.first_key:
                frame = self._start_again(frame, written)
            frame.first_key = frame.first_key or key
            frame.has_box_key |= key in BOX_KEYS
            frame.repairs += key_repairs(key, written, sign)
        frame.key = key

    def _start_again(self, frame: _Frame, key: Lexeme) -> _Frame:
        """A key that comes twice: the brackets between two objects are missing."""
        self._close_top(None)
        again = _Frame("{", key.start, frame.opened_as, frame.owner, repairs=["unclosed"])
        self._frames.append(again)
        self._open_brackets["{"] += 1
        return again

    def _flush(self) -> None:
        """Gives the pending value to the innermost bracket, under the key it has."""
        frame, value = self._frames[-1], self._pending
        key, frame.key, self._pending = frame.key, "", []
        if not value:
            return
        frame.end = value[-1].end + len(value[-1].quote)
        if not frame.bracket:
            self._loose_words += sum(lexeme.kind is Kind.WORD for lexeme in value)
        if key in LABEL_KEYS:
            self._set_label(frame, value)
        elif key in CORNER_KEYS:
            self._set_corner(frame, CORNER_KEYS[key], value[0])
        elif frame.is_list or (frame.is_object and (not key or key in BOX_KEYS)):
            for lexeme in value:
                frame.numbers += _numbers_in(lexeme)
                if lexeme.kind is Kind.STRING:
                    frame.repairs.append("quoted number")

    def _set_label(self, frame: _Frame, value: list[Lexeme]) -> None:
        string = next((lexeme for lexeme in value if lexeme.kind is Kind.STRING), None)
        span = (string.start, string.end) if string else (value[0].start, value[-1].end)
        label = _Label(self._text[slice(*span)], span)
        if not frame.is_object:
            self._loose_label = label
            return
        frame.label = label
        if string is None:
            frame.repairs.append("unquoted")
        elif string.quote == "'":
            frame.repairs.append("single quotes")

    def _set_corner(self, frame: _Frame, index: int, lexeme: Lexeme) -> None:
        frame.corners[index] = next(iter(_numbers_in(lexeme)), _Number(None, (lexeme.start, lexeme.end)))
        if len(frame.corners) == 4:
            numbers = [frame.corners[place] for place in range(4)]
            frame.corners = {}
            frame.has_children = True
            start = min(number.span[0] for number in numbers)
            quad = _Quad(numbers, ["named corners"], start, frame.end)
            self._place(quad, frame if frame.is_object else frame.owner)

    # -- brackets --------------------------------------------------------------------------------------

    def _open(self, lexeme: Lexeme) -> None:
        if self._pending:
            self._flush()
        if lexeme.text == "{":
            self._close_before_object()
        if len(self._frames) > DEEPEST:
            self._forget_outermost()
        parent = self._frames[-1]
        owner = parent if parent.is_object else parent.owner
        if owner is not None:
            owner.has_objects |= lexeme.text == "{"
        if parent.key in WRAPPER_KEYS:
            self._note("wrapped")
        self._frames.append(_Frame(lexeme.text, lexeme.start, parent.key, owner, end=lexeme.end))
        parent.has_children, parent.key = True, ""
        self._open_brackets["{" if lexeme.text == "{" else "["] += 1

    def _close_before_object(self) -> None:
        """Where an object begins, a list of numbers and an object with its box were left open."""
        frame = self._frames[-1]
        if frame.is_list and frame.numbers and not frame.has_children:
            self._close_top(None)
            frame = self._frames[-1]
        if frame.is_object and frame.quads and not frame.key:
            self._close_top(None)

    def _close(self, lexeme: Lexeme) -> None:
        self._flush()
        wants_object = lexeme.text == "}"
        if not self._open_brackets["{" if wants_object else "["]:
            return
        while self._frames[-1].is_object != wants_object:
            self._close_top(None)
        self._close_top(lexeme.end)

    def _close_top(self, end: int | None) -> None:
        """Closes the innermost bracket; ``end`` is None where its closing bracket is missing."""
        frame = self._pop()
        if end is None:
            frame.repairs.append("unclosed")
        else:
            frame.end = end
        if frame.is_object:
            self._finish_object(frame)
        else:
            self._finish_list(frame)
        self._frames[-1].end = frame.end

    def _pop(self, index: int = -1) -> _Frame:
        frame = self._frames.pop(index)
        self._open_brackets["{" if frame.is_object else "["] -= 1
        return frame

    def _forget_outermost(self) -> None:
        frame = self._pop(1)
        if frame.is_object:
            self._finish_object(frame)

    def _cut_top(self, is_whole: bool) -> None:
        """Takes from the innermost bracket what was whole when the text ended.

        A label may still have followed a box, unless the model ended the text itself.
        """
        frame = self._pop()
        has_all = is_whole or frame.label or frame.first_key in WRAPPER_KEYS
        if frame.is_object and frame.quads and has_all:
            frame.repairs.append("unclosed")
            self._finish_object(frame)
        elif frame.is_object:
            if not frame.has_objects and (frame.quads or frame.label or frame.has_box_key):
                self.findings.drops.append(Drop.CUT)
        elif frame.owner is None and frame.numbers and not frame.has_children:
            self.findings.drops.append(Drop.CUT)

    def _finish_list(self, frame: _Frame) -> None:
        if frame.has_children:
            return
        is_keyed = frame.opened_as in BOX_KEYS
        if not frame.numbers and (not is_keyed or frame.opened_as in WRAPPER_KEYS):
            inside = self._text[frame.start + 1 : frame.end - 1]
            self.findings.has_empty_list |= frame.bracket == "[" and not inside.strip()
        elif is_keyed or _looks_like_box(frame.numbers):
            repairs = frame.repairs + (["tuple"] if frame.bracket == "(" else [])
            self._place(_Quad(frame.numbers, repairs, frame.start, frame.end), frame.owner)

    def _finish_object(self, frame: _Frame) -> None:
        is_keyed = frame.has_box_key and frame.numbers
        if not frame.has_children and (is_keyed or _looks_like_box(frame.numbers)):
            start = frame.numbers[0].span[0]
            frame.quads.append(_Quad(frame.numbers, ["missing bracket"], start, frame.end))
        owner = frame.owner
        if not frame.quads:
            if frame.label and not frame.has_objects:
                self.findings.drops.append(Drop.NO_BOX)
        elif owner and len(frame.quads) == 1 and not frame.label and self._frames[-1] is owner:
            frame.quads[0].repairs += frame.repairs
            owner.quads += frame.quads
        else:
            self._emit_object(frame)

    # -- candidates ------------------------------------------------------------------------------------

    def _place(self, quad: _Quad, owner: _Frame | None) -> None:
        if owner is not None:
            owner.quads.append(quad)
            return
        label, self._loose_label = self._loose_label, None
        self._emit(quad, label, [*quad.repairs, "bare box"], self._text[quad.start : quad.end])

    def _emit_object(self, frame: _Frame) -> None:
        repairs, label = frame.repairs, frame.label
        if label is None and frame.owner and frame.owner.label:
            repairs, label = [*repairs, "outer label"], frame.owner.label
        if len(frame.quads) > 1:
            repairs = [*repairs, "several boxes"]
        for quad in frame.quads:
            piece = frame if len(frame.quads) == 1 else quad
            self._emit(quad, label, repairs + quad.repairs, self._text[piece.start : piece.end])

    def _emit(self, quad: _Quad, label: _Label | None, repairs: list[str], raw: str) -> None:
        spans = [label.span] if label else []
        for number in quad.numbers:
            spans += _digit_spans(self._text, number.span)
        self.findings.candidates.append(
            Candidate(
                label=label.text if label else None,
                values=tuple(number.value for number in quad.numbers),
                spans=tuple(spans),
                numbers=tuple(number.span for number in quad.numbers),
                repairs=tuple(dict.fromkeys(repairs)),
                raw=raw,
            )
        )

    def _note(self, note: str) -> None:
        if note not in self.findings.notes:
            self.findings.notes.append(note)


def _looks_like_box(numbers: list[_Number]) -> bool:
    """Four things of which three are numbers: without a key, prose in brackets must not pass for a box."""
    return len(numbers) == 4 and sum(number.value is not None for number in numbers) >= 3


def _numbers_in(lexeme: Lexeme) -> list[_Number]:
    if lexeme.kind is not Kind.STRING:
        return [_Number(number_of(lexeme.text), (lexeme.start, lexeme.end))]
    return [
        _Number(number_of(part.group()), (lexeme.start + part.start(), lexeme.start + part.end()))
        for part in re.finditer(r"[^\s,;]+", lexeme.text)
    ]


def _digit_spans(text: str, span: Span) -> list[Span]:
    return [match.span() for match in re.compile(r"\d+").finditer(text, *span)]
