"""What was measured, engine by engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

TITLES = {
    "ours-float32": "LSpace, float32",
    "ours-q8": "LSpace, q8",
    "ours-q4": "LSpace, q4",
    "card-bfloat16": "model card, bfloat16",
    "card-float32": "model card, float32",
    "llama-q4": "llama.cpp, Q4_0",
    "ours-bfloat16-cuda": "LSpace, bfloat16, GPU",
    "card-bfloat16-cuda": "model card, bfloat16, GPU",
}
"""Of each way to have an answer, in the order in which they are shown."""
FAST = ("ours-q8", "ours-q4")
EXACT = "ours-float32"
CARD = "card-bfloat16"
LLAMA = "llama-q4"


@dataclass
class Figures:
    """One engine's."""

    threads: int
    peak_mib: dict[str, float]
    """``alone``: after questions one by one; ``together``: after those side by side, too."""
    seconds: dict[str, list[float]]
    """Of each repeat; of ``step``, of each token."""
    extrapolated: list[str]
    captions: list[str] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    """Of each list of boxes."""
    forced: list[int] = field(default_factory=list)
    """Of these, how many the trained form left no choice about."""
    passes: list[int] = field(default_factory=list)
    """Of the network, of each dictated list."""
    same_again: list[bool] = field(default_factory=list)
    """Whether a second question had the same answer as when the picture was read anew."""
    prompt_tokens: dict[str, int] = field(default_factory=dict)
    disk_mib: float | None = None


class Results(dict[str, Figures]):
    """Those of all engines that were measured, by way."""

    def median(self, way: str, name: str) -> float | None:
        """Seconds; None where that was not measured."""
        seconds = self[way].seconds.get(name) if way in self else None
        return median(seconds) if seconds else None

    def ratio(self, slow: tuple[str, str], fast: tuple[str, str]) -> float | None:
        """How many times as long the first takes, each a way and a name."""
        long, short = self.median(*slow), self.median(*fast)
        return long / short if long and short else None

    def peak(self, way: str, when: str) -> float | None:
        """MiB."""
        return self[way].peak_mib.get(when) if way in self else None
