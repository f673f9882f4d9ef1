"""Layers of proposals for tests: a column of squares, numbered from the south."""

from __future__ import annotations

from contextlib import contextmanager

from lspace.gis.layers import add_detections, create_proposal_layer
from lspace.gis.provenance import Run
from lspace.model_backend.proposal import Detection, Proposal
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsRectangle

RUN = Run("ground", "lspace", "0123abc", "cpu", "float32", "", targets=("water",))


def proposals(count, crs="EPSG:32630", corner=(400_000, 4_100_000), side=50):
    """A layer of squares; each is twice its side away from the next."""
    layer = create_proposal_layer(RUN, QgsCoordinateReferenceSystem(crs))
    add_detections(layer, RUN, [_detection(row, corner, side) for row in range(count)], "prompt")
    return layer


def _detection(row, corner, side):
    x, y = corner[0], corner[1] + 2 * side * row
    square = QgsGeometry.fromRect(QgsRectangle(x, y, x + side, y + side))
    square.convertToMultiType()
    proposal = Proposal("water", (0, 0, 0.1, 0.1), None, (), "")
    return Detection(proposal, "c1", bytes(square.asWkb()), float(side * side), 10.0)


@contextmanager
def files_limited_to(size):
    """Every write beyond this many bytes fails, as on a full disk."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
