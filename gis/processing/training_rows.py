# SPDX-License-Identifier: GPL-2.0-or-later
"""Reviewed proposals as rows of training data, in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterMultipleLayers,
)

from ...model_backend.contract import load_contracts
from ..errors import TargetNotWritable
from .algorithm import LSpaceAlgorithm, Parameters, Results
from .translation import tr

if TYPE_CHECKING:
    from ...model_backend.chip import Chip
    from ..provenance import ChipRecord
    from ..saving.training_rows import RowBatch

INPUTS, CHIPS, CONTRACT, EMPTY, OUTPUT, ROWS = "INPUTS", "CHIPS", "CONTRACT", "EMPTY", "OUTPUT", "ROWS"


class TrainingRowsAlgorithm(LSpaceAlgorithm):
    """``lspace:trainingrows``; it asks no model."""

    batch: RowBatch

    def name(self) -> str:
        """Part of the id."""
        return "trainingrows"

    def displayName(self) -> str:
        """For people."""
        return tr("Training rows of reviewed proposals")

    def shortHelpString(self) -> str:
        """What it does, for people."""
        return tr(
            "Writes one row for each question about each place: its pictures, the prompt in the trained "
            "wording, and the accepted proposals as the answer. Rejected ones are kept beside it. Only "
            "questions of which every proposal is reviewed become rows. The pictures are those that the "
            "project keeps, or those in the folder that the algorithm wrote which made the proposals. Rows "
            "of an earlier time in the folder stay."
        )

    def tags(self) -> list[str]:
        """Words to find it by."""
        return tr("training,fine-tuning,dataset,review,jsonl").split(",")

    def declare(self) -> None:
        """Adds parameters and outputs."""
        polygons = QgsProcessing.SourceType.TypeVectorPolygon
        layers = QgsProcessingParameterMultipleLayers(INPUTS, tr("Reviewed proposals"), polygons)
        self.addParameter(layers)
        folder = QgsProcessingParameterFile.Behavior.Folder
        pictures = QgsProcessingParameterFile(CHIPS, tr("Folder with the pictures"), folder, optional=True)
        self.addParameter(pictures)
        contracts = QgsProcessingParameterEnum(
            CONTRACT,
            tr("For a model of the kind"),
            [name for name, contract in load_contracts().items() if contract.targets],
            defaultValue="lspace",
            usesStaticStrings=True,
        )
        self.addParameter(contracts)
        empty = tr("Also questions whose right answer is none")
        self.addParameter(QgsProcessingParameterBoolean(EMPTY, empty, defaultValue=False))
        self.addParameter(QgsProcessingParameterFolderDestination(OUTPUT, tr("Folder for the rows")))
        self.addOutput(QgsProcessingOutputNumber(ROWS, tr("Number of rows")))

    def make_ready(self, parameters: Parameters, context: QgsProcessingContext) -> None:
        """Collects the rows, which takes the layers and the project."""
        from ..saving.training_rows import collect_rows
        from .proposal_layer import with_record

        layers = map(with_record, self.parameterAsLayerList(parameters, INPUTS, context))
        contract = load_contracts()[self.parameterAsEnumString(parameters, CONTRACT, context)]
        is_empty_wanted = self.parameterAsBoolean(parameters, EMPTY, context)
        with _pictures(self.parameterAsString(parameters, CHIPS, context)) as picture_of:
            self.batch = collect_rows(layers, contract, picture_of, empty=is_empty_wanted)

    def carry_out(
        self, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Results:
        """Writes them."""
        sentences = self.wording.counts_sentences(self.batch.counts)
        if not self.batch.entries:
            raise QgsProcessingException(" ".join(sentences))
        folder = Path(self.parameterAsString(parameters, OUTPUT, context))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TargetNotWritable(str(error), path=str(folder)) from error
        written = self.batch.write(folder, feedback.isCanceled)
        for sentence in sentences:
            feedback.pushInfo(sentence)
        if written.replaced:
            feedback.pushInfo(tr("Older rows replaced: {count}.").format(count=written.replaced))
        return {OUTPUT: str(folder), ROWS: written.counts.rows}


@contextmanager
def _pictures(folder: str) -> Iterator[Callable[[ChipRecord], Chip | None]]:
    """Finds the pictures that the project keeps, then those of the folder."""
    from ..runs.chip_store import ChipStore
    from ..runs.conversation import Conversation
    from .chip_folder import ChipFolder

    conversation = Conversation()
    store, kept = ChipStore(conversation, conversation), ChipFolder(Path(folder))
    try:
        yield lambda record: store.chip(record) or (kept.chip(record) if folder else None)
    finally:
        conversation.deleteLater()
