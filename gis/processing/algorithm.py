# SPDX-License-Identifier: GPL-2.0-or-later
"""What all our algorithms share: where they stand, and how they tell what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
)
from qgis.PyQt.QtGui import QIcon

from ..errors import PluginError, RunCancelled
from .translation import tr
from .wording import Wording

Parameters = dict[str, Any]
Results = dict[str, Any]
Layer = TypeVar("Layer")
RESOURCES = Path(__file__).resolve().parents[2] / "resources"


class LSpaceAlgorithm(QgsProcessingAlgorithm):
    """Prepares in the main thread, where the project is; the rest is done in any."""

    def __init__(self, wording: Wording) -> None:
        super().__init__()
        self.wording = wording

    def createInstance(self) -> LSpaceAlgorithm:
        """A fresh one: each run has its own."""
        return type(self)(self.wording)

    def icon(self) -> QIcon:
        """The plugin's."""
        return QIcon(str(RESOURCES / "icon.svg"))

    def initAlgorithm(self, configuration: dict | None = None) -> None:  # noqa: ARG002
        """Called by QGIS; there is nothing to configure."""
        self.declare()

    def prepareAlgorithm(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,  # noqa: ARG002
    ) -> bool:
        """Called by QGIS in the main thread."""
        with self._told_plainly():
            self.make_ready(parameters, context)
        return True

    def processAlgorithm(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Results:
        """Called by QGIS in a thread of its choice."""
        with self._told_plainly():
            try:
                return self.carry_out(parameters, context, feedback)
            except RunCancelled:
                return {}

    def declare(self) -> None:
        """Adds parameters and outputs; the algorithm's own part."""
        raise NotImplementedError

    def make_ready(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Takes what is needed from layers and the project; the algorithm's own part."""

    def carry_out(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Results:
        """The work, which touches neither; the algorithm's own part."""
        raise NotImplementedError

    def add_advanced(self, parameter: QgsProcessingParameterDefinition) -> bool:
        """Adds a parameter that is folded away; whether QGIS took it."""
        parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
        return self.addParameter(parameter)

    @contextmanager
    def _told_plainly(self) -> Iterator[None]:
        try:
            yield
        except PluginError as error:
            raise QgsProcessingException(self.wording.sentence_for(error)) from error


def opened(layer: Layer | None, what: str) -> Layer:
    """The layer; QgsProcessingException where there is none."""
    if layer is None:
        raise QgsProcessingException(tr("{what} cannot be opened, or none is chosen.").format(what=what))
    return layer
