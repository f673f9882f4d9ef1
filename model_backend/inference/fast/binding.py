# SPDX-License-Identifier: GPL-2.0-or-later
"""A context's buffers as a session reads and fills them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from .context import FastContext
from .weights import Floats


class Binding:
    """A context's buffers as one session reads and fills them, in place."""

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        context: FastContext,
        turns: tuple[Floats, Floats],
        vocabulary: int,
    ) -> None:
        self._session = session
        self._lengths = context.lengths
        self._last = np.zeros(context.rows, np.int32)
        self._total = np.zeros((), np.int32)
        self._logits = np.zeros((context.rows, 1, vocabulary), np.float32)
        # the session is told addresses only: what lies there has to be held
        self._held = (turns, context.buffers)
        self._binding = session.io_binding()
        fixed = {"last": self._last, "total": self._total, "cos": turns[0], "sin": turns[1]}
        for name, buffer in {**fixed, **context.buffers}.items():
            self._input(name, buffer)
        written = {f"new_{name}": buffer for name, buffer in context.buffers.items()}
        has_head = any(output.name == "logits" for output in session.get_outputs())
        for name, buffer in {**written, **({"logits": self._logits} if has_head else {})}.items():
            self._binding.bind_output(name, "cpu", 0, np.float32, buffer.shape, buffer.ctypes.data)

    def run(self, vectors: Floats) -> Floats:
        """Reads tokens; the context's lengths count them already."""
        vectors = np.ascontiguousarray(vectors)
        self._last[:] = self._lengths - 1
        self._total[...] = self._lengths.max()
        self._input("x", vectors)
        self._session.run_with_iobinding(self._binding)
        logits: Floats = self._logits[:, 0].copy()
        return logits

    def _input(self, name: str, buffer: NDArray[Any]) -> None:
        self._binding.bind_input(name, "cpu", 0, buffer.dtype.type, buffer.shape, buffer.ctypes.data)
