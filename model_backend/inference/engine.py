# SPDX-License-Identifier: GPL-2.0-or-later
"""What every engine offers to the worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from PIL.Image import Image

from ..contract import Contract
from .completion import CompletionChunk
from .prompts import Prompt
from .scores import Calibration


@dataclass(frozen=True)
class ModelInfo:
    """What is loaded, and why it runs as it does; goes into every layer's provenance."""

    name: str
    """Hub id, or the folder's name."""
    revision: str
    """Commit on the hub, or ``sha256:`` and the first 12 digits of the weights' digest."""
    device: str
    """Such as ``cpu`` or ``cuda:0 (NVIDIA H200)``."""
    precision: str
    """``float32``, ``bfloat16``, ``q8`` or ``q4``."""
    reason: str
    """Why this device and precision, in a sentence."""
    probe_s: float
    """Seconds that the probe of the device took."""
    load_s: float
    threads: int
    random_weights: bool
    """Whether the checkpoint says of itself that it was never trained."""
    calibration: Calibration | None = None
    """How its scores were made probabilities; None where they are the tokens' own."""

    def to_payload(self) -> dict[str, Any]:
        """The facts as JSON-ready values."""
        return asdict(self)


Question = tuple[Prompt, Sequence[Image]]
"""A prompt and the pictures it is about."""


class Engine(Protocol):
    """A loaded model."""

    info: ModelInfo
    contract: Contract

    def prompt_tokens(self, prompt: Prompt, images: Sequence[Image]) -> int:
        """How many tokens a question has, those of its pictures among them."""
        ...

    def complete(
        self, prompt: Prompt, images: Sequence[Image], is_cancelled: Callable[[], bool]
    ) -> Iterator[CompletionChunk]:
        """Yields the answer token by token, greedily; the last chunk has a finish reason.

        Raises:
            Cancelled: ``is_cancelled`` was true between two tokens.
            OutOfMemory: the device has too little memory.
        """
        ...

    def complete_together(
        self, questions: Sequence[Question], is_cancelled: Callable[[], bool]
    ) -> Iterator[list[CompletionChunk | None]]:
        """Yields each step's chunk a question, None where there is none; the same answers as one by one.

        Raises:
            Cancelled, OutOfMemory: as in ``complete``.
        """
        ...
