# SPDX-License-Identifier: GPL-2.0-or-later
"""Captions of polygons: one picture of a raster for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import (
    QgsFeatureRequest,
    QgsFeatureSink,
    QgsFields,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ..errors import FeaturesRejected, RunCancelled
from .algorithm import Parameters, Results, opened
from .model_algorithm import ModelAlgorithm, claim_words
from .translation import tr

if TYPE_CHECKING:
    from ..settings import Settings
    from .picture_plan import Images

INPUT, RASTER, FIELD, OUTPUT, FAILED = "INPUT", "RASTER", "FIELD", "OUTPUT", "FAILED"


class CaptionFeaturesAlgorithm(ModelAlgorithm):
    """``lspace:captionfeatures``."""

    settings: Settings
    images: Images
    source: QgsProcessingFeatureSource

    def name(self) -> str:
        """Part of the id."""
        return "captionfeatures"

    def displayName(self) -> str:
        """For people."""
        return tr("Caption polygons")

    def shortHelpString(self) -> str:
        """What it does, for people."""
        words = tr(
            "Adds to each polygon what the model says of the raster there. A training-grade picture is a "
            "square of the trained size around the middle of the polygon: of a larger polygon it shows only "
            "that. A picture as shown holds the whole polygon. A polygon about which nothing can be said "
            "keeps an empty caption and is reported; the others go on. Results are in the CRS of the "
            "polygons."
        )
        return f"{words}\n\n{claim_words()}"

    def tags(self) -> list[str]:
        """Words to find it by."""
        return tr("caption,describe,attributes,polygons,land cover,satellite,ai").split(",")

    def declare(self) -> None:
        """Adds parameters and outputs."""
        polygons = QgsProcessing.SourceType.TypeVectorPolygon
        self.addParameter(QgsProcessingParameterFeatureSource(INPUT, tr("Polygons"), [polygons]))
        self.addParameter(QgsProcessingParameterRasterLayer(RASTER, tr("Raster layer")))
        field = QgsProcessingParameterString(FIELD, tr("Field for the caption"), defaultValue="caption")
        self.addParameter(field)
        self.add_kind_parameter()
        self.add_model_parameters()
        self.addParameter(QgsProcessingParameterFeatureSink(OUTPUT, tr("Captioned"), polygons))
        self.addOutput(QgsProcessingOutputNumber(FAILED, tr("Polygons without a caption")))

    def fault_in(self, parameters: Parameters, context: QgsProcessingContext) -> str:
        """What is wrong with the parameters, a sentence, or nothing."""
        source = self.parameterAsSource(parameters, INPUT, context)
        name = self.parameterAsString(parameters, FIELD, context).strip()
        if not name or (source is not None and source.fields().lookupField(name) >= 0):
            return tr("The polygons have a field {name} already. Choose another name.").format(name=name)
        return super().fault_in(parameters, context)

    def make_ready(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Takes the raster and opens the polygons."""
        from .picture_plan import Images

        raster = self.parameterAsRasterLayer(parameters, RASTER, context)
        layers = [opened(raster, tr("The raster layer"))]
        self.settings, kind = self.settings_of(parameters, context), self.kind_of(parameters, context)
        geometry = self.settings.expected_contract.chip
        self.images = Images.of(layers, kind, geometry, context.transformContext())
        self.source = opened(self.parameterAsSource(parameters, INPUT, context), tr("The polygon layer"))

    def carry_out(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Results:
        """Asks about polygon after polygon."""
        from .feature_captions import FeatureCaptions
        from .model_session import ModelSession

        source, transforms, failed = self.source, context.transformContext(), 0
        sink, layer_id = self._sink(parameters, context)
        with ModelSession(self.settings, self.images, self.wording, feedback) as session:
            session.load()
            crs = source.sourceCrs()
            captions = FeatureCaptions(session, self.images, crs, transforms, self.wording, feedback)
            # those that are not valid are mended
            unchecked = QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
            for number, feature in enumerate(source.getFeatures(QgsFeatureRequest(), unchecked)):
                feedback.setProgress(100 * number / max(source.featureCount(), 1))
                try:
                    caption = captions.caption(feature)
                except RunCancelled:
                    break
                failed += caption is None
                feature.setAttributes([*feature.attributes(), caption])
                if not sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
                    raise FeaturesRejected(sink.lastError())
        return {OUTPUT: layer_id, FAILED: failed}

    def _sink(self, parameters: Parameters, context: QgsProcessingContext) -> tuple[QgsFeatureSink, str]:
        from ..layers import make_field

        fields = QgsFields(self.source.fields())
        fields.append(make_field(self.parameterAsString(parameters, FIELD, context).strip(), str))
        kind, crs = self.source.wkbType(), self.source.sourceCrs()
        return self.parameterAsSink(parameters, OUTPUT, context, fields, kind, crs)
