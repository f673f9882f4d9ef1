# SPDX-License-Identifier: GPL-2.0-or-later
"""A vector layer as it was at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsFeatureRequest,
    QgsFeatureSink,
    QgsFields,
    QgsLayerMetadata,
    QgsMapLayer,
    QgsMemoryProviderUtils,
    QgsProject,
    QgsReadWriteContext,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtXml import QDomDocument

from .errors import WriteFailed
from .layers import Status
from .reprojection import densified

_STYLE_CATEGORIES = QgsMapLayer.StyleCategories(
    QgsMapLayer.StyleCategory.Symbology | QgsMapLayer.StyleCategory.Labeling
)


@dataclass(frozen=True)
class LayerSnapshot:
    """Everything of a layer that is saved, apart from the layer: any thread may read it.

    QGIS shares the features with the layer until one of the two is changed, so that it costs little.
    """

    name: str
    fields: QgsFields
    geometry_type: QgsWkbTypes.Type
    crs: QgsCoordinateReferenceSystem
    features: tuple[QgsFeature, ...]
    """With uncommitted edits."""
    metadata: QgsLayerMetadata
    style: str
    """QML with symbols and labels."""
    transform_context: QgsCoordinateTransformContext
    """The project's choice of transformations."""

    @classmethod
    def of(
        cls, layer: QgsVectorLayer, status: Status | None = None, only_selected: bool = False
    ) -> LayerSnapshot:
        """For the GUI thread; ``status`` takes only the proposals of that status.

        Raises:
            WriteFailed: the layer cannot be read.
        """
        return cls(
            name=layer.name(),
            fields=layer.fields(),
            geometry_type=layer.wkbType(),
            crs=layer.crs(),
            features=_features_of(layer, status, only_selected),
            metadata=layer.metadata(),
            style=_style_of(layer),
            transform_context=QgsProject.instance().transformContext(),
        )

    def to_layer(self, *, bends_edges: bool = False) -> QgsVectorLayer:
        """A new memory layer of the calling thread; ``bends_edges`` prepares it for a change of CRS.

        Raises:
            WriteFailed: QGIS would not make the layer.
        """
        layer = QgsMemoryProviderUtils.createMemoryLayer(self.name, self.fields, self.geometry_type, self.crs)
        features = (
            [_bendable(feature, self.crs) for feature in self.features] if bends_edges else self.features
        )
        provider = layer.dataProvider()
        if not provider.addFeatures(list(features), QgsFeatureSink.Flag.FastInsert)[0]:
            raise WriteFailed(provider.lastError(), layer=self.name)
        return layer


def _features_of(layer: QgsVectorLayer, status: Status | None, only_selected: bool) -> tuple[QgsFeature, ...]:
    request = QgsFeatureRequest()
    if only_selected:
        request.setFilterFids(layer.selectedFeatureIds())
    if not layer.isValid():
        raise WriteFailed("the layer cannot be read", layer=layer.name())
    features = layer.getFeatures(request)
    if status is None:
        return tuple(features)
    column = layer.fields().indexOf("status")
    return tuple(feature for feature in features if column >= 0 and feature[column] == status.value)


def _style_of(layer: QgsVectorLayer) -> str:
    document = QDomDocument()
    message = layer.exportNamedStyle(document, QgsReadWriteContext(), _STYLE_CATEGORIES)
    if message:
        raise WriteFailed(message, layer=layer.name())
    return document.toString(2)


def _bendable(feature: QgsFeature, crs: QgsCoordinateReferenceSystem) -> QgsFeature:
    copy = QgsFeature(feature)
    copy.setGeometry(densified(feature.geometry(), crs))
    return copy
