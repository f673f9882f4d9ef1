# SPDX-License-Identifier: GPL-2.0-or-later
"""Proposals of what was looked for, as polygons."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingOutputNumber,
    QgsProcessingParameterRasterLayer,
)

from .algorithm import Parameters
from .model_algorithm import claim_words
from .raster_algorithm import BOXES, INPUT
from .target_algorithm import TargetAlgorithm
from .translation import tr


class DetectAlgorithm(TargetAlgorithm):
    """``lspace:detect``."""

    def name(self) -> str:
        """Part of the id."""
        return "detect"

    def displayName(self) -> str:
        """For people."""
        return tr("Propose objects and land cover")

    def shortHelpString(self) -> str:
        """What it does, for people."""
        words = tr(
            "Has the model draw boxes around what you look for. Each becomes a polygon with its label, "
            "score, area, edge uncertainty and provenance, ready for review in the dock. An area larger "
            "than one training-grade picture is covered by overlapping ones, 100 at the most; what lies in "
            "two of them is proposed twice. In a shell, name what to look for: TARGETS=water. Own words "
            "were no part of the training, and not every model takes them. Results are in the CRS of the "
            "raster."
        )
        return f"{words}\n\n{claim_words()}"

    def tags(self) -> list[str]:
        """Words to find it by."""
        return tr("detect,object detection,vessel,ship,water,land cover,satellite,ai").split(",")

    def declare(self) -> None:
        """Adds parameters and outputs."""
        self.addParameter(QgsProcessingParameterRasterLayer(INPUT, tr("Raster layer")))
        self.add_target_parameters()
        self.add_area_parameter()
        self.add_clip_parameter()
        self.add_kind_parameter()
        self.add_model_parameters()
        self.add_layer_parameters()
        self.addOutput(QgsProcessingOutputNumber(BOXES, tr("Number of proposals")))

    def make_ready(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Takes the raster and plans the pictures."""
        targets = self.wanted(parameters, context)
        self.question = self.question_about([INPUT], parameters, context, "detect", targets=targets)
