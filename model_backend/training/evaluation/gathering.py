# SPDX-License-Identifier: GPL-2.0-or-later
"""All figures of an evaluation, as JSON-ready values: shares in 0..1, shares of land cover in points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from ...contract import Contract
from ...inference.proposals import Outcome
from .asking import Answer
from .calibration import Bin, equal_mass, equal_width, expected_calibration_error
from .captions import CaptionSample, classes_of, dominant_right, read_shares, share_error
from .edge_errors import edge_errors, edge_figures
from .matching import Sample, average_precision, count, hits, mean_best_iou, precision_recall
from .trivial import FULL_FRAME, always, is_partial, majority_class, mean_shares, prior_box

LEAST_IOU = (0.25, 0.5)
"""Overlaps from which a proposal counts as right."""


def samples_by_label(answers: Sequence[Answer]) -> dict[str, list[Sample]]:
    """The samples of all answers to box questions, labels by name."""
    samples: dict[str, list[Sample]] = {}
    for answer in answers:
        if answer.question.task.answer == "boxes":
            for label, sample in answer.samples().items():
                samples.setdefault(label, []).append(sample)
    return dict(sorted(samples.items()))


def gather(answers: Sequence[Answer], contract: Contract) -> dict[str, Any]:
    """Labels, captions, answer forms and calibration; None stands for what the answers do not tell."""
    samples = samples_by_label(answers)
    return {
        "labels": {label: label_figures(found) for label, found in samples.items()},
        "captions": caption_figures(answers, contract),
        "answers": answer_figures(answers),
        "calibration": {f"iou_{least}": calibration_figures(*scored(samples, least)) for least in LEAST_IOU},
        "edges": spread_figures(samples),
    }


def label_figures(samples: Sequence[Sample]) -> dict[str, Any]:
    """One label's figures on all chips, and on those where it is found only by looking."""
    partial = [sample for sample in samples if is_partial(sample)]
    return {"all": _box_figures(samples), "partial": _box_figures(partial)}


def caption_figures(answers: Sequence[Answer], contract: Contract) -> dict[str, Any] | None:
    """How near the captions come; None without captions.

    ``trained`` is the row's own answer: the error that the trained wording cannot avoid.
    """
    asked = [answer for answer in answers if answer.question.task.name == "caption"]
    if not asked:
        return None
    known = [answer for answer in asked if answer.question.shares]
    truths, classes = [answer.question.shares for answer in known], classes_of(contract)

    def figures(write: Callable[[Answer], dict[str, float] | None]) -> dict[str, Any]:
        samples = [CaptionSample(answer.question.shares, write(answer) or {}) for answer in known]
        return {
            "share_error": share_error(samples, classes),
            "dominant_right": dominant_right(samples),
        }

    majority, means = majority_class(truths, classes), mean_shares(truths, classes) if truths else {}
    return {
        "captions": len(asked),
        "with_known_shares": len(known),
        "unreadable": _share(asked, lambda one: read_shares(one.completion.text, contract) is None),
        "model": figures(lambda answer: read_shares(answer.completion.text, contract)),
        "majority_class": {**figures(lambda _: majority), "shares": majority},
        "mean_shares": {**figures(lambda _: means), "shares": means},
        "trained": figures(lambda answer: read_shares(answer.question.row.answer, contract)),
    }


def answer_figures(answers: Sequence[Answer]) -> dict[str, Any]:
    """How often answers go wrong in form, by kind of answer."""
    boxes = [answer for answer in answers if answer.question.task.answer == "boxes"]
    texts = [answer for answer in answers if answer.question.task.answer == "text"]
    figures = {"boxes": _form_figures(boxes), "text": _form_figures(texts), "every": _form_figures(answers)}
    figures["boxes"] |= {
        "empty_right": _share(boxes, lambda one: _is_empty(one) and not one.question.truth),
        "empty_wrong": _share(boxes, lambda one: _is_empty(one) and bool(one.question.truth)),
        "with_truth": sum(bool(answer.question.truth) for answer in boxes),
    }
    return figures


def scored(samples: dict[str, list[Sample]], least_iou: float) -> tuple[list[float], list[bool]]:
    """The scores of all proposals that have one, and whether each was matched."""
    pairs = [
        (proposed.score, hit)
        for found in samples.values()
        for sample in found
        for proposed, hit in zip(sample.proposed, hits(sample, least_iou), strict=True)
        if proposed.score is not None
    ]
    return [score for score, _hit in pairs], [hit for _score, hit in pairs]


def calibration_figures(scores: list[float], right: list[bool]) -> dict[str, Any]:
    """Expected calibration error both ways, and the bins it comes from."""

    def figures(bins: list[Bin]) -> dict[str, Any]:
        return {"error": expected_calibration_error(bins), "bins": [asdict(part) for part in bins]}

    return {
        "proposals": len(scores),
        "mean_score": fmean(scores) if scores else None,
        "share_right": fmean(right) if right else None,
        "equal_mass": figures(equal_mass(scores, right)),
        "equal_width": figures(equal_width(scores, right)),
    }


def spread_figures(samples: dict[str, list[Sample]]) -> dict[str, Any]:
    """How far the standard deviations of edges can be trusted, label by label, then ``every`` of them."""
    edges = {label: edge_errors(found) for label, found in samples.items()}
    every = [edge for found in edges.values() for edge in found]
    return {label: edge_figures(found) for label, found in [*edges.items(), ("every", every)]}


def _box_figures(samples: Sequence[Sample]) -> dict[str, Any]:
    prior = prior_box(samples)
    empty = [sample for sample in samples if not sample.truth]
    return {
        "chips": len(samples),
        "chips_with_truth": len(samples) - len(empty),
        "chips_with_false_alarm": sum(bool(sample.proposed) for sample in empty),
        "truth": sum(len(sample.truth) for sample in samples),
        "proposals": sum(len(sample.proposed) for sample in samples),
        "proposals_of_other_labels": sum(not box.fits for sample in samples for box in sample.proposed),
        "model": _quality(samples),
        "full_frame": _quality(always(FULL_FRAME, samples)),
        "prior_box": {**_quality(always(prior, samples)), "edges": list(prior)} if prior else None,
    }


def _quality(samples: Sequence[Sample]) -> dict[str, Any]:
    return {
        **{f"iou_{least}": _quality_at(samples, least) for least in LEAST_IOU},
        "mean_best_iou": mean_best_iou(samples)._asdict(),
    }


def _quality_at(samples: Sequence[Sample], least_iou: float) -> dict[str, float | None]:
    counts = count(samples, least_iou)
    return {
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
        "average_precision": average_precision(precision_recall(samples, least_iou)),
    }


def _form_figures(answers: Sequence[Answer]) -> dict[str, Any]:
    return {
        "answers": len(answers),
        "malformed": _share(answers, lambda answer: not answer.trained_form),
        "repeated": _share(answers, lambda answer: answer.repeats),
    }


def _is_empty(answer: Answer) -> bool:
    return answer.reading.outcome is Outcome.EMPTY_LIST


def _share(answers: Sequence[Answer], holds: Callable[[Answer], bool]) -> float | None:
    return fmean(holds(answer) for answer in answers) if answers else None
