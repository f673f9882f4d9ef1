# SPDX-License-Identifier: GPL-2.0-or-later
"""What limits the worth of a report: each caveat is there because of something in its facts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import combinations

from ...model_backend.chip import ChipKind
from ...model_backend.contract import EMBEDDED_MODEL, load_contracts
from ..imaging.advice import SCALE_TOLERANCE
from ..imaging.chip_note import MOSTLY_EMPTY_SHARE
from ..layers import Status
from ..runs.run_progress import RunOutcome
from .report import Area, Observation, Report
from .reported_proposal import count_overlapping

_THRESHOLD_TASKS = {"vessels", "wildfire", "flood", "transition"}
_OVERCLAIM = re.compile(
    r"\b(confirm\w*|prov(?:es?|ed|en)|proof|certain(?:ly)?|undoubtedly|definitely|illegal\w*|smuggl\w*)\b",
    re.I,
)
"""After the claim guard and the language rules of NU:TONIC (nutonic.md 2.3 and 2.5)."""


class CaveatKind(Enum):
    """What kind of limit it is."""

    RANDOM_MODEL = "random model"
    DEMONSTRATION_MODEL = "demonstration model"
    OPTICAL_ONLY = "optical only"
    CLOUD_UNKNOWN = "cloud unknown"
    OFF_SCALE = "off scale"
    SCALE_UNKNOWN = "scale unknown"
    AS_SHOWN = "as shown"
    MOSTLY_EMPTY = "mostly empty"
    DATE_UNKNOWN = "date unknown"
    LEARNED_FROM_INDICES = "learned from indices"
    WORDING_UNTRAINED = "wording untrained"
    ANSWER_CUT = "answer cut"
    RUN_BROKEN = "run broken"
    OVERCLAIM = "overclaim"
    BOXES = "boxes"
    OVERLAPPING = "overlapping"
    SCORES = "scores"
    SCORE_MISSING = "score missing"
    SUPPORT_MISSING = "support missing"
    PENDING = "pending"
    NO_RECORD = "no record"
    AREAS_APART = "areas apart"


@dataclass(frozen=True)
class Caveat:
    """A limit, and the numbers and names that it is about."""

    kind: CaveatKind
    values: Mapping[str, object] = field(default_factory=dict)


def caveats_of(report: Report) -> tuple[Caveat, ...]:
    """The limits that hold for this report, what is worst first."""
    found = [*_of_models(report), *_of_pictures(report.observations), *_of_answers(report)]
    return (*found, *_of_boxes(report), *_of_records(report))


def overclaims(text: str) -> tuple[str, ...]:
    """The words in a model's text that claim more than a model can know, each once."""
    return tuple(dict.fromkeys(match.lower() for match in _OVERCLAIM.findall(text)))


def _of_models(report: Report) -> Iterable[Caveat]:
    random = {run.model for run in report.runs if run.random_weights}
    demonstration = {run.model for run in report.runs if run.model == EMBEDDED_MODEL.name}
    trained = load_contracts()["lspace"].hub_id
    for kind, models in (
        (CaveatKind.RANDOM_MODEL, random),
        (CaveatKind.DEMONSTRATION_MODEL, demonstration - random),
    ):
        if models:
            yield Caveat(kind, {"models": ", ".join(sorted(models))})
    if any(run.model == trained and run.task in _THRESHOLD_TASKS for run in report.runs):
        yield Caveat(CaveatKind.LEARNED_FROM_INDICES, {"models": trained})


def _of_pictures(observations: tuple[Observation, ...]) -> Iterable[Caveat]:
    if not observations:
        return
    yield Caveat(CaveatKind.OPTICAL_ONLY)
    yield Caveat(CaveatKind.CLOUD_UNKNOWN)
    counted = {
        CaveatKind.OFF_SCALE: sum(map(is_off_scale, observations)),
        CaveatKind.SCALE_UNKNOWN: sum(each.scale is None for each in observations),
        CaveatKind.AS_SHOWN: sum(each.chip.kind == ChipKind.AS_SHOWN.value for each in observations),
        CaveatKind.MOSTLY_EMPTY: sum(is_mostly_empty(each) for each in observations),
        CaveatKind.DATE_UNKNOWN: sum(not each.chip.date for each in observations),
    }
    yield from (
        Caveat(kind, {"count": count, "total": len(observations)}) for kind, count in counted.items() if count
    )


def is_off_scale(observation: Observation) -> bool:
    """Whether the picture is much finer or coarser than those of the model's training."""
    scale = observation.scale
    return scale is not None and not 1 / SCALE_TOLERANCE <= scale <= SCALE_TOLERANCE


def is_mostly_empty(observation: Observation) -> bool:
    """Whether less of the picture shows data than not."""
    return observation.chip.valid_share < MOSTLY_EMPTY_SHARE


def _of_answers(report: Report) -> Iterable[Caveat]:
    answers, broken = report.answers, (RunOutcome.CANCELLED, RunOutcome.FAILED, RunOutcome.CRASHED)
    counted = {
        CaveatKind.WORDING_UNTRAINED: (sum(not each.trained for each in answers), len(answers)),
        CaveatKind.ANSWER_CUT: (sum(not each.finished for each in answers), len(answers)),
        CaveatKind.RUN_BROKEN: (
            sum(each.outcome in broken for each in report.exchanges),
            len(report.exchanges),
        ),
    }
    yield from (
        Caveat(kind, {"count": count, "total": total}) for kind, (count, total) in counted.items() if count
    )
    words = dict.fromkeys(word for each in answers if not each.has_boxes for word in overclaims(each.text))
    if words:
        yield Caveat(CaveatKind.OVERCLAIM, {"words": tuple(words)})


def _of_boxes(report: Report) -> Iterable[Caveat]:
    if not report.proposals:
        return
    yield Caveat(CaveatKind.BOXES)
    overlapping = sum(count_overlapping(finding.of(Status.ACCEPTED)) for finding in report.findings)
    kept = [each.row for each in report.proposals if each.row.status is not Status.REJECTED]
    unscored = sum(row.score is None for row in kept)
    counted = {
        CaveatKind.OVERLAPPING: (overlapping, len(report.of(Status.ACCEPTED))),
        CaveatKind.SCORES: (len(kept) - unscored, len(kept)),
        CaveatKind.SCORE_MISSING: (unscored, len(kept)),
        CaveatKind.SUPPORT_MISSING: (sum(row.support is None for row in kept), len(kept)),
        CaveatKind.PENDING: (len(report.of(Status.PENDING)), len(report.proposals)),
    }
    yield from (
        Caveat(kind, {"count": count, "total": total}) for kind, (count, total) in counted.items() if count
    )


def _of_records(report: Report) -> Iterable[Caveat]:
    unrecorded = tuple(layer.name for layer in report.layers if layer.run_id is None)
    if unrecorded:
        yield Caveat(CaveatKind.NO_RECORD, {"layers": unrecorded})
    if _are_apart(report.areas):
        yield Caveat(CaveatKind.AREAS_APART, {"count": len(report.areas)})


def _are_apart(areas: tuple[Area, ...]) -> bool:
    """Whether two of the areas do not touch, as far as their places are known."""
    outlines = [area.outline for area in areas if area.outline is not None]
    return any(not one.intersects(other) for one, other in combinations(outlines, 2))
