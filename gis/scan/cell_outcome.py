# SPDX-License-Identifier: GPL-2.0-or-later
"""What became of one chip of a scan, as rows for its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from ...model_backend.contract import Contract
from ...model_backend.proposal import Detection
from ..imaging.chip import ChipSet
from ..layers import chip_values, proposal_values, told_values
from ..provenance import ChipRecord, Run
from ..runs.run_layers import together


class CellState(Enum):
    """What became of a chip; the value is what the field ``state`` holds."""

    WAITING = "waiting"
    DONE = "done"
    EMPTY = "empty"
    """Its picture shows nothing that could be asked about."""
    FAILED = "failed"


@dataclass(frozen=True)
class CellOutcome:
    """What is to be written about one chip."""

    state: CellState
    seconds: float = 0.0
    reason: str = ""
    proposals: Sequence[tuple[bytes, Mapping[str, Any]]] = ()
    """WKB in the CRS of the results, and values by field."""
    footprint: Mapping[str, Any] | None = None
    """Values by field; its shape is the cell's."""

    @classmethod
    def answered(
        cls,
        run: Run,
        contract: Contract,
        place: ChipSet,
        detections: Sequence[tuple[Detection, str]],
        done: Mapping[str, Any],
    ) -> CellOutcome:
        """From what the worker told of a place.

        Args:
            detections: each with the prompt that it answers.
            done: the body of the ``chip_done`` message.
        """
        chips = tuple(ChipRecord.of(made.chip) for made in place.chips)
        here = replace(run, chips=chips)
        proposals = []
        for found, prompt in detections:
            named = found.labelled(contract.words_for_label(found.proposal.label))
            proposals.append((named.wkb, proposal_values(here, named, prompt)))
        footprint = {**chip_values(here, together(chips)), **told_values(done["answers"], len(proposals))}
        return cls(CellState.DONE, done["seconds"], "", proposals, footprint)


@dataclass(frozen=True)
class FailedCell:
    """A chip that could not be asked about."""

    index: int
    reason: str
    tries: int
