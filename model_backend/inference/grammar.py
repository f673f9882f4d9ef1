# SPDX-License-Identifier: GPL-2.0-or-later
"""The trained form of a list of boxes, character by character: what may be written next."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator
from os.path import commonprefix
from typing import NamedTuple

_PARTS = ('{"label": "', None, '", "bbox": [', None, ", ", None, ", ", None, ", ", None, "]}")
"""Of an object; None for what is free: the label and four numbers."""
_LABEL, _FIRST_NUMBER, _LAST_NUMBER = 1, 3, 9
_START, _AFTER, _END = -1, len(_PARTS), len(_PARTS) + 1
_WHOLE = 10_000
"""Numbers are counted in steps of the fourth decimal."""
_NUMBER = re.compile(r"0\.\d{1,4}|1\.0")
_BEGUN_NUMBER = re.compile(r"(0(\.\d{0,4})?|1(\.0?)?)?")
_FREE_LABEL = re.compile(r"[^\W_](?:[\w'/-]| (?! )){0,39}")

Object = tuple[str, int, int, int, int]


class State(NamedTuple):
    """How far a list has come."""

    place: int = _START
    """Index of the part that is being written."""
    typed: str = ""
    """Of that part."""
    label: str = ""
    """Of the object that is being written, or of the last one until it has its own."""
    numbers: tuple[int, ...] = ()
    """Of the object that is being written, whole ones only."""
    objects: frozenset[Object] = frozenset()
    """Those that are whole."""

    @property
    def is_end(self) -> bool:
        """Whether the list is closed."""
        return self.place == _END


class Coordinates:
    """Numbers as a model was trained to write them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._begun: dict[str, list[tuple[str, int]]] = {}
        """By what they begin with, with their values."""
        for text in dict.fromkeys(texts):
            for end in range(len(text) + 1):
                self._begun.setdefault(text[:end], []).append((text, _value(text)))

    def fitting(self, state: State) -> list[str]:
        """Those that the number which is being written may become."""
        least, most, barred = _bounds(state)
        begun = self._begun.get(state.typed, ())
        return [text for text, value in begun if least <= value <= most and value not in barred]


