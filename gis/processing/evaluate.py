# SPDX-License-Identifier: GPL-2.0-or-later
"""Proposals against the truth: precision, recall, F1 and average precision, label by label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import (
    QgsFeature,
    QgsFeatureSink,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsWkbTypes,
)

from ..errors import FeaturesRejected
from .algorithm import LSpaceAlgorithm, Parameters, Results, opened
from .translation import tr

if TYPE_CHECKING:
    from ..saving.save_target import SaveTarget
    from .evaluation import Evaluation, Side

PROPOSALS, TRUTH, LEAST_IOU, OUTPUT, REPORT = "PROPOSALS", "TRUTH", "IOU", "OUTPUT", "REPORT"
LABEL_FIELD, TRUTH_FIELD, SCORE_FIELD = "LABEL_FIELD", "TRUTH_FIELD", "SCORE_FIELD"
PRECISION, RECALL, F1, AVERAGE_PRECISION = "PRECISION", "RECALL", "F1", "AP"


class EvaluateAlgorithm(LSpaceAlgorithm):
    """``lspace:evaluate``; it asks no model."""

    proposals: Side
    truth: Side
    target: SaveTarget | None = None
    """Of the report, where one is wanted."""

    def name(self) -> str:
        """Part of the id."""
        return "evaluate"

    def displayName(self) -> str:
        """For people."""
        return tr("Evaluate proposals against the truth")

    def shortHelpString(self) -> str:
        """What it does, for people."""
        return tr(
            "Compares proposals with polygons that are known to be right. Proposals of a label are taken by "
            "score, the highest first; each is matched with the free true polygon of the same label that it "
            "overlaps most, if the overlap (intersection over union, in the CRS of the proposals) reaches "
            "the threshold. Precision is the share of proposals that were matched, recall the share of true "
            "polygons, F1 their harmonic mean. AP is the area under the curve of precision over recall, "
            "and there is none where a proposal has no score; for all labels it is the mean. Without a label "
            "field of the truth, labels count for nothing."
        )

    def tags(self) -> list[str]:
        """Words to find it by."""
        return tr("accuracy,precision,recall,f1,average precision,ground truth,validation").split(",")

    def declare(self) -> None:
        """Adds parameters and outputs."""
        polygons, field = [QgsProcessing.SourceType.TypeVectorPolygon], QgsProcessingParameterField
        self.addParameter(QgsProcessingParameterFeatureSource(PROPOSALS, tr("Proposals"), polygons))
        label = field(LABEL_FIELD, tr("Label of the proposals"), "label", PROPOSALS, optional=True)
        self.addParameter(label)
        score = field(SCORE_FIELD, tr("Score of the proposals"), "score", PROPOSALS, optional=True)
        self.addParameter(score)
        self.addParameter(QgsProcessingParameterFeatureSource(TRUTH, tr("True polygons"), polygons))
        truth = field(TRUTH_FIELD, tr("Label of the true polygons"), None, TRUTH, optional=True)
        self.addParameter(truth)
        number, double = QgsProcessingParameterNumber, QgsProcessingParameterNumber.Type.Double
        words = tr("Least overlap (intersection over union)")
        self.addParameter(number(LEAST_IOU, words, double, 0.5, minValue=0.01, maxValue=1.0))
        table = QgsProcessing.SourceType.TypeVector
        self.addParameter(QgsProcessingParameterFeatureSink(OUTPUT, tr("Evaluation"), table))
        page = QgsProcessingParameterFileDestination(
            REPORT, tr("Report"), tr("HTML files (*.html)"), optional=True, createByDefault=False
        )
        self.addParameter(page)
        for name in (PRECISION, RECALL, F1, AVERAGE_PRECISION):
            self.addOutput(QgsProcessingOutputNumber(name, tr("{name} of all labels").format(name=name)))

    def make_ready(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Opens both sides."""
        from ..reporting.report_file import ReportFormat, prepare_report
        from .evaluation import Side

        label, score, true_label = (
            self.parameterAsString(parameters, name, context)
            for name in (LABEL_FIELD, SCORE_FIELD, TRUTH_FIELD)
        )
        proposals = opened(self.parameterAsSource(parameters, PROPOSALS, context), tr("The proposal layer"))
        truth = opened(self.parameterAsSource(parameters, TRUTH, context), tr("The layer of the truth"))
        self.proposals = Side(proposals, label if true_label else "", score)
        self.truth = Side(truth, true_label if label else "")
        page = self.parameterAsFileOutput(parameters, REPORT, context)
        self.target = prepare_report(page, ReportFormat.HTML, overwrite=True) if page else None

    def carry_out(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Results:
        """Matches and counts."""
        from .evaluation import Evaluation, row_words

        crs, least_iou = (
            self.proposals.source.sourceCrs(),
            self.parameterAsDouble(parameters, LEAST_IOU, context),
        )
        sides = (
            list(side.shapes(crs, context.transformContext(), feedback))
            for side in (self.proposals, self.truth)
        )
        evaluation = Evaluation.of(*sides, least_iou)
        for row in evaluation.rows:
            feedback.pushInfo("  ".join(row_words(row)))
        results = {
            OUTPUT: self._write_table(evaluation, parameters, context),
            PRECISION: evaluation.whole.precision,
            RECALL: evaluation.whole.recall,
            F1: evaluation.whole.f1,
            AVERAGE_PRECISION: evaluation.mean_average_precision,
        }
        return {**results, **self._write_report(evaluation, least_iou)}

    def _write_table(
        self, evaluation: Evaluation, parameters: Parameters, context: QgsProcessingContext
    ) -> str:
        from .evaluation import table_fields

        fields, nowhere = table_fields(), QgsWkbTypes.Type.NoGeometry
        sink, layer_id = self.parameterAsSink(parameters, OUTPUT, context, fields, nowhere)
        for row in evaluation.rows:
            feature = QgsFeature(fields)
            feature.setAttributes(list(row))
            if not sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
                raise FeaturesRejected(sink.lastError())
        return layer_id

    def _write_report(self, evaluation: Evaluation, least_iou: float) -> Results:
        from ..reporting.report_file import save_page
        from ..reporting.report_html import page_of

        if self.target is None:
            return {}
        words = tr("Proposals: {proposals}. True polygons: {truth}. Least overlap: {iou:.2f}.")
        named = {"proposals": self.proposals.source.sourceName(), "truth": self.truth.source.sourceName()}
        document = evaluation.document(words.format(**named, iou=least_iou), self.shortHelpString())
        save_page(self.target, page_of(document))
        return {REPORT: str(self.target.path)}
