# SPDX-License-Identifier: GPL-2.0-or-later
"""A vector layer as it was at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsLayerMetadata,
    QgsMapLayer,
    QgsProject,
    QgsReadWriteContext,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtXml import QDomDocument

from ..errors import NothingToSave, WriteFailed
from ..layers import Status
from ..reprojection import densified

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
    def of(cls, layer: QgsVectorLayer, status: Status | None = None) -> LayerSnapshot:
        """For the GUI thread; ``status`` takes only the proposals of that status.

        Raises:
            NothingToSave: no proposal has that status.
            WriteFailed: the layer cannot be read.
        """
        features = _features_of(layer, status)
        fields, features = _without_keys(layer, features)
        return cls(
            name=layer.name(),
            fields=fields,
            geometry_type=layer.wkbType(),
            crs=layer.crs(),
            features=features,
            metadata=layer.metadata(),
            style=_style_of(layer),
            transform_context=QgsProject.instance().transformContext(),
        )

    def to_layer(self, *, bends_edges: bool = False) -> QgsVectorLayer:
        """A new memory layer of the calling thread; ``bends_edges`` prepares it for a change of CRS.

        Raises:
            WriteFailed: QGIS would not make the layer.
        """
        # not by QgsMemoryProviderUtils: in a thread, Python loses layers that it has not made itself
        layer = QgsVectorLayer(QgsWkbTypes.displayString(self.geometry_type), self.name, "memory")
        layer.setCrs(self.crs)
        features = (
            [_bendable(feature, self.crs) for feature in self.features] if bends_edges else self.features
        )
        provider = layer.dataProvider()
        has_fields = provider.addAttributes(list(self.fields))
        layer.updateFields()
        if not has_fields or not provider.addFeatures(list(features), QgsFeatureSink.Flag.FastInsert)[0]:
            raise WriteFailed(provider.lastError(), layer=self.name)
        return layer


def check_any(layer: QgsVectorLayer, status: Status | None) -> None:
    """Asks whether there is something to save; an empty layer may be saved as a whole.

    Raises:
        NothingToSave: no proposal has that status.
    """
    if status is not None and next(_of_status(layer, status), None) is None:
        raise NothingToSave(status=status.value, layer=layer.name())


def _features_of(layer: QgsVectorLayer, status: Status | None) -> tuple[QgsFeature, ...]:
    if not layer.isValid():
        raise WriteFailed("the layer cannot be read", layer=layer.name())
    if status is None:
        return tuple(layer.getFeatures())
    check_any(layer, status)
    return tuple(_of_status(layer, status))


def _of_status(layer: QgsVectorLayer, status: Status) -> Iterator[QgsFeature]:
    column = layer.fields().indexOf("status")
    for feature in layer.getFeatures():
        if column >= 0 and Status.of(feature[column]) is status:
            yield feature


def _without_keys(
    layer: QgsVectorLayer, features: tuple[QgsFeature, ...]
) -> tuple[QgsFields, tuple[QgsFeature, ...]]:
    """Drops the keys of a database: a new file has its own, and what was just drawn has none yet."""
    keys, fields = layer.primaryKeyAttributes(), QgsFields(layer.fields())
    if not keys:
        return fields, features
    for key in sorted(keys, reverse=True):
        fields.remove(key)
    copies = []
    for feature in features:
        copy = QgsFeature(fields, feature.id())
        copy.setGeometry(feature.geometry())
        copy.setAttributes([value for at, value in enumerate(feature.attributes()) if at not in keys])
        copies.append(copy)
    return fields, tuple(copies)


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
