# SPDX-License-Identifier: GPL-2.0-or-later
"""A conversation's earlier exchanges as the turns that the model is told again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...model_backend.turn import Role, Turn
from .conversation import Exchange


def turns_of(exchanges: Iterable[Exchange]) -> tuple[Turn, ...]:
    """The turns of exchanges, the oldest first; questions that were never answered are left out."""
    return tuple(turn for exchange in exchanges for turn in _turns(exchange))


def _turns(exchange: Exchange) -> Iterator[Turn]:
    if exchange.is_talk:
        if exchange.steps:
            yield Turn(Role.USER, exchange.answers[0].prompt)
        yield from (step.turn() for step in exchange.steps)
        return
    for answer in exchange.answers:
        if answer.text:
            yield Turn(Role.USER, answer.prompt)
            yield Turn(Role.ASSISTANT, answer.text)
