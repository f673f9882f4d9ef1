# SPDX-License-Identifier: GPL-2.0-or-later
"""An evaluation as Markdown, for a model card and for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .edge_errors import MATCHED_FROM_IOU, MULTIPLES
from .trivial import PARTIAL_BELOW

_TRIVIAL = ("model", "full_frame", "prior_box")
_CAPTIONS = {
    "model": "model",
    "majority_class": "always the majority class",
    "mean_shares": "always the mean shares",
    "trained": "the trained caption itself",
}


def markdown(evaluation: dict[str, Any]) -> str:
    """All tables of an evaluation; a dash stands for what the answers do not tell."""
    parts = [_head(evaluation)]
    if evaluation["labels"]:
        parts += [_detection(evaluation["labels"]), _trivial(evaluation["labels"])]
        parts += [_calibration(evaluation["calibration"]), _edges(evaluation["edges"])]
    if evaluation["captions"]:
        parts += [_captions(evaluation["captions"])]
    parts += [_answers(evaluation["answers"]), _timing(evaluation["timing"])]
    return "\n\n".join(parts) + "\n"


def _head(evaluation: dict[str, Any]) -> str:
    model = evaluation["model"]
    facts = [f"{model['name']} ({model['revision']}), contract {evaluation['contract']}"]
    facts += [f"{evaluation['questions']} questions, on {model['device']} in {model['precision']}"]
    facts += ["random weights, never trained"] if model["random_weights"] else []
    rows = [
        f"- `{entry['file']}`: {entry['rows']} rows, sha256 `{entry['sha256']}`"
        for entry in evaluation["rows"]
    ]
    return "\n".join(["## Evaluation", "", "; ".join(facts) + ".", "", *rows])


def _detection(labels: dict[str, Any]) -> str:
    head = ["label", "chips", "true boxes", "proposals", "empty chips", "of these with a proposal"]
    measures = ("precision", "recall", "f1", "average_precision")
    shown = ("precision", "recall", "F1", "AP")
    first = next(iter(labels.values()))["all"]["model"]
    overlaps = [key for key in first if key.startswith("iou_")]
    head += [f"{name} @{key[4:]}" for key in overlaps for name in shown]
    rows = []
    for label, both in labels.items():
        figures = both["all"]
        empty = figures["chips"] - figures["chips_with_truth"]
        counts = (figures["chips"], figures["truth"], figures["proposals"], empty)
        quality = [figures["model"][key][measure] for key in overlaps for measure in measures]
        rows.append([label, *counts, figures["chips_with_false_alarm"], *map(_number, quality)])
    return _titled("Boxes", _table(head, rows))


def _trivial(labels: dict[str, Any]) -> str:
    names = ("model", "full frame", "prior box")
    head = ["label", "chips with truth"]
    head += [f"best IoU of the largest, {name}" for name in names]
    head += [f"best IoU of every, {name}" for name in names]
    head += [f"F1 @0.5, {name}" for name in names]
    rows = []
    for label, both in labels.items():
        for kind, figures in both.items():
            answers = [figures[name] or {} for name in _TRIVIAL]
            best = [answer.get("mean_best_iou", {}) for answer in answers]
            values = [one.get("largest") for one in best] + [one.get("every") for one in best]
            values += [answer.get("iou_0.5", {}).get("f1") for answer in answers]
            words = label if kind == "all" else f"{label}, partial"
            rows.append([words, figures["chips_with_truth"], *map(_number, values)])
    note = f"Partial: only chips whose largest true box has an IoU with the full frame below {PARTIAL_BELOW}."
    return _titled("Beside trivial answers", f"{note}\n\n{_table(head, rows)}")


def _calibration(calibration: dict[str, Any]) -> str:
    head = [
        "right at IoU",
        "scored proposals",
        "mean score",
        "share right",
        "ECE, equal mass",
        "ECE, equal width",
    ]
    rows = [
        [
            key[4:],
            figures["proposals"],
            _number(figures["mean_score"]),
            _number(figures["share_right"]),
            _number(figures["equal_mass"]["error"]),
            _number(figures["equal_width"]["error"]),
        ]
        for key, figures in calibration.items()
    ]
    return _titled("Scores", _table(head, rows))


def _edges(edges: dict[str, Any]) -> str:
    head = ["label", "edges", "standard deviation", "error", "within 1", "within 2", "rank correlation"]
    rows = []
    for label, figures in edges.items():
        within = figures["within"] or [None] * len(MULTIPLES)
        shares = [within[MULTIPLES.index(multiple)] for multiple in (1.0, 2.0)]
        sizes = [_number(figures[key], 1) for key in ("spread", "error")]
        rest = [*map(_number, shares), _number(figures["rank_correlation"])]
        rows.append([label, figures["edges"], *sizes, *rest])
    note = (
        f"Edges of the boxes matched at IoU {MATCHED_FROM_IOU}: root mean squares of the standard deviations "
        "that the model gives and of the errors, points of the chip's side; shares of errors within one and "
        "two standard deviations (a normal distribution has 0.683 and 0.954)."
    )
    return _titled("Edges", f"{note}\n\n{_table(head, rows)}")


def _captions(captions: dict[str, Any]) -> str:
    rows = [
        [words, _number(captions[key]["share_error"], 1), _number(captions[key]["dominant_right"])]
        for key, words in _CAPTIONS.items()
    ]
    table = _table(["caption", "mean share error (points)", "dominant class right"], rows)
    note = f"{captions['captions']} captions, {captions['with_known_shares']} with known shares; "
    return _titled("Captions", f"{note}unreadable: {_number(captions['unreadable'])}.\n\n{table}")


def _answers(answers: dict[str, Any]) -> str:
    head = ["answers", "number", "malformed", "repeated", "empty list, right", "empty list, wrong"]
    keys = ("malformed", "repeated", "empty_right", "empty_wrong")
    rows = [
        [kind, figures["answers"], *(_number(figures.get(key)) for key in keys)]
        for kind, figures in answers.items()
    ]
    return _titled("Form of the answers (shares of their number)", _table(head, rows))


def _timing(timing: dict[str, Any]) -> str:
    seconds = _number(timing["median_seconds_per_answer"])
    return f"Median time of an answer, in batches of {timing['batch']}: {seconds} s."


def _titled(title: str, body: str) -> str:
    return f"### {title}\n\n{body}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
