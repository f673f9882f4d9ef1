# SPDX-License-Identifier: GPL-2.0-or-later
"""What a model proposes on a chip, and what becomes of it on the map."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

Box = tuple[float, float, float, float]
"""``x_min, y_min, x_max, y_max`` as shares of the chip's width and height, 0..1, origin top left."""


@dataclass(frozen=True)
class Proposal:
    """A labelled box read from a completion."""

    label: str
    box: Box
    """As the model wrote it: the far edges are the last pixel's index where the contract says inclusive."""
    score: float | None
    """0..1 from token probabilities; None where there are none."""
    repairs: tuple[str, ...]
    """What had to be mended to read it; empty for the trained form."""
    raw: str
    """The piece of the completion it was read from."""
    spread: Box | None = None
    """Standard deviations of the edges, in the box's unit, from the probabilities of other digits; None where
    there are none, or the numbers had to be mended."""


@dataclass(frozen=True)
class Detection:
    """A proposal placed on the map: its polygon, and everything the proposal said."""

    proposal: Proposal
    chip_id: str
    wkb: bytes
    """MultiPolygon in the output CRS of the run."""
    area_m2: float
    """Geodesic area on the CRS's ellipsoid."""
    edge_m: float
    """Smallest step the model can express, on the ground: how far an edge may be off at the least."""
    spread_m: Box | None = None
    """The proposal's ``spread`` on the ground, metres along the chip's sides."""

    def labelled(self, label: str) -> Detection:
        """The same under another label."""
        return replace(self, proposal=replace(self.proposal, label=label))

    def to_payload(self) -> dict[str, Any]:
        """The detection as JSON-ready values."""
        return {
            **self.__dict__,
            "wkb": self.wkb.hex(),
            "proposal": {**self.proposal.__dict__, "repairs": list(self.proposal.repairs)},
            "spread_m": self.spread_m and list(self.spread_m),
        }

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> Detection:
        """Reads what ``to_payload`` wrote."""
        fields = dict(payload)
        proposal = dict(fields["proposal"])
        proposal["box"] = tuple(proposal["box"])
        proposal["repairs"] = tuple(proposal["repairs"])
        proposal["spread"] = proposal.get("spread") and tuple(proposal["spread"])
        fields["spread_m"] = fields.get("spread_m") and tuple(fields["spread_m"])
        fields["proposal"] = Proposal(**proposal)
        fields["wkb"] = bytes.fromhex(fields["wkb"])
        return cls(**fields)
