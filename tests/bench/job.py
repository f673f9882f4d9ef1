"""What every engine is timed at: pictures, questions and lengths of answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops

ROOT = Path(__file__).resolve().parents[2]
CAPTION = "caption"
"""The question that is no class's name."""


@dataclass(frozen=True)
class Job:
    """Some questions about chips, each answered up to a length."""

    words: str
    side_px: int
    tokens: int
    """Of each answer."""
    question: str = CAPTION
    """Or the name of a class, whose boxes are asked for."""
    chips: int = 1


BOXES = Job("512 px chip, list of boxes of 128 tokens", 512, 128, "water")
LISTED = Job("512 px chip, a list of 128 tokens as a trained model writes it", 512, 128, "water")
"""Of the engine's passes none is left out, but which tokens are the likeliest is dictated."""
CAPTIONED = Job("224 px chip, caption of 40 tokens", 224, 40)
AGAIN = Job("a caption of 40 tokens after the boxes, same 512 px chip", 512, 40)
TEN = Job("224 px chip, caption and nine classes, 60 tokens each", 224, 60)
EIGHT = Job("8 chips of 224 px at once, captions of 40 tokens", 224, 40, chips=8)
MANY = Job("64 chips of 224 px at once, captions of 40 tokens", 224, 40, chips=64)
"""What a GPU is for."""


@dataclass(frozen=True)
class Answer:
    """One answer, token by token."""

    times: list[float]
    """Seconds from the question to each token."""
    pieces: list[str]
    """The text, in as many pieces as the engine tells it in."""
    forced: int = 0
    """Tokens that the trained form left no choice about."""

    @property
    def steps(self) -> list[float]:
        """Seconds between a token and the next."""
        return [late - early for early, late in zip(self.times, self.times[1:], strict=False)]


def chip(side_px: int, shift: int) -> Image.Image:
    """The demo scene, another picture for each shift."""
    scene = Image.open(ROOT / "resources" / "demo" / "honolulu.tif").convert("RGB")
    return ImageChops.offset(scene.resize((side_px, side_px)), 7 * shift, 3 * shift)
