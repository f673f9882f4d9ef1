# SPDX-License-Identifier: GPL-2.0-or-later
"""A context's buffers as a session reads and fills them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from .context import FastContext
from .session import returning_memory
from .weights import Floats


class Binding:
    """A context's buffers as one session reads and fills them, in place."""

    def __init__(
        self, session: onnxruntime.InferenceSession, context: FastContext, turns: tuple[Floats, Floats]
    ) -> None:
        self._session = session
        self._lengths = context.lengths
        self._last = np.zeros(context.rows, np.int32)
        self._total = np.zeros((), np.int32)
        self._tail = np.zeros(1, np.int64)
        # the session is told addresses only: what lies there has to be held
        self._turns, self._attended, self._convolved = turns, context.attended, context.convolved
        self._binding = session.io_binding()
        fixed: dict[str, NDArray[Any]] = {
            "last": self._last,
            "total": self._total,
            "tail": self._tail,
            "cos": turns[0],
            "sin": turns[1],
        }
        for name, buffer in {**fixed, **context.buffers}.items():
            self._input(name, buffer)
        for name, buffer in context.buffers.items():
            self._output(f"new_{name}", buffer)

    def run(self, vectors: Floats, last: int) -> tuple[Floats, dict[str, Floats]]:
        """Reads tokens, which the context's lengths count already.

        Returns:
            The states (rows, last, hidden) of the last ones; and where these are several, what the
            convolutions had seen after each, as the context's trail.
        """
        vectors = np.ascontiguousarray(vectors)
        self._last[:] = self._lengths - 1
        self._total[...] = self._lengths.max()
        self._tail[:] = -last
        states: Floats = np.empty((len(vectors), last, vectors.shape[2]), np.float32)
        self._input("x", vectors)
        self._output("states", states)
        trail = self._trail(last - 1) if last > 1 else {}
        for name, buffer in trail.items():
            self._output(f"new_{name}", buffer)
        # what a single token takes is too little to be worth it
        options = returning_memory() if vectors.shape[1] > 1 else None
        self._session.run_with_iobinding(self._binding, options)
        for name in trail:
            self._output(f"new_{name}", self._convolved[name])
        return states, trail

    def _trail(self, more: int) -> dict[str, Floats]:
        """Room for so many columns more than the context has."""
        sides = {name: buffer.shape for name, buffer in self._convolved.items()}
        return {
            name: np.empty((rows, columns + more, hidden), np.float32)
            for name, (rows, columns, hidden) in sides.items()
        }

    def _input(self, name: str, buffer: NDArray[Any]) -> None:
        self._binding.bind_input(name, "cpu", 0, buffer.dtype.type, buffer.shape, buffer.ctypes.data)

    def _output(self, name: str, buffer: Floats) -> None:
        self._binding.bind_output(name, "cpu", 0, np.float32, buffer.shape, buffer.ctypes.data)
