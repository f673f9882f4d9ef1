# SPDX-License-Identifier: GPL-2.0-or-later
"""An analytical brief of one to four rasters, as a report in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputString,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterVectorLayer,
)

from .algorithm import Parameters, Results
from .model_algorithm import EXTENT, ModelAlgorithm, claim_words
from .raster_algorithm import TEXT
from .translation import tr

if TYPE_CHECKING:
    from ..saving.save_target import SaveTarget
    from .brief_report import BriefReport
    from .raster_question import RasterQuestion

INPUTS, PROPOSALS, OUTPUT = "INPUTS", "PROPOSALS", "OUTPUT"
TASK = "brief"


class BriefAlgorithm(ModelAlgorithm):
    """``lspace:brief``."""

    question: RasterQuestion
    report: BriefReport
    target: SaveTarget

    def name(self) -> str:
        """Part of the id."""
        return "brief"

    def displayName(self) -> str:
        """For people."""
        return tr("Analytical brief")

    def shortHelpString(self) -> str:
        """What it does, for people."""
        words = tr(
            "Has the model write a brief about one to four images of a place, the earliest first, and makes "
            "a report of it, as HTML or PDF by the name of the file: what the model was shown, its words as "
            "quotations, what limits them, and where all of it comes from. With a layer of proposals, what "
            "was found and reviewed is in it, too, composed by rule."
        )
        return f"{words}\n\n{claim_words()}"

    def tags(self) -> list[str]:
        """Words to find it by."""
        return tr("report,summary,html,pdf,satellite,ai").split(",")

    def declare(self) -> None:
        """Adds parameters and outputs."""
        rasters = QgsProcessing.SourceType.TypeRaster
        title = tr("Raster layers, the earliest first; four at the most")
        self.addParameter(QgsProcessingParameterMultipleLayers(INPUTS, title, rasters))
        area = tr("Area; empty takes what the rasters have in common")
        self.addParameter(QgsProcessingParameterExtent(EXTENT, area, optional=True))
        proposals = QgsProcessingParameterVectorLayer(PROPOSALS, tr("Layer of proposals"), optional=True)
        self.addParameter(proposals)
        self.add_kind_parameter()
        self.add_model_parameters()
        formats = tr("HTML files (*.html);;PDF files (*.pdf)")
        self.addParameter(QgsProcessingParameterFileDestination(OUTPUT, tr("Report"), formats))
        self.addOutput(QgsProcessingOutputString(TEXT, tr("The model's words")))

    def fault_in(self, parameters: Parameters, context: QgsProcessingContext) -> str:
        """What is wrong with the parameters, a sentence, or nothing."""
        contract = self.contract_of(parameters, context)
        if TASK not in contract.tasks:
            words = tr("{model} was not trained to write briefs. Choose another model in the options.")
            return words.format(model=contract.title)
        layers, most = self.parameterAsLayerList(parameters, INPUTS, context), contract.task(TASK).most_images
        if not 1 <= len(layers) <= most:
            return tr("A brief takes 1 to {most} raster layers, not {count}.").format(
                most=most, count=len(layers)
            )
        from ..layers import is_proposal_layer
        from .proposal_layer import with_record

        proposals = self.parameterAsVectorLayer(parameters, PROPOSALS, context)
        if proposals is not None and not is_proposal_layer(with_record(proposals)):
            return tr("The layer {name} was not made by LSpace.").format(name=proposals.name())
        return super().fault_in(parameters, context)

    def make_ready(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Takes the rasters, the proposals, and the place of the file."""
        from ..reporting.report_file import ReportFormat, prepare_report
        from .brief_report import BriefReport
        from .raster_question import RasterQuestion

        layers = self.parameterAsLayerList(parameters, INPUTS, context)
        self.question = RasterQuestion.of(
            layers,
            self.extent_of(parameters, context, layers[-1].crs()),
            self.kind_of(parameters, context),
            self.settings_of(parameters, context),
            context.transformContext(),
            TASK,
        )
        proposals = self.parameterAsVectorLayer(parameters, PROPOSALS, context)
        self.report = BriefReport.begun(self.displayName(), self.question.aoi, proposals)
        path = self.parameterAsFileOutput(parameters, OUTPUT, context)
        is_pdf = Path(path).suffix.lower() == ReportFormat.PDF.extension
        report_format = ReportFormat.PDF if is_pdf else ReportFormat.HTML
        self.target = prepare_report(path, report_format, overwrite=True)

    def carry_out(
        self,
        parameters: Parameters,  # noqa: ARG002
        context: QgsProcessingContext,  # noqa: ARG002
        feedback: QgsProcessingFeedback,
    ) -> Results:
        """Asks about each place and writes the report."""
        from ..reporting.report_file import ReportFormat, save_page, save_pdf
        from ..reporting.report_html import page_of
        from .main_thread import in_main_thread
        from .model_session import ModelSession

        question, report = self.question, self.report
        with ModelSession(question.settings, question.images, self.wording, feedback) as session:
            session.load()
            run = session.run_record(question.request, question.crs)
            for place, answer in session.answered(question.spots, question.request):
                report.add(place, answer)
        if feedback.isCanceled():
            return {}
        document = self.wording.report_document(report.complete(run), report.pictures)
        if self.target.format is ReportFormat.PDF:  # here, as an error after this fails no run
            in_main_thread(lambda: save_pdf(self.target, document, None), feedback.isCanceled)
        else:
            save_page(self.target, page_of(document))
        return {OUTPUT: str(self.target.path), TEXT: report.text}
