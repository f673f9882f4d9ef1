# SPDX-License-Identifier: GPL-2.0-or-later
"""Offers the algorithms to QGIS."""

from __future__ import annotations

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .algorithm import RESOURCES
from .brief import BriefAlgorithm
from .caption import CaptionAlgorithm
from .caption_features import CaptionFeaturesAlgorithm
from .compare import CompareAlgorithm
from .detect import DetectAlgorithm
from .evaluate import EvaluateAlgorithm
from .scan import ScanAlgorithm
from .training_rows import TrainingRowsAlgorithm
from .wording import Wording

ALGORITHMS = (
    CaptionAlgorithm,
    CaptionFeaturesAlgorithm,
    DetectAlgorithm,
    CompareAlgorithm,
    ScanAlgorithm,
    BriefAlgorithm,
    EvaluateAlgorithm,
    TrainingRowsAlgorithm,
)


class LSpaceProvider(QgsProcessingProvider):
    """All that the dock can ask, and what needs no dock."""

    def __init__(self, wording: Wording) -> None:
        super().__init__()
        self._wording = wording

    def id(self) -> str:
        """The first part of each algorithm's id."""
        return "lspace"

    def name(self) -> str:
        """For people; the same in every language."""
        return "LSpace"

    def icon(self) -> QIcon:
        """The plugin's."""
        return QIcon(str(RESOURCES / "icon.svg"))

    def loadAlgorithms(self) -> None:
        """Called by QGIS."""
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm(self._wording))
