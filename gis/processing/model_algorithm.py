# SPDX-License-Identifier: GPL-2.0-or-later
"""What the algorithms share that ask the model: which model, and how its pictures are made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterString,
)

from ..errors import RuntimeNotFound
from .algorithm import LSpaceAlgorithm, Parameters
from .translation import tr

if TYPE_CHECKING:
    from ...model_backend.chip import ChipKind
    from ...model_backend.contract import Contract
    from ..settings import Settings

EXTENT, KIND, MODEL, INTERPRETER, DEVICE, PRECISION = (
    "EXTENT",
    "KIND",
    "MODEL",
    "INTERPRETER",
    "DEVICE",
    "PRECISION",
)
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16", "q8", "q4")


def claim_words() -> str:
    """What answers are worth."""
    return tr("Answers are a model's proposals, not ground truth.")


class ModelAlgorithm(LSpaceAlgorithm):
    """Asks the model that is chosen in the options, or another one."""

    def add_kind_parameter(self) -> None:
        """How the pictures are made."""
        kinds = [tr("Training grade: squares of the trained size in UTM"), tr("As the layer is shown")]
        self.addParameter(QgsProcessingParameterEnum(KIND, tr("Pictures"), kinds, defaultValue=0))

    def add_model_parameters(self) -> None:
        """What overrides the options."""
        words = tr("Model: a folder or a name on the hub; empty takes that of the options")
        self.add_advanced(QgsProcessingParameterString(MODEL, words, optional=True))
        words = tr("Python with the model's packages; empty takes that of the options")
        interpreter = QgsProcessingParameterFile(INTERPRETER, words, optional=True)
        interpreter.setFileFilter(tr("All files (*)"))  # of itself it takes only names with a dot
        self.add_advanced(interpreter)
        for name, words, options in (
            (DEVICE, tr("Device; empty takes that of the options"), DEVICES),
            (PRECISION, tr("Precision; empty takes that of the options"), PRECISIONS),
        ):
            self.add_advanced(
                QgsProcessingParameterEnum(name, words, options, optional=True, usesStaticStrings=True)
            )

    def checkParameterValues(self, parameters: Parameters, context: QgsProcessingContext) -> tuple[bool, str]:
        """Called by QGIS before a run: whether it makes sense, and a sentence if not."""
        is_right, words = super().checkParameterValues(parameters, context)
        if is_right:
            words = self.fault_in(parameters, context)
        return not words, words

    def fault_in(self, parameters: Parameters, context: QgsProcessingContext) -> str:
        """What is wrong with the parameters, a sentence, or nothing."""
        from ..interpreter import usable_interpreter

        try:
            usable_interpreter(self.settings_of(parameters, context).interpreter)
        except RuntimeNotFound as error:
            advice = tr("The parameter {name} can name one, too.").format(name=INTERPRETER)
            return f"{self.wording.sentence_for(error)} {advice}"
        return ""

    def settings_of(self, parameters: Parameters, context: QgsProcessingContext) -> Settings:
        """The user's, with what the parameters say in their place."""
        from ..settings import Settings

        given = {
            "model": self.parameterAsString(parameters, MODEL, context),
            "interpreter": self.parameterAsFile(parameters, INTERPRETER, context),
            "device": self.parameterAsEnumString(parameters, DEVICE, context),
            "precision": self.parameterAsEnumString(parameters, PRECISION, context),
        }
        settings = replace(Settings.load(), **{name: value for name, value in given.items() if value})
        return replace(settings, remote=settings.remote and not given["model"])

    def contract_of(self, parameters: Parameters, context: QgsProcessingContext) -> Contract:
        """What the model was trained for, as far as can be told unloaded."""
        return self.settings_of(parameters, context).expected_contract

    def extent_of(
        self, parameters: Parameters, context: QgsProcessingContext, crs: QgsCoordinateReferenceSystem
    ) -> QgsGeometry | None:
        """The area that was asked for, or None; with its edges bent as they should be."""
        if self.parameterAsExtent(parameters, EXTENT, context, crs).isNull():
            return None
        return self.parameterAsExtentGeometry(parameters, EXTENT, context, crs)

    def kind_of(self, parameters: Parameters, context: QgsProcessingContext) -> ChipKind:
        """How the pictures are to be made."""
        from ...model_backend.chip import ChipKind

        kinds = (ChipKind.TRAINING_GRADE, ChipKind.AS_SHOWN)
        return kinds[self.parameterAsEnum(parameters, KIND, context)]
