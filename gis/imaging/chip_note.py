# SPDX-License-Identifier: GPL-2.0-or-later
"""What may be wrong with a picture that can still be used, and what its pixels say of that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

MOSTLY_EMPTY_SHARE = 0.5
"""A chip with less data than this is pointed out."""
MOSTLY_CLOUD_SHARE = 0.5
"""A chip with more bright, grey and even pixels is pointed out.

Of 1362 cloudless pieces of harbours, cities and prairie (640 m to 5 km, as shown and stretched) the worst
had 0.47, and 99 of 100 less than 0.32; under a painted cloud over 70 % of a harbour it was 0.6 and more.
"""
BRIGHT, GREY, EVEN_PX = 140, 30, 5
"""Least level and greatest difference of the colours of a cloud, 0..255, in all of a square of pixels:
roofs and ships are as bright, but small."""
COLOURLESS, COLOURLESS_SHARE = 3, 0.995
"""Of a grey picture: the greatest difference of its colours, in that share of pixels (JPEG shifts some)."""


class ChipNoteKind(Enum):
    """What may be wrong with a chip that can still be used."""

    LAYER_FAILED = "layer failed"
    LAYER_INVALID = "layer invalid"
    MOSTLY_EMPTY = "mostly empty"
    MOSTLY_CLOUD = "mostly cloud"
    GREY = "grey"
    FALSE_COLOUR = "false colour"
    BLURRED = "blurred"
    TOO_FINE = "too fine"
    TOO_COARSE = "too coarse"
    LATER_FIRST = "later first"


@dataclass(frozen=True)
class ChipNote:
    """Something to tell the user about a chip."""

    kind: ChipNoteKind
    subject: str = ""
    """A layer's name, a length on the ground, or a share in percent."""
    detail: str = ""


def notes_on_pixels(rgb: np.ndarray, valid_share: float) -> tuple[ChipNote, ...]:
    """Little data, much cloud, no colour; ``rgb`` is uint8, shape (height, width, 3), black without data."""
    notes = []
    if valid_share < MOSTLY_EMPTY_SHARE:
        notes.append(ChipNote(ChipNoteKind.MOSTLY_EMPTY, f"{100 * valid_share:.0f}"))
    share = cloud_share(rgb) / max(valid_share, 1 / rgb[..., 0].size)
    if share > MOSTLY_CLOUD_SHARE:
        notes.append(ChipNote(ChipNoteKind.MOSTLY_CLOUD, f"{100 * min(share, 1):.0f}"))
    share = grey_share(rgb)
    if share >= COLOURLESS_SHARE:
        notes.append(ChipNote(ChipNoteKind.GREY, f"{100 * share:.0f}"))
    return tuple(notes)


def cloud_share(rgb: np.ndarray) -> float:
    """Share of pixels, 0..1, around which all is bright and grey: cloud, snow, or a drawn map's paper."""
    least, most = rgb.min(axis=-1), rgb.max(axis=-1)
    return float(_eroded((least >= BRIGHT) & (most - least <= GREY)).mean())


def grey_share(rgb: np.ndarray) -> float:
    """Share of pixels, 0..1, without colour, such as those of a single band."""
    return float((np.ptp(rgb, axis=-1) <= COLOURLESS).mean())


def _eroded(mask: np.ndarray) -> np.ndarray:
    """What of the mask is the middle of a square inside it; beyond the picture's edge it goes on."""
    for axis in (0, 1):
        margins = [(EVEN_PX // 2,) * 2 if other == axis else (0, 0) for other in (0, 1)]
        wide = np.pad(mask, margins, mode="edge")
        length = mask.shape[axis]
        mask = np.logical_and.reduce(
            [wide.take(range(start, start + length), axis) for start in range(EVEN_PX)]
        )
    return mask
