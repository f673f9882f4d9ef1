# SPDX-License-Identifier: GPL-2.0-or-later
"""Greedy decoding for every network: one loop for one answer and for many side by side."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from ..errors import Cancelled
from .chat import Chat
from .completion import Alternatives, CompletionChunk, FinishReason
from .detokeniser import Detokeniser
from .guessing import Guesser
from .network import Context, Network
from .reading_ahead import ReadingAhead
from .spread import NumberTokens

_TOGETHER_BYTES = 256_000_000
"""Of contexts that are written to side by side; further rows wait until some of these have left."""


class Form(Protocol):
    """What an answer may look like, and how far it has come."""

    @property
    def among(self) -> np.ndarray | None:
        """All tokens that it ever allows, ascending, and perhaps a few more; None where that is any."""
        ...

    def allows(self, token: int) -> bool:
        """Whether the token may come next."""
        ...

    def allowed(self) -> list[int]:
        """All tokens that may come next; never none."""
        ...

    def take(self, token: int) -> None:
        """Goes on by a token that is allowed."""
        ...

    def forced(self) -> list[int]:
        """The tokens that the model would be asked for in vain: nothing else may come, in any cut."""
        ...

    def likely(self) -> list[int]:
        """Tokens that probably come next, so that all can be asked about at once; often none."""
        ...


def write(
    network: Network,
    chats: Sequence[Chat],
    questions: Sequence[Sequence[int]],
    read: Iterator[tuple[Context, np.ndarray]],
    budgets: Sequence[int],
    forms: Sequence[Form | None],
    is_cancelled: Callable[[], bool],
    numbers: NumberTokens | None = None,
    at_once: bool = False,
) -> Iterator[list[CompletionChunk | None]]:
    """Yields each step's chunk a row; None for rows that wait, and for those that have finished and left.

    Without a form the tokens are those of plain greedy decoding. With one, a choice that the form forbids
    gives way to the likeliest that it allows, and what is forced is written without asking the network; a
    forced token has the log-probability 0, as it had no alternative. Probabilities are those among all tokens
    that the form ever allows.

    What is likely is read ahead, for a single row: where the model then says otherwise, it is forgotten and
    the answer goes on from there. That is sooner written, and nothing that the model would not have chosen.

    Args:
        chats: how each row is written.
        questions: the tokens that were read of each, from which answers often copy.
        read: gives each row's context, which is written to, and the float32 logits (1, vocabulary) after it.
            It is asked as rows find room.
        numbers: where alternatives to pieces of numbers are to be told.
        at_once: read all rows that find room before any is written, which is the sooner way to the end of
            all; else the first is written while the others are still to be read.

    Raises:
        Cancelled: ``is_cancelled`` was true between two tokens.
        OutOfMemory: the device has too little memory.
    """
    rows = [
        _Row(chat, question, budget, form, numbers)
        for chat, question, budget, form in zip(chats, questions, budgets, forms, strict=True)
    ]
    live: list[_Row] = []
    waiting, reading = deque(rows), ReadingAhead(network)
    while live or waiting:
        _join(live, waiting, read, reading, at_once)
        while reading.is_open or (len(live) == 1 and live[0].is_ready):
            if reading.is_open:
                for row, line in zip(live, reading.logits, strict=True):
                    row.choose(line)
            chunks = {id(row): row.write() for row in live}
            reading.take([row.written for row in live])
            yield [chunks.get(id(row)) for row in rows]
            if all(row.finished for row in live):
                break
            stop_if(is_cancelled)
        going = [place for place, row in enumerate(live) if not row.finished]
        if not going:
            live, reading = [], ReadingAhead(network)
            continue
        reading.settle(going)
        live = [live[place] for place in going]
        is_alone = len(live) == 1 and not waiting
        guess = live[0].guess(reading.hits) if is_alone and network.guesses else []
        reading.go_on(guess, _among(live))


def _join(
    live: list[_Row],
    waiting: deque[_Row],
    read: Iterator[tuple[Context, np.ndarray]],
    reading: ReadingAhead,
    at_once: bool,
) -> None:
    """Takes in waiting rows that find room."""
    while room := min(len(waiting), _room(len(live), reading.size, at_once)):
        fresh = [waiting.popleft() for _ in range(room)]
        reading.join([next(read) for _ in fresh])
        live += fresh
        if not at_once:
            return


def _room(rows: int, size: int, at_once: bool) -> int:
    """How many may join so many rows of a size.

    At most as many again, so that none waits long for its next token, unless all may come at once.
    """
    if not rows:
        return 1
    fitting = _TOGETHER_BYTES * rows // max(size, 1) - rows
    return max(0, fitting if at_once else min(rows, fitting))


def _among(rows: Sequence[_Row]) -> np.ndarray | None:
    """The tokens that may come next in all of the rows, where these have the same form's."""
    among = rows[0].among
    return among if all(row.among is among for row in rows) else None


