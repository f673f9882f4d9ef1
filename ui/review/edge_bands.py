# SPDX-License-Identifier: GPL-2.0-or-later
"""On the map, how far off the edges of proposals may be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qgis.core import QgsFeature, QgsGeometry, QgsRenderContext, QgsVectorLayer, QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsRubberBand
from qgis.PyQt.QtGui import QColor

from ...gis.review.edge_band import bands_in

MOST_BANDS = 300
"""More of them hide the map, and take long."""
_FILL_ALPHA, _LINE_ALPHA = 60, 220


class EdgeBands:
    """A band for each proposal over the map, in the colour of its outline."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self._canvas = canvas
        self._bands: list[QgsRubberBand] = []

    def show(self, layer: QgsVectorLayer, ids: Sequence[int]) -> bool:
        """Draws those of at most ``MOST_BANDS`` proposals, in place of the former; False if none has one.

        Nothing is drawn of a layer that the map does not show.
        """
        self.clear()
        found = list(bands_in(layer, ids[:MOST_BANDS], self._canvas.mapSettings().destinationCrs()))
        if layer in self._canvas.layers():
            for colour, shapes in self._by_colour(layer, found).items():
                self._draw(QColor(colour), shapes)
        return bool(found)

    def clear(self) -> None:
        """Takes all of them off the map."""
        while self._bands:
            self._canvas.scene().removeItem(self._bands.pop())

    def _draw(self, colour: QColor, shapes: Iterable[QgsGeometry]) -> None:
        band = QgsRubberBand(self._canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
        colour.setAlpha(_LINE_ALPHA)
        band.setStrokeColor(colour)
        colour.setAlpha(_FILL_ALPHA)
        band.setFillColor(colour)
        for shape in shapes:
            band.addGeometry(shape, self._canvas.mapSettings().destinationCrs())
        self._bands.append(band)

    def _by_colour(
        self, layer: QgsVectorLayer, found: Iterable[tuple[QgsFeature, QgsGeometry]]
    ) -> dict[str, list[QgsGeometry]]:
        """Bands by the colour in which the layer draws their proposals; what it hides is left out."""
        context = QgsRenderContext.fromMapSettings(self._canvas.mapSettings())
        context.setExpressionContext(layer.createExpressionContext())
        renderer, colours = layer.renderer().clone(), {}
        renderer.startRender(context, layer.fields())
        for feature, shape in found:
            context.expressionContext().setFeature(feature)
            symbol = renderer.symbolForFeature(feature, context)
            if symbol is not None:
                top = symbol.symbolLayer(symbol.symbolLayerCount() - 1)
                colours.setdefault(top.color().name(), []).append(shape)
        renderer.stopRender(context)
        return colours
