# SPDX-License-Identifier: GPL-2.0-or-later
"""The trained form in a model's own tokens: which may come next, and which have to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..contract import Contract
from ..trained_boxes import written_coordinate
from .chat import Chat
from .grammar import Coordinates, Grammar, State
from .prompts import Prompt

_UNFINISHED = "\N{REPLACEMENT CHARACTER}"
_TAIL = 6
"""Last tokens that are cut again together with what follows, to see whether the cut is the usual one."""


_NUMBERS = re.compile(r"[\d.]+")
_LONG = 32
"""Characters of a token that may reach over more than one number or label, if there is any."""


class FormTokens:
    """What a tokenizer's tokens say, for the forms of all answers."""

    def __init__(self, chat: Chat, contract: Contract) -> None:
        self.chat = chat
        self.texts = token_texts(chat)
        self.by_start: dict[str, list[int]] = {}
        """Tokens by the first two characters of their text, or by the only one."""
        for index, text in enumerate(self.texts):
            if text:
                self.by_start.setdefault(text[:2], []).append(index)
        pixels = range(contract.box.grid_px)
        self.coordinates = Coordinates(written_coordinate(pixel, contract.box) for pixel in pixels)
        self.listed = np.array(sorted(chat.ends | pieces_of_lists(self.texts, contract)), np.int64)
        """All that lists of the model's own labels are made of, and perhaps a few more."""

    def form(self, prompt: Prompt, contract: Contract) -> ListForm:
        """That of an answer to the prompt."""
        labels = known_labels(prompt, contract)
        return ListForm(self, Grammar(labels), self.listed if labels else None)


class ListForm:
    """One list of boxes in the making; implements ``Form``.

    Any cut of an allowed text into tokens is allowed. Tokens are forced only where the tokenizer cuts all
    continuations alike, and cuts what was written as it was written, so that no choice of the model is taken
    from it.
    """

    def __init__(self, tokens: FormTokens, grammar: Grammar, among: NDArray[np.int64] | None) -> None:
        self.among = among
        """All tokens that it ever allows, and perhaps a few more; None for any."""
        self._tokens = tokens
        self._grammar = grammar
        self._state = State()
        self._written: list[int] = []

    def allows(self, token: int) -> bool:
        """Whether the token may come next."""
        if self._state.is_end or token in self._tokens.chat.ends:
            return self._state.is_end and token in self._tokens.chat.ends
        text = self._tokens.texts[token] if token < len(self._tokens.texts) else ""
        return bool(text) and self._grammar.after(self._state, text) is not None

    def allowed(self) -> list[int]:
        """All tokens that may come next."""
        if self._state.is_end:
            return sorted(self._tokens.chat.ends)
        by_start = self._tokens.by_start
        return [token for start in self._starts() for token in by_start.get(start, ()) if self.allows(token)]

    def _starts(self) -> Iterator[str]:
        """What the allowed tokens begin with: half of a vocabulary may begin with a space."""
        firsts = self._grammar.choices(self._state)
        for first in self._tokens.by_start if firsts is None else firsts:
            yield first
            following = self._grammar.after(self._state, first) if firsts else None
            if following and not following.is_end:
                seconds = self._grammar.choices(following)
                yield from (
                    [start for start in self._tokens.by_start if len(start) == 2 and start[0] == first]
                    if seconds is None
                    else [first + second for second in seconds]
                )

    def take(self, token: int) -> None:
        """Goes on by a token that is allowed."""
        state = self._grammar.after(self._state, self._tokens.texts[token])
        if state is None:
            raise ValueError(f"token {token} is not allowed here")
        self._state = state
        self._written.append(token)

    def forced(self) -> list[int]:
        """The tokens that have to come now, whatever follows them; taken already."""
        if self._state.is_end:
            ends = list(self._tokens.chat.ends)
            return ends if len(ends) == 1 else []
        text, fork = self._grammar.only_way(self._state)
        forced = self._usual_cut(text, fork) if text else []
        for token in forced:
            self.take(token)
        return forced + self.forced() if self._state.is_end else forced

    def likely(self) -> list[int]:
        """The tokens that probably come next, as far as the form and what was trained tell; often none."""
        text = self._grammar.likely(self._state, self._tokens.coordinates)
        fork = self._grammar.after(self._state, text)
        return self._usual_cut(text, fork) if text and fork else []

    def _usual_cut(self, text: str, fork: State) -> list[int]:
        """The tokens of a text as they are cut before everything that may follow."""
        tail = self._written[-_TAIL:]
        before = "".join(self._tokens.texts[token] for token in tail)
        common: list[int] | None = None
        for ending in self._grammar.endings(fork, self._tokens.coordinates):
            cut = self._cut(before + text + ending, len(before) + len(text))
            common = cut if common is None else _common(common, cut)
            if common[: len(tail)] != tail or len(common) == len(tail):
                return []
        return common[len(tail) :] if common else []

    def _cut(self, text: str, end: int) -> list[int]:
        """The tokens of a text up to the one that reaches over ``end``."""
        encoding = self._tokens.chat.tokenizer.encode(text, add_special_tokens=False)
        return [
            token for token, (_start, stop) in zip(encoding.ids, encoding.offsets, strict=True) if stop <= end
        ]


def token_texts(chat: Chat) -> list[str]:
    """What each token adds to an answer; empty where it is never written, or is part of a character."""
    size = chat.tokenizer.get_vocab_size(with_added_tokens=True)
    unwritten = {*chat.barred, *chat.ends}
    texts = chat.tokenizer.decode_batch([[index] for index in range(size)], skip_special_tokens=False)
    return ["" if index in unwritten or _UNFINISHED in text else text for index, text in enumerate(texts)]


def known_labels(prompt: Prompt, contract: Contract) -> tuple[str, ...]:
    """The labels that the model was trained to write to a prompt; none for words of the user's own."""
    task = contract.tasks.get(prompt.task)
    if task is None or task.own_words or not prompt.trained:
        return ()
    labels = [target.label for target in contract.targets_of(task)]
    return tuple(dict.fromkeys([task.label] if task.label else labels))


def pieces_of_lists(texts: Sequence[str], contract: Contract) -> set[int]:
    """The tokens that are a piece of a list of known labels, whatever its numbers."""
    labels = {target.label for target in contract.targets} | {task.label for task in contract.tasks.values()}
    boxes = [f'{{"label": "{label}", "bbox": [0, 0, 0, 0]}}' for label in labels if label]
    lists = ["[]", *(f"[{box}]" for box in boxes), *(f'{box}, {{"label": "' for box in boxes)]
    pieces = "\0".join(_NUMBERS.sub("#", text) for text in lists)
    return {
        token
        for token, text in enumerate(texts)
        if text and (len(text) >= _LONG or _NUMBERS.sub("#", text) in pieces)
    }


def _common(one: list[int], other: list[int]) -> list[int]:
    """What both begin with."""
    for place, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return one[:place]
    return min(one, other, key=len)
