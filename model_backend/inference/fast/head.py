# SPDX-License-Identifier: GPL-2.0-or-later
"""The language model's last layer, which says what may come next: of all tokens, or of some."""

from __future__ import annotations

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from .modes import Kind
from .quantised import per_output
from .weights import Floats, Stored

Part = dict[str, NDArray[np.generic]]
"""Weights of some tokens, as the graph of a part takes them."""


class Head:
    """The layer, with the numbers of the tokens that were asked for last.

    Args:
        whole: the session of all tokens.
        part: that of tokens whose weights it is given.
        weight: (vocabulary, hidden), in the checkpoint.
    """

    def __init__(
        self,
        whole: onnxruntime.InferenceSession,
        part: onnxruntime.InferenceSession,
        weight: Stored,
        kind: Kind,
    ) -> None:
        self._whole = whole
        self._part = part
        self._weight = weight
        self._kind = kind
        self._among: NDArray[np.int64] | None = None
        self._given: Part = {}

    def logits(self, states: Floats, among: NDArray[np.int64] | None = None) -> Floats:
        """(rows, columns, hidden) to logits (rows, columns, vocabulary), the same to the bit for any part.

        Those of tokens that are not ``among`` the given ones are minus infinity.
        """
        logits: Floats
        if among is None:
            (logits,) = self._whole.run(None, {"states": states})
            return logits
        if among is not self._among:
            self._among, self._given = among, part_of(self._weight.floats(among), self._kind)
        (given,) = self._part.run(None, {"states": states, **self._given})
        logits = np.full((*states.shape[:2], len(self._weight.numbers)), -np.inf, np.float32)
        logits[..., among] = given
        return logits


def part_of(rows: Floats, kind: Kind) -> Part:
    """Some rows (tokens, hidden) of the layer as its graph has them."""
    if kind == "float32":
        return {"numbers": np.ascontiguousarray(rows.T)}
    numbers, scales = per_output(rows)
    return {"numbers": np.ascontiguousarray(numbers.T), "scales": scales}
