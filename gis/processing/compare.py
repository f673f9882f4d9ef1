# SPDX-License-Identifier: GPL-2.0-or-later
"""What changed between two rasters of the same place."""

from __future__ import annotations

from dataclasses import replace

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDateTime,
    QgsProcessingParameterEnum,
    QgsProcessingParameterRasterLayer,
)
from qgis.PyQt.QtCore import Qt

from ..errors import SameImages
from .algorithm import Parameters
from .model_algorithm import claim_words
from .raster_algorithm import BOXES, TEXT, RasterAlgorithm
from .translation import tr

BEFORE, AFTER, CHANGE, ASK_ANYWAY = "BEFORE", "AFTER", "CHANGE", "ASK_ANYWAY"
DATES = ("BEFORE_DATE", "AFTER_DATE")
CHANGES = ("wildfire", "flood", "transition")


class CompareAlgorithm(RasterAlgorithm):
    """``lspace:compare``."""

    def name(self) -> str:
        """Part of the id."""
        return "compare"

    def displayName(self) -> str:
        """For people."""
        return tr("Compare before and after")

    def shortHelpString(self) -> str:
        """What it does, for people."""
        words = tr(
            "Shows the model two images of the same place: first it writes a report, then it draws boxes "
            "around possible burn scars, possible inundation or possible land transitions. Where the report "
            "says that there is nothing clear, that is the result, and no boxes are asked for, unless you "
            "want it. Dates go into the prompt; empty ones are taken from the layers, as far as known. "
            "Results are in the CRS of the later raster."
        )
        return f"{words}\n\n{claim_words()}"

    def tags(self) -> list[str]:
        """Words to find it by."""
        return tr("change detection,before,after,wildfire,burn scar,flood,inundation,ai").split(",")

    def declare(self) -> None:
        """Adds parameters and outputs."""
        self.addParameter(QgsProcessingParameterRasterLayer(BEFORE, tr("Earlier raster layer")))
        self.addParameter(QgsProcessingParameterRasterLayer(AFTER, tr("Later raster layer")))
        titles = [tr("Burn scars"), tr("Flood and water expansion"), tr("Land-cover transition")]
        self.addParameter(QgsProcessingParameterEnum(CHANGE, tr("Change"), titles, defaultValue=0))
        date = QgsProcessingParameterDateTime.Type.Date
        for name, words in zip(DATES, (tr("Date of the earlier image"), tr("Date of the later image"))):
            self.addParameter(QgsProcessingParameterDateTime(name, words, date, optional=True))
        self.add_area_parameter()
        anyway = tr("Ask for boxes even where the report finds nothing clear")
        self.addParameter(QgsProcessingParameterBoolean(ASK_ANYWAY, anyway, defaultValue=False))
        self.add_clip_parameter()
        self.add_kind_parameter()
        self.add_model_parameters()
        self.add_layer_parameters()
        self.addOutput(QgsProcessingOutputString(TEXT, tr("Reports, one a line")))
        self.addOutput(QgsProcessingOutputNumber(BOXES, tr("Number of proposals")))

    def fault_in(self, parameters: Parameters, context: QgsProcessingContext) -> str:
        """What is wrong with the parameters, a sentence, or nothing."""
        contract, change = self.contract_of(parameters, context), self._change(parameters, context)
        if change not in contract.tasks:
            words = tr("{model} was not trained to compare images. Choose another model in the options.")
            return words.format(model=contract.title)
        before, after = (self.raster(name, parameters, context) for name in (BEFORE, AFTER))
        if before.source() == after.source():
            return self.wording.sentence_for(SameImages())
        return super().fault_in(parameters, context)

    def make_ready(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Takes the rasters and plans the pictures."""
        anyway = self.parameterAsBoolean(parameters, ASK_ANYWAY, context)
        change = self._change(parameters, context)
        question = self.question_about([BEFORE, AFTER], parameters, context, change, ask_anyway=anyway)
        dates = (self.parameterAsDateTime(parameters, name, context).date() for name in DATES)
        images = question.images.dated([date.toString(Qt.DateFormat.ISODate) for date in dates])
        self.question = replace(question, images=images)

    def _change(self, parameters: Parameters, context: QgsProcessingContext) -> str:
        return CHANGES[self.parameterAsEnum(parameters, CHANGE, context)]
