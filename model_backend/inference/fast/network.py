# SPDX-License-Identifier: GPL-2.0-or-later
"""A model on ONNX Runtime and numpy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import OutOfMemory
from ..patches import Patches
from .binding import Binding
from .context import FastContext, joined
from .head import Head
from .modes import MODES
from .parts import Parts, parts_of
from .session import HEAD, LANGUAGE, PART, VISION, open_sessions, returning_memory
from .shape import LanguageShape
from .store import prepared
from .weights import Floats

Among = NDArray[np.int64] | None
_AT_ONCE = 144
"""Tokens of a picture that are read together, at most: more are hardly faster and take more memory."""


def load_network(
    folder: Path, mode: str, threads: int, cache: Path, on_making: Callable[[], None] = lambda: None
) -> FastNetwork:
    """The network of a checkpoint, its graphs made first where the cache has none that are whole.

    Args:
        mode: a name in ``MODES``.
        cache: the folder of models; the graphs are kept in one of their own in it.
        on_making: called before they are made.

    Raises:
        ModelInvalid: the checkpoint is broken, or of a shape that is not known here.
    """
    graphs = prepared(folder, mode, cache, on_making)
    return FastNetwork(graphs, threads, parts_of(folder), mode)


class FastNetwork:
    """Weights in memory; implements ``Network``."""

    guesses = True

    def __init__(self, graphs: Path, threads: int, parts: Parts, mode: str) -> None:
        language = parts.language
        self._language = language
        self._eyes = parts.eyes
        self._image = parts.image
        self._words = parts.words
        files = [graphs / name for name in (VISION, LANGUAGE, HEAD, PART)]
        self._tower, self._reader, head, part = open_sessions(files, threads)
        self._head = Head(head, part, parts.head, MODES[mode].head)
        self._turns = _turns(language, 0)

    def look(self, tokens: Sequence[int], pictures: Sequence[Patches]) -> FastContext:
        """A new context of one row, which holds the pictures."""
        ids = np.array(tokens, np.int64)
        vectors = self._words.floats(ids)
        if pictures:
            vectors[ids == self._image] = np.concatenate([self._see(picture) for picture in pictures])
        context = self._empty()
        with _reporting_out_of_memory():
            context.make_room(len(ids))
        # a last piece of a few tokens would cost as much as one of many
        for piece in np.array_split(vectors, -(-len(ids) // _AT_ONCE)):
            self._feed(context, piece[None])
        return context

    def read(self, context: FastContext, tokens: NDArray[np.int64], among: Among = None) -> Floats:
        """Feeds int64 (rows, new tokens), in place; returns the logits after the last column."""
        vectors = self._words.floats(tokens)
        rows, count, _hidden = vectors.shape
        if rows == 1 or count == 1:
            return self._logits(self._feed(context, vectors), among)[:, -1]
        # the attention operator reads several tokens for a single row only
        for column in range(count):
            states = self._feed(context, vectors[:, column : column + 1])
        return self._logits(states, among)[:, -1]

    def read_each(
        self, context: FastContext, tokens: NDArray[np.int64], last: int, among: Among = None
    ) -> Floats:
        """As ``read``, for a single row; logits (last, vocabulary), after each of so many last columns."""
        logits: Floats = self._logits(self._feed(context, self._words.floats(tokens), last), among)[0]
        return logits

    def joined(self, contexts: Sequence[FastContext]) -> FastContext:
        """Several contexts, of any lengths, as the rows of one."""
        return joined(contexts)

    def _see(self, picture: Patches) -> Floats:
        """The vectors (tokens, hidden) of a picture."""
        inputs = self._eyes.inputs(picture)
        with _reporting_out_of_memory():
            vectors: Floats = self._tower.run(None, inputs, returning_memory())[0]
        return vectors

    def _empty(self) -> FastContext:
        shape = self._language
        attended, convolved = {}, {}
        for layer, attends in enumerate(shape.attends):
            if attends:
                for name in (f"k{layer}", f"v{layer}"):
                    attended[name] = np.zeros((1, shape.kv_heads, 0, shape.head), np.float32)
            else:
                convolved[f"conv{layer}"] = np.zeros((1, shape.taps - 1, shape.hidden), np.float32)
        return FastContext(np.zeros(1, np.int32), attended, convolved)

    def _feed(self, context: FastContext, vectors: Floats, last: int = 1) -> Floats:
        """Reads vectors (rows, new tokens, hidden); the states (rows, last, hidden) of the last columns."""
        with _reporting_out_of_memory():
            context.make_room(vectors.shape[1])
            if context.bound is None:
                self._reach(context.room)
                context.bound = Binding(self._reader, context, self._turns)
            context.lengths += vectors.shape[1]
            states: Floats
            states, trail = context.bound.run(vectors, last)
            if trail:
                context.leave(trail)
        return states

    def _logits(self, states: Floats, among: Among) -> Floats:
        with _reporting_out_of_memory():
            return self._head.logits(states, among)

    def _reach(self, positions: int) -> None:
        if len(self._turns[0]) < positions:
            self._turns = _turns(self._language, positions)


@contextmanager
def _reporting_out_of_memory() -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise OutOfMemory("the machine has too little memory for this") from error
    except RuntimeError as error:
        if "alloc" not in str(error):
            raise
        raise OutOfMemory("the machine has too little memory for this") from error


def _turns(shape: LanguageShape, positions: int) -> tuple[Floats, Floats]:
    """Cosines and sines (positions, half a head) of the rotary positions, in float32 as in training."""
    exponents = np.arange(0, shape.head, 2, dtype=np.float32) / np.float32(shape.head)
    frequencies = np.float32(1.0) / np.float32(shape.theta) ** exponents
    angles = np.arange(positions, dtype=np.float32)[:, None] * frequencies
    return np.cos(angles), np.sin(angles)
