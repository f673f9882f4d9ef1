# SPDX-License-Identifier: GPL-2.0-or-later
"""The limits of a report in sentences."""

from __future__ import annotations

from ...gis.reporting.caveats import Caveat, CaveatKind
from ..words import tr


def caveat_words(caveat: Caveat) -> str:
    """What the limit means for who reads the report."""
    values = {name: _listed(value) for name, value in caveat.values.items()}
    return _templates()[caveat.kind].format(**values)


def _listed(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value


def _templates() -> dict[CaveatKind, str]:
    return {**_of_models(), **_of_pictures(), **_of_answers(), **_of_boxes(), **_of_records()}


def _of_models() -> dict[CaveatKind, str]:
    return {
        CaveatKind.RANDOM_MODEL: tr("The model {models} was never trained: its answers are noise."),
        CaveatKind.DEMONSTRATION_MODEL: tr(
            "{models} is a small model for demonstration and tests, not for analysis."
        ),
        CaveatKind.LEARNED_FROM_INDICES: tr(
            "{models} learned vessels, burn scars, inundation and land change from thresholds on spectral "
            "indices, not from checked cases: its proposals are signals that require corroboration."
        ),
    }


def _of_pictures() -> dict[CaveatKind, str]:
    return {
        CaveatKind.OPTICAL_ONLY: tr(
            "Optical imagery only. Nothing was observed through cloud, at night or by radar."
        ),
        CaveatKind.CLOUD_UNKNOWN: tr(
            "Cloud, haze, shadow and glint were not measured; where they cover the ground, observation is "
            "insufficient, and a missing proposal means nothing."
        ),
        CaveatKind.OFF_SCALE: tr(
            "{count} of {total} pictures are much finer or coarser than those that the model was trained on."
        ),
        CaveatKind.SCALE_UNKNOWN: tr(
            "For {count} of {total} pictures it is not known at which scale the model was trained."
        ),
        CaveatKind.AS_SHOWN: tr(
            "{count} of {total} pictures were taken as the map showed them: their colours and contrast are "
            "those of the map's styles, not those of the training."
        ),
        CaveatKind.MOSTLY_EMPTY: tr(
            "{count} of {total} pictures show data on less than half of their ground; the rest was not "
            "observed."
        ),
        CaveatKind.DATE_UNKNOWN: tr("The date of {count} of {total} pictures is not known."),
    }


def _of_answers() -> dict[CaveatKind, str]:
    return {
        CaveatKind.WORDING_UNTRAINED: tr(
            "{count} of {total} prompts were not in the trained wording: expect less of their answers."
        ),
        CaveatKind.ANSWER_CUT: tr("{count} of {total} answers broke off: there may be more."),
        CaveatKind.RUN_BROKEN: tr("{count} of {total} runs did not come to their end."),
        CaveatKind.OVERCLAIM: tr(
            "The model's text says more than a model can know ({words}). Nothing in this report confirms it."
        ),
    }


def _of_boxes() -> dict[CaveatKind, str]:
    return {
        CaveatKind.BOXES: tr(
            "Proposals are boxes: the area of a box is not the area of the thing in it, and the thing may be "
            "smaller. Accepted means that a reviewer agreed with a box, not that it was checked on "
            "the ground."
        ),
        CaveatKind.OVERLAPPING: tr(
            "{count} of {total} accepted proposals overlap another one with the same label: the sums count "
            "the shared ground more than once."
        ),
        CaveatKind.SCORES: tr(
            "Scores are the model's own token probabilities ({count} of {total} proposals have one); they "
            "are not the chance that a proposal is right."
        ),
        CaveatKind.SCORE_MISSING: tr("{count} of {total} proposals have no score: the model gave none."),
        CaveatKind.SUPPORT_MISSING: tr(
            "For {count} of {total} proposals no independent evidence was measured."
        ),
        CaveatKind.PENDING: tr("{count} of {total} proposals were not reviewed by anybody."),
    }


def _of_records() -> dict[CaveatKind, str]:
    return {
        CaveatKind.NO_RECORD: tr("It is not recorded which run made these layers: {layers}."),
        CaveatKind.AREAS_APART: tr(
            "The report is about {count} areas, and not all of them touch: do not read it as one place."
        ),
    }
