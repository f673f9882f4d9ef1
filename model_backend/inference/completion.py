# SPDX-License-Identifier: GPL-2.0-or-later
"""What a model wrote: text, the tokens it came in, and why it stopped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class FinishReason(Enum):
    """Why a completion ended."""

    STOP = "stop"
    """The model ended its answer."""
    LENGTH = "length"
    """The token budget was used up: the answer is cut."""


Alternatives = tuple[tuple[str, float], ...]
"""Texts that might have stood in a token's place, with their probabilities."""


@dataclass(frozen=True)
class CompletionChunk:
    """One decoded token."""

    text: str
    """What it adds to the text; empty while a character is still incomplete."""
    logprob: float | None
    """Natural log of its probability under greedy decoding; None where the engine has none."""
    finish_reason: FinishReason | None = None
    """On the last chunk only."""
    alternatives: Alternatives = ()
    """Of a piece of a number, itself among them; empty where nothing is known, or it was forced."""


@dataclass(frozen=True)
class TokenSpan:
    """A token's place in the completion's text, in characters."""

    start: int
    end: int
    logprob: float | None
    alternatives: Alternatives = ()


@dataclass(frozen=True)
class Completion:
    """A whole answer, or as much of it as has arrived."""

    text: str = ""
    tokens: tuple[TokenSpan, ...] = ()
    finish_reason: FinishReason | None = None

    @classmethod
    def from_chunks(cls, chunks: Iterable[CompletionChunk]) -> Completion:
        """The completion that the chunks add up to."""
        completion = cls()
        for chunk in chunks:
            completion = completion.extended(chunk)
        return completion

    def extended(self, chunk: CompletionChunk) -> Completion:
        """The completion with one more chunk."""
        start = len(self.text)
        span = TokenSpan(start, start + len(chunk.text), chunk.logprob, chunk.alternatives)
        return Completion(self.text + chunk.text, (*self.tokens, span), chunk.finish_reason)
