# SPDX-License-Identifier: GPL-2.0-or-later
"""What QGIS asks of the worker: load this model, run this task on these chips, look for these boxes again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from .chip import Chip
from .overlap import Edges
from .record import number, read_record, string_map, strings
from .remote_choice import RemoteChoice
from .tool import ToolDefinition
from .turn import Role, Turn

DETECT = "detect"
"""The task of a request that looks for targets: each target names the contract's task itself."""


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
    """``auto``, ``float32`` or ``bfloat16``; on a CPU also ``q8`` or ``q4``, the fast engine's."""
    threads: int | None = None
    """CPU threads; None leaves room for the GUI."""
    offline: bool = False
    endpoint: str | None = None
    """Base URL of the hub or of a mirror; None is the hub's own."""
    cache_dir: str | None = None
    """Where downloads are kept; None is ``lspace`` inside the hub library's own folder."""
    memory_limit_mb: int | None = None
    """Megabytes that the worker may take: of the card's memory on CUDA, else of the main memory."""
    remote: RemoteChoice | None = None
    """The server that answers in place of this computer; all else then says nothing."""

    def to_payload(self) -> dict[str, Any]:
        """The choice as JSON-ready values, without the login of a server."""
        return {**asdict(self), "remote": self.remote and self.remote.to_payload()}

    @classmethod
    def from_payload(cls, payload: Any) -> ModelChoice:
        """Reads what ``to_payload`` wrote; RequestError for anything else."""
        return read_record(cls, payload, {"remote": _read_remote})


@dataclass(frozen=True)
class RunRequest:
    """One run: a task on the images of one place."""

    task: str
    """A task's name in the model's contract, or ``DETECT``."""
    chips: tuple[Chip, ...]
    """The images of the place in the prompt's order, the earlier first; boxes are placed on the last."""
    output_crs_wkt: str
    """CRS of the detections, WKT2."""
    targets: tuple[str, ...] = ()
    """For tasks that look for something: target names of the contract, or own words."""
    clip_wkt: str | None = None
    """Polygon in the output CRS to which detections are cut; None leaves them whole."""
    max_new_tokens: int | None = None
    """Tokens a completion may have; None takes the contract's budget."""
    question: str = ""
    """The user's own, for a task that takes one."""
    wordings: dict[str, str] = field(default_factory=dict)
    """The user's own text for prompts, by task; the others have the trained one."""
    ask_anyway: bool = False
    """Whether boxes are asked for even where the report before them denies that there is anything."""
    keep_form: bool = True
    """Whether lists of boxes are held to the trained form while they are written."""
    together: bool = True
    """Whether prompts that do not wait for each other are answered side by side: faster, in more memory."""

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
        return read_record(cls, payload, {"chips": _read_chips, "targets": strings, "wordings": string_map})


@dataclass(frozen=True)
class BatchRequest:
    """Runs on several places, to be answered side by side."""

    runs: tuple[RunRequest, ...]
    """At least one."""

    def to_payload(self) -> dict[str, Any]:
        """The request as JSON-ready values."""
        return {"runs": [run.to_payload() for run in self.runs]}

    @classmethod
    def from_payload(cls, payload: Any) -> BatchRequest:
        """Reads what ``to_payload`` wrote; RequestError for anything else."""
        return read_record(cls, payload, {"runs": _read_runs})


@dataclass(frozen=True)
class ConverseRequest:
    """Goes on with a conversation: what the model says next."""

    turns: tuple[Turn, ...]
    """The oldest first, the last of them the user's or a tool's."""
    chips: tuple[Chip, ...] = ()
    """What it is about; shown before the text of the user's first turn."""
    tools: tuple[ToolDefinition, ...] = ()
    """Those that the model may call."""
    system: str | None = None
    """Said before all turns; None takes what the contract says."""
    max_new_tokens: int | None = None
    """Tokens an answer may have; None takes the contract's budget."""

    def to_payload(self) -> dict[str, Any]:
        """The request as JSON-ready values."""
        return {
            **self.__dict__,
            "turns": [turn.to_payload() for turn in self.turns],
            "chips": [chip.to_payload() for chip in self.chips],
            "tools": [tool.to_payload() for tool in self.tools],
        }

    @classmethod
    def from_payload(cls, payload: Any) -> ConverseRequest:
        """Reads what ``to_payload`` wrote; RequestError for anything else."""
        return read_record(cls, payload, {"turns": _read_turns, "chips": _chips, "tools": _read_tools})


