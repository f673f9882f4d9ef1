# SPDX-License-Identifier: GPL-2.0-or-later
"""What QGIS asks of the worker: load this model; run this task on these chips."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from .chip import Chip
from .errors import RequestError

_Record = TypeVar("_Record", "ModelChoice", "RunRequest")


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
    def from_payload(cls, payload: dict[str, Any]) -> ModelChoice:
        """Reads a payload; unknown keys are refused with RequestError."""
        return _from_payload(cls, payload)


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
    def from_payload(cls, payload: dict[str, Any]) -> RunRequest:
        """Reads a payload; unknown keys are refused with RequestError."""
        if not isinstance(payload.get("chips"), list) or not payload["chips"]:
            raise RequestError("a run needs at least one chip")
        chips = tuple(Chip.from_payload(chip) for chip in payload["chips"])
        targets = tuple(str(target) for target in payload.get("targets", ()))
        return _from_payload(cls, {**payload, "chips": chips, "targets": targets})


def _from_payload(record: type[_Record], payload: dict[str, Any]) -> _Record:
    unknown = set(payload) - {field.name for field in fields(record)}
    if unknown:
        raise RequestError(f"unknown fields of {record.__name__}: {sorted(unknown)}")
    try:
        return record(**payload)
    except TypeError as error:
        raise RequestError(str(error)) from error