def stop_if(is_cancelled: Callable[[], bool]) -> None:
    """Raises Cancelled where it is."""
    if is_cancelled():
        raise Cancelled("cancelled while the model was reading or writing")


class _Row:
    """One answer in the making."""

    def __init__(
        self,
        chat: Chat,
        question: Sequence[int],
        budget: int,
        form: Form | None,
        numbers: NumberTokens | None,
    ) -> None:
        self.finished = False
        self.written = 0
        """The token that was written last."""
        self._ends, self._barred = chat.ends, np.array(chat.barred, dtype=np.int64)
        self._left = budget
        self._text = Detokeniser(chat)
        self._form = form
        self._numbers = numbers
        self._guesser = Guesser(question)
        self.among = form.among if form is not None else None
        """The only tokens that may come next; None where that is any."""
        self._ready: deque[tuple[int, float, Alternatives]] = deque()
        """Tokens that are decided and not written yet, with their log-probabilities and alternatives."""
        self._force()

    @property
    def is_ready(self) -> bool:
        """Whether the next token needs no logits."""
        return bool(self._ready)

    def guess(self, hits: int) -> list[int]:
        """Tokens that are worth being read ahead, after so many of the last ones were right."""
        likely = self._form.likely() if self._form is not None else []
        return self._guesser.guess(likely, hits)[: self._left - 1]

    def choose(self, logits: np.ndarray) -> None:
        """Decides on the next token, where that is still open, and on those that it forces."""
        if self._ready:
            return
        token = self._choice(logits)
        # the model's own probability: barring a token does not make the others likelier
        others = self._numbers.alternatives(logits, token) if self._numbers else ()
        weights = logits if self.among is None else logits[self.among]
        self._ready.append((token, _logprob(float(logits[token]), weights), others))
        if self._form is not None and token not in self._ends:
            self._form.take(token)
            self._force()

    def write(self) -> CompletionChunk:
        """The next token's chunk."""
        self.written, logprob, others = self._ready.popleft()
        self._guesser.take(self.written)
        self._left -= 1
        ended = self.written in self._ends
        reason = FinishReason.STOP if ended else FinishReason.LENGTH if self._left <= 0 else None
        self.finished = reason is not None
        text = "" if ended else self._text.push(self.written)
        return CompletionChunk(text + self._text.flush() if self.finished else text, logprob, reason, others)

    def _choice(self, logits: np.ndarray) -> int:
        if self.among is not None:
            token = int(self.among[logits[self.among].argmax()])
        else:
            masked = logits.copy()
            masked[self._barred] = -np.inf
            token = int(masked.argmax())
        if self._form is None or self._form.allows(token):
            return token
        allowed = np.array(self._form.allowed())
        return int(allowed[logits[allowed].argmax()])

    def _force(self) -> None:
        if self._form is not None:
            self._ready.extend((token, 0.0, ()) for token in self._form.forced())


def _logprob(logit: float, logits: np.ndarray) -> float:
    """Of one among others."""
    top = logits.max()
    return logit - float(top) - math.log(float(np.exp(logits - top).sum(dtype=np.float64)))
