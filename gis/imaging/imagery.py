# SPDX-License-Identifier: GPL-2.0-or-later
"""The raster layers that an image shows: their colours, their pixels, and what chips can be cut of."""

from __future__ import annotations

from qgis.core import (
    QgsGeometry,
    QgsMapSettings,
    QgsMultiBandColorRenderer,
    QgsPalettedRasterRenderer,
    QgsRasterLayer,
    QgsSingleBandPseudoColorRenderer,
)

from ...model_backend.contract import ChipGeometry
from ..aoi import Aoi, ruler_for
from ..errors import ChipError, CrsUnknown
from ..reprojection import reprojected
from .image_source import TRUE_COLOUR
from .layer_bands import LayerBands
from .raster_source import RasterSource
from .training_chips import nearest_square, plan_squares

BLURRED = 1.5
"""Imagery with pixels so many times wider than those of training is blurred."""
LEAST_COVER = 0.8
"""Share of a square that a layer must cover to be offered for training-grade chips."""
_COLOUR_NAMES = ("Red", "Green", "Blue")
"""As GDAL says what a band is, in every language."""


def imagery_of(view: QgsMapSettings, aoi: Aoi) -> list[QgsRasterLayer]:
    """The raster layers that lie in the AOI, the uppermost first."""
    return [
        layer
        for layer in view.layers()
        if isinstance(layer, QgsRasterLayer) and layer.isValid() and _share_covered(layer, aoi) > 0
    ]


def is_true_colour(layer: QgsRasterLayer, view: QgsMapSettings) -> bool:
    """Whether nothing says that its red, green and blue on this view are something else.

    Colours by value never are. Of three bands it counts what the bands say of themselves: where they say
    nothing, as in a picture somebody composed, nobody can tell, and their look proves nothing.
    """
    style = view.layerStyleOverrides().get(layer.id())
    styles = layer.styleManager()
    is_overridden = bool(style) and styles.setOverrideStyle(style)
    try:
        return _is_true_colour(layer)
    finally:
        if is_overridden:
            styles.restoreOverrideStyle()


def has_true_colour(layer: QgsRasterLayer) -> bool:
    """Whether training-grade chips of the layer will be in true colour, as far as can be told."""
    if LayerBands.of(layer).roles.has(*TRUE_COLOUR):
        return True
    return isinstance(layer.renderer(), QgsMultiBandColorRenderer) and _is_true_colour(layer)


def pixel_m(layer: QgsRasterLayer) -> float | None:
    """Side of a pixel on the ground in the layer's middle, metres; None where it has no pixels of its own."""
    extent, columns, rows = layer.extent(), layer.width(), layer.height()
    if layer.providerType() != "gdal" or min(columns, rows) < 1:
        return None
    try:
        middle = QgsGeometry.fromRect(extent.scaled(1 / max(columns, rows)))
        area_m2 = ruler_for(layer.crs()).measureArea(middle)
    except CrsUnknown:
        return None
    side = (area_m2 / (columns * rows)) ** 0.5 * max(columns, rows)
    return side if side > 0 else None


def is_blurred(width_m: float, geometry: ChipGeometry) -> bool:
    """Whether pixels of that width show less than was to be seen in training.

    There pixels were lost or made up between the imagery's own and the model's: the wider ones count.
    """
    return width_m > BLURRED * max(geometry.gsd_m, geometry.side_m / geometry.native_px)


def squares_of(layer: QgsRasterLayer, aoi: Aoi, geometry: ChipGeometry) -> int:
    """How many training-grade chips of the layer cover the AOI; 0 if it does not suit."""
    width = pixel_m(layer)
    if width is None or is_blurred(width, geometry) or not has_true_colour(layer):
        return 0
    try:
        RasterSource.from_layer(layer)
        squares = plan_squares(aoi, geometry)
        middle = nearest_square(squares, aoi)
        square = Aoi(QgsGeometry.fromRect(middle.extent), middle.crs)
    except ChipError:
        return 0
    return len(squares) if _share_covered(layer, square) >= LEAST_COVER else 0


def _is_true_colour(layer: QgsRasterLayer) -> bool:
    renderer = layer.renderer()
    if isinstance(renderer, (QgsSingleBandPseudoColorRenderer, QgsPalettedRasterRenderer)):
        return False
    if not isinstance(renderer, QgsMultiBandColorRenderer):
        return True
    shown = (renderer.redBand(), renderer.greenBand(), renderer.blueBand())
    roles, provider = LayerBands.of(layer).roles, layer.dataProvider()
    for role, name, band in zip(TRUE_COLOUR, _COLOUR_NAMES, shown):
        told = getattr(roles, role)
        if told is not None and told != band:
            return False
        said = provider.colorInterpretationName(band) if band > 0 else ""
        if told is None and said in _COLOUR_NAMES and said != name:
            return False
    return True


def _share_covered(layer: QgsRasterLayer, aoi: Aoi) -> float:
    """Of the AOI by the layer's extent, 0..1; 0 where nobody can tell."""
    try:
        area = reprojected(aoi.polygon, aoi.crs, layer.crs())
    except CrsUnknown:
        return 0.0
    inside = area.intersection(QgsGeometry.fromRect(layer.extent()))
    return inside.area() / area.area() if area.area() > 0 else 0.0
