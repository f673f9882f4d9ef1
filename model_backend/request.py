# SPDX-License-Identifier: GPL-2.0-or-later
"""What QGIS asks of the worker: load this model; run this task on these chips."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .chip import Chip
from .record import read_record, strings


@dataclass(frozen=True)
class ModelChoice:
    """Which model to run, and on what."""

    model: str
    """A folder, or a hub id such as ``NuTonic/lspace``."""
    revision: str | None = None
    """Commit on the hub; None takes the pinned one."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda`` or ``mps``."""
    precision: str = "auto"
    """``auto``, ``float32`` or ``bfloat16``."""
    threads: int | None = None
    """CPU threads; None leaves room for the GUI."""
    offline: bool = False
    endpoint: str | None = None
    """Base URL of the hub or of a mirror; None is the hub's own."""
    cache_dir: str | None = None
    """Where downloads are kept; None is ``lspace`` inside the hub library's own folder."""

    def to_payload(self) -> dict[str, Any]:
        """The choice as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_payload(cls, payload: Any) -> ModelChoice:
        """Reads what ``to_payload`` wrote; RequestError for anything else."""
        return read_record(cls, payload)


@dataclass(frozen=True)
class RunRequest:
    """One run: a task on one or more chips of an AOI."""

    task: str
    """A task's name in the model's contract."""
    chips: tuple[Chip, ...]
    output_crs_wkt: str
    """CRS of the detections, WKT2."""
    targets: tuple[str, ...] = ()
    """For tasks that look for something: target names of the contract, or own words."""
    clip_wkt: str | None = None
    """Polygon in the output CRS to which detections are cut; None leaves them whole."""
    max_new_tokens: int | None = None
    """Tokens a completion may have; None takes the contract's budget."""

    def to_payload(self) -> dict[str, Any]:
        """The request as JSON-ready values."""
        return {
            **self.__dict__,
            "targets": list(self.targets),
            "chips": [chip.to_payload() for chip in self.chips],
        }

    @classmethod
    def from_payload(cls, payload: Any) -> RunRequest:
        """Reads what ``to_payload`` wrote; RequestError for anything else."""
        return read_record(cls, payload, {"chips": _read_chips, "targets": strings})


def _read_chips(payloads: Any) -> tuple[Chip, ...]:
    if not isinstance(payloads, list) or not payloads:
        raise ValueError("at least one chip is needed")
    return tuple(Chip.from_payload(payload) for payload in payloads)
