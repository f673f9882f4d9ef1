# SPDX-License-Identifier: GPL-2.0-or-later
"""The pictures that the model was shown, in a folder: training rows need them later."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...model_backend.chip import Chip
from ..errors import TargetNotWritable
from ..imaging.chip import make_chip_id
from ..provenance import ChipRecord
from ..runs.chip_store import chip_of


@dataclass(frozen=True)
class ChipFolder:
    """One PNG a chip, by its id."""

    folder: Path

    def keep(self, chip: Chip) -> None:
        """Writes the picture; TargetNotWritable where that is not possible."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._path(chip.chip_id).write_bytes(chip.png)
        except OSError as error:
            raise TargetNotWritable(str(error), path=str(self.folder)) from error

    def chip(self, record: ChipRecord) -> Chip | None:
        """The chip with its pixels; None where they are not there, or are not those of the record."""
        try:
            chip = chip_of(record, self._path(record.chip_id).read_bytes())
        except OSError:
            return None
        return chip if chip and make_chip_id(chip.png, chip.transform) == chip.chip_id else None

    def _path(self, chip_id: str) -> Path:
        return self.folder / f"{Path(chip_id).name}.png"
