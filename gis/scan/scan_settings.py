# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scan looks for, with what and where: the same from its first chip to its last."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ...model_backend.request import RunRequest
from ..aoi import Aoi
from ..errors import RecordInvalid
from ..provenance import Run

_OF_THE_RUN = ("task", "targets", "model", "revision", "precision", "options", "output_crs_wkt")
"""Fields of a run that may not change between two sittings; the device may."""


@dataclass(frozen=True)
class ScanSettings:
    """What is to be known before the first chip."""

    run: Run
    """Without chips: those are in the table of footprints."""
    aoi: Aoi
    images: tuple[str, ...]
    """For each image of a place what tells it from others, the earlier first."""
    side_m: float
    """Of a chip."""
    overlap: float
    """Of neighbouring chips, as a share of the side."""

    def to_json(self) -> str:
        """The settings as one line of JSON."""
        aoi, run = self.aoi.to_json(), self.run.to_json()
        grid = {"side_m": self.side_m, "overlap": self.overlap}
        return json.dumps({"run": run, "aoi": aoi, "images": list(self.images), **grid})

    @classmethod
    def from_json(cls, text: str) -> ScanSettings:
        """Reads what ``to_json`` wrote.

        Raises:
            RecordInvalid: it is something else.
        """
        try:
            values = json.loads(text)
            return cls(
                run=Run.from_json(values["run"]),
                aoi=Aoi.from_json(values["aoi"]),
                images=tuple(values["images"]),
                side_m=float(values["side_m"]),
                overlap=float(values["overlap"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise RecordInvalid(str(error), record=text[:80]) from error

    @property
    def request(self) -> RunRequest:
        """What is asked about each place; without its chips."""
        run, options = self.run, self.run.options
        return RunRequest(
            task=run.task,
            chips=(),
            output_crs_wkt=run.output_crs_wkt,
            targets=run.targets,
            clip_wkt=options.get("clip_wkt"),
            question=options.get("question", ""),
            wordings=dict(options.get("wordings", {})),
        )

    def differences(self, other: ScanSettings) -> tuple[str, ...]:
        """What makes it another scan: ``aoi``, ``images``, ``side_m``, ``overlap``, or fields of the run."""
        own = ("images", "side_m", "overlap")
        names = [name for name in own if getattr(self, name) != getattr(other, name)]
        names += [name for name in _OF_THE_RUN if getattr(self.run, name) != getattr(other.run, name)]
        return tuple(["aoi"] * (self.aoi.to_json() != other.aoi.to_json()) + names)
