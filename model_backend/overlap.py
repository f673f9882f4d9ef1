# SPDX-License-Identifier: GPL-2.0-or-later
"""How far two boxes cover each other."""

from __future__ import annotations

Edges = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of the chip's sides, 0..1: edges, so one pixel has an area."""


def iou(one: Edges, other: Edges) -> float:
    """Area of the overlap over the area of the union, 0..1; 0 where neither has an area."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    overlap = max(0.0, width) * max(0.0, height)
    union = area_of(one) + area_of(other) - overlap
    return overlap / union if union > 0 else 0.0


def area_of(edges: Edges) -> float:
    """As a share of the chip's."""
    return (edges[2] - edges[0]) * (edges[3] - edges[1])
