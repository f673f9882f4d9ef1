"""Layers of proposals around the harbour for tests of reports."""

from __future__ import annotations

from lspace.gis.layers import add_detections, create_proposal_layer
from lspace.model_backend.proposal import Detection, Proposal
from planted import crs_of, square_at
from reviewed import decide

ACCEPTED = {"status": "accepted", "reviewed": "2026-03-02T08:00:00Z", "reviewer": "Ada"}
REJECTED = {**ACCEPTED, "status": "rejected"}


def proposal_layer(run, *proposals, crs="EPSG:32604"):
    """Each is (label, metres right, metres up, side in metres) and the values of fields, by name."""
    layer = create_proposal_layer(run, crs_of(crs))
    for (label, right, up, side), values in proposals:
        square = square_at(crs_of(crs), right, up, side)
        square.convertToMultiType()
        proposed = Proposal(label, (0, 0, 0.1, 0.1), None, (), "")
        found = Detection(proposed, "c1", bytes(square.asWkb()), float(side * side), 10.0)
        (fid,) = add_detections(layer, run, [found], "Detect the vessels.")
        decide(layer, fid, **values)
    return layer
