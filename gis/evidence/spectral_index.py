# SPDX-License-Identifier: GPL-2.0-or-later
"""What the pixels of an image say about a label: indices, thresholds, and how they are judged.

Thresholds are those of the rules that made the model's training labels (nutonic.md 1.3): water MNDWI > 0.15
(FloodPulse) or NDWI > 0.05 (OceanScout), burn scars dNBR > 0.27 (FireWatch), transitions |dNDVI| > 0.22
(LandShift). Vegetation is NDVI > 0.2: below lies bare soil (Sobrino, Jimenez-Munoz and Paolini 2004, Remote
Sensing of Environment 90, 434-440). It tells plants from no plants, and not one kind from another.

Built areas, bare ground, and snow and ice have no rule: a low NDVI has many causes, and NDSI is MNDWI,
so that it needs a brightness to tell snow from water.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np

from ..imaging.band_roles import BandRoles


@dataclass(frozen=True)
class Index:
    """A normalised difference, (high - low) / (high + low)."""

    name: str
    high: str
    """Role of a band."""
    low: str

    def of(self, bands: Mapping[str, np.ndarray]) -> np.ndarray:
        """Values of the same shape as the bands; NaN where a band is, or where there is no light at all."""
        high, low = bands[self.high], bands[self.low]
        total = high + low
        return np.divide(high - low, total, out=np.full_like(total, np.nan), where=total > 0)


NDWI = Index("NDWI", "green", "nir")
"""McFeeters 1996."""
MNDWI = Index("MNDWI", "green", "swir16")
"""Xu 2006."""
NDVI = Index("NDVI", "nir", "red")
NBR = Index("NBR", "nir", "swir22")
INDICES = (NDWI, MNDWI, NDVI, NBR)


class Gap(Enum):
    """Why a proposal has no support, high or low."""

    NO_RULE = "no rule"
    """Nothing defensible can be measured about this label."""
    NO_BANDS = "no bands"
    """The image lacks a band, or nobody said which one it is."""
    NO_BEFORE = "no before"
    """The label is about a change, and there is no earlier image with these bands."""
    NO_PIXELS = "no pixels"
    """Less than half of it lies on pixels with data."""


class Judgement(Enum):
    """How a pixel is judged; the value is its formula."""

    ABOVE = "{index} > {threshold}"
    AROUND = "{index} > {threshold} around"
    """As above, of the pixels in a ring around the proposal."""
    GAINED = "{index} > {threshold} after, not before"
    FALLEN = "d{index} > {threshold}"
    """Before less after."""
    CHANGED = "|d{index}| > {threshold}"

    @property
    def needs_before(self) -> bool:
        """Whether it compares two images."""
        return self not in (Judgement.ABOVE, Judgement.AROUND)


@dataclass(frozen=True)
class Rule:
    """What is measured about one label in one image or pair."""

    judgement: Judgement
    index: Index
    threshold: float

    @property
    def text(self) -> str:
        """The formula, as the field ``sup_index`` has it."""
        return self.judgement.value.format(index=self.index.name, threshold=self.threshold)

    @property
    def roles(self) -> tuple[str, str]:
        """The bands that are read."""
        return (self.index.high, self.index.low)

    def supporting(self, after: np.ndarray, before: np.ndarray | None) -> np.ndarray:
        """Which pixels support the label, given the index after and before; NaN supports nothing."""
        above = after > self.threshold
        if before is None or not self.judgement.needs_before:
            return above
        return {
            Judgement.GAINED: above & (before <= self.threshold),
            Judgement.FALLEN: before - after > self.threshold,
            Judgement.CHANGED: np.abs(before - after) > self.threshold,
        }[self.judgement]


_WATER = ((MNDWI, 0.15), (NDWI, 0.05))
_PLANTS = ((NDVI, 0.2),)
_RULES: dict[str, tuple[Judgement, tuple[tuple[Index, float], ...]]] = {
    "water": (Judgement.ABOVE, _WATER),
    # A vessel is no water but lies on it: one that is proposed on land has no water around it.
    "vessel candidate": (Judgement.AROUND, _WATER),
    "inundation": (Judgement.GAINED, _WATER),
    "burn scar": (Judgement.FALLEN, ((NBR, 0.27),)),
    "land transition": (Judgement.CHANGED, ((NDVI, 0.22),)),
    "tree cover": (Judgement.ABOVE, _PLANTS),
    "grassland": (Judgement.ABOVE, _PLANTS),
    "flooded vegetation": (Judgement.ABOVE, _PLANTS),
    "cropland": (Judgement.ABOVE, _PLANTS),
    "shrub and scrub": (Judgement.ABOVE, _PLANTS),
}
"""How a label is judged, and by which indices: the first whose bands are there."""


def rule_for(label: str, roles: BandRoles, before: BandRoles | None = None) -> Rule | Gap:
    """The rule for a label, as the model or as a person writes it, or why there is none.

    Args:
        label: ``burn_scar``, ``Burn scar`` and ``possible burn scar`` are the same.
        roles: the bands of the only image, or of the later one.
        before: those of the earlier one.
    """
    plain = label.replace("_", " ").strip().lower()
    entry = _RULES.get(plain.removeprefix("possible "))
    if entry is None:
        return Gap.NO_RULE
    judgement, choices = entry
    rules = [Rule(judgement, index, threshold) for index, threshold in choices]
    possible = [rule for rule in rules if roles.has(*rule.roles)]
    if not possible:
        return Gap.NO_BANDS
    if judgement.needs_before:
        possible = [rule for rule in possible if before is not None and before.has(*rule.roles)]
    return possible[0] if possible else Gap.NO_BEFORE