class Grammar:
    """Lists of ``{"label": "x", "bbox": [x1, y1, x2, y2]}`` exactly as ``json.dumps`` writes them.

    Numbers have one to four decimals, x1 <= x2 <= 1, y1 <= y2 <= 1; no box is written twice, none is a point.

    Args:
        labels: those that may be written; none for any words.
    """

    def __init__(self, labels: tuple[str, ...]) -> None:
        self.labels = labels

    def after(self, state: State, text: str) -> State | None:
        """Where a text leads to; None where the form has no such text."""
        current: State | None = state
        for character in text:
            current = current and self._step(current, character)
        return current

    def choices(self, state: State) -> str | None:
        """All characters that may come next; None where these are too many to be told."""
        if state.place == _LABEL and not self.labels:
            return None
        return "".join(filter(lambda character: self._step(state, character), self._candidates(state)))

    def only_way(self, state: State) -> tuple[str, State]:
        """The text that has to come whatever else does, and where it leads to."""
        text = ""
        while not state.is_end and (choices := self.choices(state)) is not None and len(choices) == 1:
            following = self._step(state, choices)
            if following is None:
                break
            text, state = text + choices, following
        return text, state

    def likely(self, state: State, coordinates: Coordinates) -> str:
        """What an answer in the trained form probably goes on with; empty where it may be anything."""
        text = ""
        while piece := self._likely_piece(state, coordinates):
            following = self.after(state, piece)
            if following is None:
                break
            text, state = text + piece, following
        return text

    def _likely_piece(self, state: State, coordinates: Coordinates) -> str:
        """One more box of the same label, and numbers that were trained, as far as their digits are known."""
        forced, _ = self.only_way(state)
        if forced or state.is_end:
            return forced
        if state.place in (_START, _AFTER):
            return ("[{" if state.place == _START else ", {")[len(state.typed) :]
        if state.place == _LABEL:
            return "" if state.typed or not state.label else f'{state.label}"'
        if not state.typed:
            return "0."
        fitting = coordinates.fitting(state)
        literal = _PARTS[state.place + 1] or ""
        return literal[0] if fitting == [state.typed] else commonprefix(fitting)[len(state.typed) :]

    def endings(self, state: State, coordinates: Coordinates) -> Iterator[str]:
        """Texts that show how the list may go on: at least one for each next character, some words long."""
        if state.is_end:
            yield ""
        elif state.place == _LABEL:
            for label in self.labels or (f"{state.typed}water", f"{state.typed}red boats"):
                if label.startswith(state.typed):
                    yield f'{label[len(state.typed) :]}", "bbox": ['
        elif state.place in (_START, _AFTER):
            text = "[" if state.place == _START else ", "
            label = self.labels[0] if self.labels else "water"
            yield f'{text}{{"label": "{label}"'[len(state.typed) :]
            yield ("[]" if state.place == _START else "]")[len(state.typed) :]
        else:
            yield from self._number_endings(state, coordinates)

    def _number_endings(self, state: State, coordinates: Coordinates) -> Iterator[str]:
        """One for each way on: a trained number where there is one, and what follows a number."""
        follow = "]}, {" if state.place == _LAST_NUMBER else ", 0."
        trained: dict[str, str] = {}
        for number in coordinates.fitting(state):
            trained.setdefault(number[len(state.typed) :][:1], number[len(state.typed) :])
        for character in self.choices(state) or "":
            if character not in follow[0]:
                yield (trained.get(character) or self._some_number(state, character)) + follow
        if self._is_number(state, state.typed):
            yield follow

    def _some_number(self, state: State, character: str) -> str:
        """The rest of any number that goes on with the character."""
        text = character
        while (following := self.after(state, text)) and not self._is_number(following, following.typed):
            text += (self.choices(following) or "")[-1]
        return text

    def _candidates(self, state: State) -> str:
        if state.place in (_START, _AFTER):
            return "[]{, "
        if state.place == _LABEL:
            fitting = (label for label in self.labels if label.startswith(state.typed))
            return "".join(sorted({(label + '"')[len(state.typed)] for label in fitting}))
        literal = _PARTS[state.place]
        return string.digits + ".,]" if literal is None else literal[len(state.typed)]

    def _step(self, state: State, character: str) -> State | None:
        if state.place in (_START, _AFTER):
            return self._between(state, character)
        if state.place == _END:
            return None
        literal = _PARTS[state.place]
        if literal is None:
            return self._free(state, character)
        if literal[len(state.typed)] != character:
            return None
        return self._typed(state, state.typed + character, literal)

    def _between(self, state: State, character: str) -> State | None:
        """Before the first object, or after one."""
        typed = state.typed + character
        opening = "[" if state.place == _START else ", "
        if opening.startswith(typed):
            return state._replace(typed=typed)
        if typed == opening + "{":
            return State(0, "{", state.label, objects=state.objects)
        if typed == ("[]" if state.place == _START else "]"):
            return State(_END, objects=state.objects)
        return None

    def _free(self, state: State, character: str) -> State | None:
        """Inside a label or a number, or at the sign that ends it."""
        typed, sign = state.typed + character, _PARTS[state.place + 1] or ""
        if state.place == _LABEL:
            if character == '"' and self._is_label(state.typed):
                return self._typed(State(_LABEL + 1, "", state.typed, (), state.objects), character, sign)
            return state._replace(typed=typed) if self._may_be_label(typed) else None
        if character == sign[0] and self._is_number(state, state.typed):
            numbers = (*state.numbers, _value(state.typed))
            return self._typed(state._replace(place=state.place + 1, numbers=numbers), character, sign)
        return state._replace(typed=typed) if self._may_be_number(state, typed) else None

    def _typed(self, state: State, typed: str, literal: str) -> State:
        if typed != literal:
            return state._replace(typed=typed)
        if state.place + 1 < _AFTER:
            return state._replace(place=state.place + 1, typed="")
        objects = state.objects | {(state.label, *state.numbers)}
        return State(_AFTER, label=state.label, objects=objects)  # type: ignore[arg-type]

    def _is_label(self, text: str) -> bool:
        if self.labels:
            return text in self.labels
        return bool(_FREE_LABEL.fullmatch(text)) and not text.endswith(" ")

    def _may_be_label(self, text: str) -> bool:
        if self.labels:
            return any(label.startswith(text) for label in self.labels)
        return self._is_label(text) or bool(_FREE_LABEL.fullmatch(f"{text}x"))

    def _is_number(self, state: State, text: str) -> bool:
        if not _NUMBER.fullmatch(text):
            return False
        least, most, barred = _bounds(state)
        return least <= _value(text) <= most and _value(text) not in barred

    def _may_be_number(self, state: State, text: str) -> bool:
        """Whether there is a number that begins so and may stand here."""
        if not _BEGUN_NUMBER.fullmatch(text):
            return False
        least, most, barred = _bounds(state)
        low, high = _reach(text)
        low, high = max(low, least), min(high, most)
        return high - low + 1 > sum(low <= value <= high for value in barred)


def _bounds(state: State) -> tuple[int, int, frozenset[int]]:
    """Least and largest value of the number that is being written, and what it may not be."""
    index = (state.place - _FIRST_NUMBER) // 2
    if index < 2:
        return 0, _WHOLE - 1, frozenset()
    least = state.numbers[index - 2]
    if index == 2:
        return least, _WHOLE, frozenset()
    begun = (state.label, *state.numbers)
    barred = {each[-1] for each in state.objects if each[:-1] == begun}
    if len(set(state.numbers)) == 1:
        barred.add(state.numbers[0])
    if len(barred) > _WHOLE - least:
        barred = set()  # nothing is left to be written: the box comes twice after all
    return least, _WHOLE, frozenset(barred)


def _value(number: str) -> int:
    return _WHOLE if number[0] == "1" else int(number[2:].ljust(4, "0"))


def _reach(begun: str) -> tuple[int, int]:
    """Least and largest value of the numbers that begin so."""
    if begun[:1] == "1":
        return _WHOLE, _WHOLE
    if not begun:
        return 0, _WHOLE
    return int(begun[2:].ljust(4, "0")), int(begun[2:].ljust(4, "9"))
