"""Images of a few bands around the demo harbour, and proposals on them by pixel."""

from __future__ import annotations

import numpy as np
from lspace.gis.evidence.spectral_image import SpectralImage
from lspace.gis.imaging.band_roles import BandRoles
from lspace.gis.layers import add_detections, create_proposal_layer
from lspace.gis.provenance import Run
from lspace.model_backend.proposal import Detection, Proposal
from planted import ROOT
from qgis.core import QgsGeometry, QgsPointXY, QgsRasterLayer
from written import layer_of, write_raster

ROLES = BandRoles(green=1, red=2, nir=3, swir22=4)
RUN = Run("ground", "lspace", "0123abc", "cpu", "float32", "")
COVERS = {
    "water": (900, 600, 300, 100),
    "plants": (800, 500, 4000, 1200),
    "soil": (1200, 1600, 1900, 2600),
    "burnt": (500, 600, 900, 2400),
}
"""Reflectance x 10000 in the bands of ``ROLES``."""


def field_of(kind, height=60, width=80):
    """An image of one kind of ground."""
    return np.tile(np.array(COVERS[kind], "uint16")[:, None, None], (1, height, width))


def paint(bands, kind, left, top, right, bottom):
    """Another kind of ground in some pixels."""
    bands[:, top:bottom, left:right] = np.array(COVERS[kind], bands.dtype)[:, None, None]
    return bands


def image_of(path, bands, roles=ROLES, offset=0.0, **options):
    """The spectral image of a file that is written with these bands."""
    return SpectralImage.from_layer(layer_of(write_raster(path, bands, **options)), roles, offset)


def harbour():
    """The real harbour's reflectance, and its bands."""
    layer = QgsRasterLayer(str(ROOT / "tests" / "data" / "honolulu_reflectance.tif"), "harbour")
    return layer, BandRoles(blue=1, green=2, red=3, nir=4, swir16=5)


def pixel_polygon(transform, left, top, right, bottom):
    """A box in pixels of a raster with that GDAL geotransform, as a polygon on the map."""
    x, a, b, y, d, e = transform
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    ring = [QgsPointXY(x + c * a + r * b, y + c * d + r * e) for c, r in corners]
    return QgsGeometry.fromPolygonXY([ring])


def proposals_of(labelled, crs):
    """A layer of proposals: pairs of label and polygon in that CRS."""
    layer = create_proposal_layer(RUN, crs)
    add_detections(layer, RUN, [_detection(*pair) for pair in labelled], "prompt")
    return layer


def _detection(label, polygon):
    multi = QgsGeometry(polygon)
    multi.convertToMultiType()
    proposal = Proposal(label, (0, 0, 0.1, 0.1), 0.7, (), "")
    return Detection(proposal, "c1", bytes(multi.asWkb()), 1.0, 10.0)
