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
from .network import Context, Network
from .spread import NumberTokens


class Form(Protocol):
    """What an answer may look like, and how far it has come."""

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


def write(
    network: Network,
    chat: Chat,
    context: Context,
    logits: np.ndarray,
    budgets: Sequence[int],
    forms: Sequence[Form | None],
    is_cancelled: Callable[[], bool],
    numbers: NumberTokens | None = None,
) -> Iterator[list[CompletionChunk | None]]:
    """Yields each step's chunk a row, None for rows that have finished, which leave the batch.

    Without a form the tokens are those of plain greedy decoding. With one, a choice that the form forbids
    gives way to the likeliest that it allows, and what is forced is written without asking the network; a
    forced token has the log-probability 0, as it had no alternative.

    Args:
        context: all that was read, a row an answer; written to.
        logits: float32 (rows, vocabulary), after the context's last tokens.
        numbers: where alternatives to pieces of numbers are to be told.

    Raises:
        Cancelled: ``is_cancelled`` was true between two tokens.
        OutOfMemory: the device has too little memory.
    """
    rows = [_Row(chat, budget, form, numbers) for budget, form in zip(budgets, forms, strict=True)]
    live = list(rows)
    while True:
        for row, line in zip(live, logits, strict=True):
            row.choose(line)
        columns: list[list[int]] = []
        while not columns or (len(live) == 1 and live[0].is_ready):
            chunks = {id(row): row.write() for row in live}
            columns.append([row.written for row in live])
            yield [chunks.get(id(row)) for row in rows]
            if all(row.finished for row in live):
                return
            stop_if(is_cancelled)
        going = [place for place, row in enumerate(live) if not row.finished]
        if len(going) < len(live):
            context, live = context.taken(going), [live[place] for place in going]
        logits = network.read(context, np.array(columns, dtype=np.int64).T[going])


def stop_if(is_cancelled: Callable[[], bool]) -> None:
    """Raises Cancelled where it is."""
    if is_cancelled():
        raise Cancelled("cancelled while the model was reading or writing")


class _Row:
    """One answer in the making."""

    def __init__(self, chat: Chat, budget: int, form: Form | None, numbers: NumberTokens | None) -> None:
        self.finished = False
        self.written = 0
        """The token that was written last."""
        self._ends, self._barred = chat.ends, np.array(chat.barred, dtype=np.int64)
        self._left = budget
        self._text = Detokeniser(chat)
        self._form = form
        self._numbers = numbers
        self._ready: deque[tuple[int, float, Alternatives]] = deque()
        """Tokens that are decided and not written yet, with their log-probabilities and alternatives."""
        self._force()

    @property
    def is_ready(self) -> bool:
        """Whether the next token needs no logits."""
        return bool(self._ready)

    def choose(self, logits: np.ndarray) -> None:
        """Decides on the next token, where that is still open, and on those that it forces."""
        if self._ready:
            return
        token = self._choice(logits)
        # the model's own probability: barring a token does not make the others likelier
        others = self._numbers.alternatives(logits, token) if self._numbers else ()
        self._ready.append((token, _logprob(logits, token), others))
        if self._form is not None and token not in self._ends:
            self._form.take(token)
            self._force()

    def write(self) -> CompletionChunk:
        """The next token's chunk."""
        self.written, logprob, others = self._ready.popleft()
        self._left -= 1
        ended = self.written in self._ends
        reason = FinishReason.STOP if ended else FinishReason.LENGTH if self._left <= 0 else None
        self.finished = reason is not None
        text = "" if ended else self._text.push(self.written)
        return CompletionChunk(text + self._text.flush() if self.finished else text, logprob, reason, others)

    def _choice(self, logits: np.ndarray) -> int:
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


def _logprob(logits: np.ndarray, token: int) -> float:
    top = logits.max()
    return float(logits[token] - top) - math.log(float(np.exp(logits - top).sum(dtype=np.float64)))
