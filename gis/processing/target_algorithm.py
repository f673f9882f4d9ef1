# SPDX-License-Identifier: GPL-2.0-or-later
"""What the algorithms share that look for something."""

from __future__ import annotations

from qgis.core import QgsProcessingContext, QgsProcessingParameterEnum, QgsProcessingParameterString

from ...model_backend.contract import load_contracts
from .algorithm import Parameters
from .raster_algorithm import RasterAlgorithm
from .translation import tr

TARGETS, OWN_WORDS = "TARGETS", "OWN_WORDS"
DEFAULT_TARGET = "vessel candidate"


class TargetAlgorithm(RasterAlgorithm):
    """Looks for trained targets, or for what own words say."""

    def add_target_parameters(self) -> None:
        """What is looked for."""
        targets = QgsProcessingParameterEnum(
            TARGETS,
            tr("Look for"),
            trained_targets(),
            allowMultiple=True,
            defaultValue=[DEFAULT_TARGET],
            optional=True,
            usesStaticStrings=True,
        )
        self.addParameter(targets)
        own = QgsProcessingParameterString(OWN_WORDS, tr("Own words, with commas between"), optional=True)
        self.addParameter(own)

    def fault_in(self, parameters: Parameters, context: QgsProcessingContext) -> str:
        """What is wrong with the parameters, a sentence, or nothing."""
        contract, wanted = self.contract_of(parameters, context), self.wanted(parameters, context)
        if not wanted:
            return tr("There is nothing to look for: choose something, or write words of your own.")
        unknown = [target for target in wanted if contract.target(target) is None]
        if unknown and not any(task.own_words for task in contract.tasks.values()):
            known = ", ".join(target.name for target in contract.targets)
            words = tr("{model} does not know {unknown}. It knows: {known}.")
            return words.format(model=contract.title, unknown=", ".join(unknown), known=known)
        return super().fault_in(parameters, context)

    def wanted(self, parameters: Parameters, context: QgsProcessingContext) -> tuple[str, ...]:
        """The targets, each once."""
        is_none = parameters.get(TARGETS) in ([], "")  # which QGIS takes for the default
        chosen = [] if is_none else self.parameterAsEnumStrings(parameters, TARGETS, context)
        own = self.parameterAsString(parameters, OWN_WORDS, context).split(",")
        return tuple(dict.fromkeys([*chosen, *(words.strip() for words in own if words.strip())]))


def trained_targets() -> list[str]:
    """What any model of ours was trained to look for, each once."""
    contracts = load_contracts().values()
    return list(dict.fromkeys(target.name for contract in contracts for target in contract.targets))
