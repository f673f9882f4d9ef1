# SPDX-License-Identifier: GPL-2.0-or-later
"""What the algorithms share that ask one thing about each place of an area, and write layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFolderDestination,
    QgsRasterLayer,
)

from .algorithm import Parameters, Results, opened
from .model_algorithm import EXTENT, ModelAlgorithm
from .translation import tr

if TYPE_CHECKING:
    from ..provenance import Run
    from .model_session import ModelSession
    from .raster_question import RasterQuestion
    from .result_layers import ResultWriter

INPUT, CLIP, OUTPUT, OUTLINES, CHIPS = "INPUT", "CLIP", "OUTPUT", "FOOTPRINTS", "CHIPS"
TEXT, BOXES = "TEXT", "BOXES"
PROPOSALS, FOOTPRINTS = "proposals", "footprints"
"""The kinds of layers."""


class RasterAlgorithm(ModelAlgorithm):
    """Its subclasses say what is asked, as ``question``, and which layers are ``made``."""

    made: Mapping[str, str] = {OUTPUT: PROPOSALS, OUTLINES: FOOTPRINTS}
    """Kind of layer by the parameter that it is written to."""
    question: RasterQuestion
    record: Run | None = None
    """Of the run, complete when all is asked."""
    layer_ids: Mapping[str, str] = {}
    """Of the layers that were wanted, by parameter."""

    def add_area_parameter(self) -> None:
        """Which part of the raster is asked about."""
        words = tr("Area; empty takes the whole raster")
        self.addParameter(QgsProcessingParameterExtent(EXTENT, words, optional=True))

    def add_clip_parameter(self) -> None:
        """Whether boxes reach beyond the area."""
        words = tr("Cut boxes at the edge of the area")
        self.addParameter(QgsProcessingParameterBoolean(CLIP, words, defaultValue=False))

    def add_layer_parameters(self) -> None:
        """Where results go."""
        polygons = QgsProcessing.SourceType.TypeVectorPolygon
        titles = {PROPOSALS: tr("Proposals"), FOOTPRINTS: tr("Outlines of the pictures")}
        for name, kind in self.made.items():
            is_main = name == OUTPUT
            sink = QgsProcessingParameterFeatureSink(
                name, titles[kind], polygons, optional=not is_main, createByDefault=is_main
            )
            self.addParameter(sink)
        words = tr("Folder for the pictures, which training rows need")
        self.add_advanced(
            QgsProcessingParameterFolderDestination(CHIPS, words, optional=True, createByDefault=False)
        )

    def question_about(
        self,
        names: Sequence[str],
        parameters: Parameters,
        context: QgsProcessingContext,
        task: str,
        **details: Any,
    ) -> RasterQuestion:
        """A task about the rasters of these parameters, the earlier first; for the main thread."""
        from .raster_question import RasterQuestion

        layers = [self.raster(name, parameters, context) for name in names]
        question = RasterQuestion.of(
            layers,
            self.extent_of(parameters, context, layers[-1].crs()),
            self.kind_of(parameters, context),
            self.settings_of(parameters, context),
            context.transformContext(),
            task,
            **details,
        )
        is_clipped = CLIP in parameters and self.parameterAsBoolean(parameters, CLIP, context)
        return question.clipped() if is_clipped else question

    def raster(self, name: str, parameters: Parameters, context: QgsProcessingContext) -> QgsRasterLayer:
        """The layer of a parameter; QgsProcessingException where there is none."""
        return opened(self.parameterAsRasterLayer(parameters, name, context), tr("The raster layer"))

    def carry_out(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Results:
        """Asks about each place, and writes what is answered at once."""
        from .model_session import ModelSession

        question, folder = self.question, self.parameterAsString(parameters, CHIPS, context)
        texts = []
        with ModelSession(question.settings, question.images, self.wording, feedback) as session:
            session.load()
            writer = self._writer(session, parameters, context)
            for place, answer in session.answered(question.spots, question.request):
                writer.add(place, answer)
                if answer is not None:
                    texts.append(answer.caption)
                if folder:
                    writer.keep_pictures(place, Path(folder))
        self.record = writer.run
        told = {TEXT: "\n".join(text for text in texts if text), BOXES: writer.boxes, CHIPS: folder}
        if not folder:
            del told[CHIPS]
        known = {name: value for name, value in told.items() if self.outputDefinition(name)}
        return {**self.layer_ids, **known}

    def postProcessAlgorithm(self, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> Results:
        """Called by QGIS in the main thread, when all is written."""
        from .result_layers import finish_layer

        for name, layer_id in self.layer_ids.items():
            if self.record is not None:
                finish_layer(layer_id, self.made[name], self.record, context, feedback)
        return {}

    def _writer(
        self, session: ModelSession, parameters: Parameters, context: QgsProcessingContext
    ) -> ResultWriter:
        from .result_layers import WKB_TYPE, ResultWriter, fields_of

        crs, ids, sinks = self.question.crs, {}, {}
        for name, kind in self.made.items():
            sink, layer_id = self.parameterAsSink(parameters, name, context, fields_of(kind), WKB_TYPE, crs)
            if sink is not None:
                sinks[kind], ids[name] = sink, layer_id
        self.layer_ids = ids
        run = session.run_record(self.question.request, crs)
        return ResultWriter(run, session.contract, context.transformContext(), sinks)