@dataclass(frozen=True)
class AgreementRequest:
    """Asks a run's box prompts again about altered images, to see which boxes come again."""

    request: RunRequest
    boxes: tuple[tuple[str, Edges], ...]
    """Labels, as the model writes them or in the contract's words, and edges on the last chip."""

    def to_payload(self) -> dict[str, Any]:
        """The request as JSON-ready values."""
        return {
            "request": self.request.to_payload(),
            "boxes": [[label, *edges] for label, edges in self.boxes],
        }

    @classmethod
    def from_payload(cls, payload: Any) -> AgreementRequest:
        """Reads what ``to_payload`` wrote; RequestError for anything else."""
        return read_record(cls, payload, {"request": RunRequest.from_payload, "boxes": _read_boxes})


@dataclass(frozen=True)
class MergeRequest:
    """Asks which proposals of a scan are the same thing, seen on two chips; needs no model."""

    package: str
    """Path of the scan's GeoPackage."""
    iou: float = 0.5
    """Area of the overlap over that of the union, from which on two are the same."""
    containment: float = 0.8
    """Area of the overlap over that of the smaller, from which on two are the same."""

    def to_payload(self) -> dict[str, Any]:
        """The request as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_payload(cls, payload: Any) -> MergeRequest:
        """Reads what ``to_payload`` wrote; RequestError for anything else."""
        return read_record(cls, payload)


def _read_remote(payload: Any) -> RemoteChoice | None:
    return None if payload is None else RemoteChoice.from_payload(payload)


def _read_runs(payloads: Any) -> tuple[RunRequest, ...]:
    if not isinstance(payloads, list) or not payloads:
        raise ValueError("at least one run is needed")
    return tuple(RunRequest.from_payload(payload) for payload in payloads)


def _read_chips(payloads: Any) -> tuple[Chip, ...]:
    if not isinstance(payloads, list) or not payloads:
        raise ValueError("at least one chip is needed")
    return _chips(payloads)


def _chips(payloads: Any) -> tuple[Chip, ...]:
    return tuple(Chip.from_payload(payload) for payload in _listed(payloads))


def _read_turns(payloads: Any) -> tuple[Turn, ...]:
    turns = tuple(Turn.from_payload(payload) for payload in _listed(payloads))
    if not turns or turns[0].role is not Role.USER or turns[-1].role is Role.ASSISTANT:
        raise ValueError("a conversation begins with the user, and ends with the user or a tool")
    return turns


def _read_tools(payloads: Any) -> tuple[ToolDefinition, ...]:
    return tuple(ToolDefinition.from_payload(payload) for payload in _listed(payloads))


def _listed(payloads: Any) -> list[Any]:
    if not isinstance(payloads, list):
        raise TypeError("has to be a list")
    return payloads


def _read_boxes(payloads: Any) -> tuple[tuple[str, Edges], ...]:
    if not isinstance(payloads, list):
        raise TypeError("has to be a list of boxes")
    return tuple(_read_box(payload) for payload in payloads)


def _read_box(payload: Any) -> tuple[str, Edges]:
    if not isinstance(payload, list) or len(payload) != 5 or not isinstance(payload[0], str):
        raise TypeError("a box is a label and four numbers")
    left, top, right, bottom = (number(value) for value in payload[1:])
    if not (left <= right and top <= bottom):
        raise ValueError("a box is left, top, right, bottom, in this order")
    return payload[0], (left, top, right, bottom)
