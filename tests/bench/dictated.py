"""A list of boxes as a trained model writes it, from random weights: what they choose is dictated."""

from __future__ import annotations

from typing import Any

import numpy as np

from model_backend.contract import Contract
from model_backend.trained_boxes import written_boxes

_CERTAIN = 1e3
"""More than any two logits differ by."""
BOXES_IN_LIST = 12
"""More than the timed tokens are enough for."""


def listed(contract: Contract, label: str) -> str:
    """Boxes anywhere, on the trained grid, in the trained form."""
    dice, side = np.random.default_rng(0), contract.box.grid_px
    corners = np.sort(dice.integers(side, size=(BOXES_IN_LIST, 2, 2)), axis=1)
    boxes = [tuple(map(int, corner)) for corner in corners.reshape(BOXES_IN_LIST, 4)]
    return written_boxes([(label, box) for box in boxes], contract.box)


class Dictated:
    """A network whose every pass is run in full; only then is the likeliest token made to be a given one."""

    def __init__(self, network: Any, start: int, answer: list[int]) -> None:
        """``start`` is how many tokens the question has."""
        self._network = network
        self._start = start
        self._answer = answer
        self.passes = 0
        """Those that said something of the answer."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def read(self, context: Any, tokens: np.ndarray, *among: Any) -> np.ndarray:
        logits = self._network.read(context, tokens, *among)
        self._dictate(logits, context)
        return logits

    def read_each(self, context: Any, tokens: np.ndarray, last: int, *among: Any) -> np.ndarray:
        logits = self._network.read_each(context, tokens, last, *among)
        self._dictate(logits, context)
        return logits

    def _dictate(self, logits: np.ndarray, context: Any) -> None:
        """Of logits after each of some last tokens of a single row."""
        first = int(context.lengths[0]) - self._start - len(logits) + 1
        self.passes += first + len(logits) > 0
        for place, line in enumerate(logits, first):
            if 0 <= place < len(self._answer):
                line[self._answer[place]] += _CERTAIN
