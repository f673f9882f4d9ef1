# SPDX-License-Identifier: GPL-2.0-or-later
"""Captions of a raster, picture by picture."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingOutputString,
    QgsProcessingParameterRasterLayer,
)

from .algorithm import Parameters
from .model_algorithm import claim_words
from .raster_algorithm import FOOTPRINTS, INPUT, OUTPUT, TEXT, RasterAlgorithm
from .translation import tr


class CaptionAlgorithm(RasterAlgorithm):
    """``lspace:caption``."""

    made = {OUTPUT: FOOTPRINTS}

    def name(self) -> str:
        """Part of the id."""
        return "caption"

    def displayName(self) -> str:
        """For people."""
        return tr("Caption a raster")

    def shortHelpString(self) -> str:
        """What it does, for people."""
        words = tr(
            "Has the model say in a sentence which land cover a picture shows. An area larger than one "
            "training-grade picture is covered by overlapping ones, 100 at the most; each outline has its "
            "caption. The outlines are in the CRS of the raster."
        )
        return f"{words}\n\n{claim_words()}"

    def tags(self) -> list[str]:
        """Words to find it by."""
        return tr("caption,describe,land cover,satellite,vision language model,ai").split(",")

    def declare(self) -> None:
        """Adds parameters and outputs."""
        self.addParameter(QgsProcessingParameterRasterLayer(INPUT, tr("Raster layer")))
        self.add_area_parameter()
        self.add_kind_parameter()
        self.add_model_parameters()
        self.add_layer_parameters()
        self.addOutput(QgsProcessingOutputString(TEXT, tr("Captions, one a line")))

    def make_ready(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Takes the raster and plans the pictures."""
        self.question = self.question_about([INPUT], parameters, context, "caption")
