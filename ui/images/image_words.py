# SPDX-License-Identifier: GPL-2.0-or-later
"""What a preview tells in words: its scale beside the trained one, its data, and its remedies."""

from __future__ import annotations

from ...gis.imaging.advice import Remedy, RemedyKind
from ...gis.imaging.preview import Preview
from ...model_backend.chip import ChipKind
from ...model_backend.contract import ChipGeometry
from ..words import tr


def facts_words(preview: Preview, geometry: ChipGeometry) -> str:
    """Scale and share of data."""
    chip = preview.made.chip
    if not geometry.knows_scale:
        scale = tr("{gsd:.1f} m a pixel").format(gsd=chip.gsd_m)
    elif chip.kind is ChipKind.TRAINING_GRADE:
        scale = tr("{gsd:.1f} m a pixel, as in training").format(gsd=geometry.gsd_m)
    else:
        scale = tr("{gsd:.1f} m a pixel (trained at {trained:.1f})").format(
            gsd=chip.gsd_m, trained=geometry.gsd_m
        )
    valid = tr("{share:.0f} % valid").format(share=100 * chip.valid_share)
    parts = [scale, valid]
    if preview.squares > 1:
        words = tr("the middle one of {count} squares of {side:.2f} km")
        parts.insert(0, words.format(count=preview.squares, side=geometry.side_m / 1000))
    return ", ".join(parts)


def remedy_words(remedy: Remedy, geometry: ChipGeometry) -> tuple[str, str]:
    """The words on the button, and its tooltip."""
    side = f"{geometry.side_m / 1000:.1f} km"
    if remedy.kind is RemedyKind.TRAINED_SCALE:
        return tr("Use {side}").format(side=side), tr(
            "Look at {side} of ground around the middle, as in training"
        ).format(side=side)
    if remedy.kind is RemedyKind.TRAINING_GRADE:
        words = tr("Training grade")
        if remedy.squares > 1:
            words = tr("Use {count} squares").format(count=remedy.squares)
        return words, tr(
            "Cut squares of {side} out of the layer itself ({count}), with the scale and contrast of training"
        ).format(count=remedy.squares, side=side)
    if remedy.kind is RemedyKind.SWAP:
        return tr("Swap"), tr("Exchange the two images")
    return tr("Draw again"), tr("Ask the server for what is missing once more")
