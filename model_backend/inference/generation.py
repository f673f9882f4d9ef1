# SPDX-License-Identifier: GPL-2.0-or-later
"""Greedy decoding, one token a step for all rows of a batch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import Cancelled
from .completion import CompletionChunk, FinishReason
from .detokeniser import Detokeniser
from .device import reporting_out_of_memory
from .tokens import reserved_ids


@dataclass(frozen=True)
class Context:
    """What the model has read so far, ready for more."""

    cache: Any
    """Of transformers; written to in place by every further step."""
    mask: Tensor
    """(rows, tokens): 1 for a token, 0 for padding on the left."""
    logits: Tensor
    """(rows, vocabulary), float32: after the last token."""

    def copy(self) -> Context:
        """One that can be read on without touching this one."""
        return Context(copy.deepcopy(self.cache), self.mask, self.logits)


@dataclass(frozen=True)
class Vocabulary:
    """What may be written, and how it is spelled."""

    tokenizer: Any
    ends: frozenset[int]
    """Tokens that end an answer."""
    barred: Tensor
    """Ids that are never written."""

    @classmethod
    def of(cls, model: Any, tokenizer: Any) -> Vocabulary:
        """As the model's generation settings and the tokenizer say."""
        configured = model.generation_config.eos_token_id
        listed = configured if isinstance(configured, list) else [configured, tokenizer.eos_token_id]
        ends = frozenset(token for token in listed if token is not None)
        return cls(tokenizer, ends, torch.tensor(reserved_ids(tokenizer, ends), device=model.device))


@torch.inference_mode()
def read(
    model: Any, tokens: Tensor, mask: Tensor, cache: Any = None, pixels: dict[str, Tensor] | None = None
) -> Context:
    """Feeds tokens (rows, new tokens) to the model, after those that ``cache`` holds.

    ``mask`` covers the cached tokens too. A given cache is extended in place.

    Raises:
        OutOfMemory: the device has too little.
    """
    positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -tokens.shape[1] :]
    with reporting_out_of_memory():
        output = model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
            **(pixels or {}),
        )
    return Context(output.past_key_values, mask, output.logits[:, -1].float())


def write(
    model: Any,
    vocabulary: Vocabulary,
    context: Context,
    budgets: Sequence[int],
    is_cancelled: Callable[[], bool],
) -> Iterator[list[CompletionChunk | None]]:
    """Yields each step's chunk a row, None for rows that have finished.

    Raises:
        Cancelled: ``is_cancelled`` was true between two tokens.
        OutOfMemory: the device has too little.
    """
    rows = [_Row(vocabulary, budget) for budget in budgets]
    while True:
        tokens, logprobs = _greedy(context.logits, vocabulary.barred)
        pairs = zip(rows, tokens.tolist(), logprobs.tolist(), strict=True)
        yield [row.take(token, logprob) for row, token, logprob in pairs]
        if all(row.finished for row in rows):
            return
        stop_if(is_cancelled)
        mask = torch.cat([context.mask, torch.ones_like(context.mask[:, :1])], dim=1)
        context = read(model, tokens[:, None], mask, context.cache)


def stop_if(is_cancelled: Callable[[], bool]) -> None:
    """Raises Cancelled where it is."""
    if is_cancelled():
        raise Cancelled("cancelled while the model was reading or writing")


@torch.inference_mode()
def _greedy(logits: Tensor, barred: Tensor) -> tuple[Tensor, Tensor]:
    allowed = logits.index_fill(-1, barred, -torch.inf)
    tokens = allowed.argmax(-1)
    # the model's own probability: barring a token does not make the others likelier
    logprobs = logits.log_softmax(-1).gather(-1, tokens[:, None])[:, 0]
    return tokens, logprobs


class _Row:
    """One answer in the making."""

    def __init__(self, vocabulary: Vocabulary, budget: int) -> None:
        self.finished = False
        self._ends = vocabulary.ends
        self._left = budget
        self._text = Detokeniser(vocabulary.tokenizer)

    def take(self, token: int, logprob: float) -> CompletionChunk | None:
        if self.finished:
            return None
        self._left -= 1
        ended = token in self._ends
        reason = FinishReason.STOP if ended else FinishReason.LENGTH if self._left <= 0 else None
        self.finished = reason is not None
        text = "" if ended else self._text.push(token)
        return CompletionChunk(text + self._text.flush() if self.finished else text, logprob, reason)
