# SPDX-License-Identifier: GPL-2.0-or-later
"""An evaluation as pictures: reliability of scores and edges, precision over recall, boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ...inference.picture import read_picture
from ...overlap import Edges
from .asking import Answer, spread
from .edge_errors import MULTIPLES
from .gathering import LEAST_IOU
from .matching import Sample, average_precision, mean_best_iou, precision_recall

MOST_CHIPS = 24
_COLUMNS = 6
_TRUTH, _PROPOSED = "#39ff14", "#ff9500"
_IDEAL: dict[str, Any] = {"color": "grey", "linewidth": 1, "linestyle": ":"}
_BEHIND_TEXT = {"facecolor": "black", "alpha": 0.5, "linewidth": 0, "pad": 0.5}


def draw_reliability(calibration: dict[str, Any], path: Path) -> None:
    """Share of right proposals over their score, one panel an overlap."""
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    for axes, least in zip(figure.subplots(1, len(LEAST_IOU)), LEAST_IOU, strict=True):
        found = calibration[f"iou_{least}"]
        axes.plot([0, 1], [0, 1], label="as it should be", **_IDEAL)
        for kind, marker in (("equal_mass", "o-"), ("equal_width", "s--")):
            bins = found[kind]["bins"]
            points = [part["mean_score"] for part in bins], [part["share_right"] for part in bins]
            axes.plot(*points, marker, label=_with_error(kind, found[kind]["error"]), alpha=0.8)
        _unit_square(axes, "score", f"share right at IoU {least}")
        axes.set_title(f"{found['proposals']} scored proposals")
        axes.legend(loc="upper left", fontsize=8)
    figure.savefig(path, dpi=120)


def draw_edges(found: dict[str, Any], path: Path) -> None:
    """Errors of edges over their standard deviations, and the share of errors within multiples of these."""
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    by_size, by_share = figure.subplots(1, 2)
    largest = 1.05 * max([1.0, *(part[key] for part in found["bins"] for key in ("spread", "error"))])
    by_size.plot([0, largest], [0, largest], label="as it should be", **_IDEAL)
    for key, marker, words in (("error", "o-", "root mean square"), ("mean_error", "s--", "mean")):
        points = [part["spread"] for part in found["bins"]], [part[key] for part in found["bins"]]
        by_size.plot(*points, marker, label=words, alpha=0.8)
    by_size.set(xlim=(0, largest), ylim=(-0.02 * largest, largest), aspect="equal")
    by_size.set(xlabel="standard deviation (% of the chip's side)", ylabel="error (% of the chip's side)")
    normal = [math.erf(multiple / math.sqrt(2)) for multiple in MULTIPLES]
    by_share.plot(MULTIPLES, normal, label="normal distribution", **_IDEAL)
    by_share.plot(MULTIPLES, found["within"] or [math.nan] * len(MULTIPLES), "o-", label="found", alpha=0.8)
    by_share.set(ylim=(0, 1.02), xlabel="standard deviations", ylabel="share of errors within")
    by_size.set_title(f"{found['edges']} edges of matched boxes")
    for axes, place in ((by_size, "upper left"), (by_share, "lower right")):
        axes.legend(loc=place, fontsize=8)
    figure.savefig(path, dpi=120)


def draw_precision_recall(samples: dict[str, list[Sample]], path: Path) -> None:
    """The curve of each label, one panel an overlap; a label without scores or truth is only named."""
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    for axes, least in zip(figure.subplots(1, len(LEAST_IOU)), LEAST_IOU, strict=True):
        for label, found in samples.items():
            curve = precision_recall(found, least)
            area = average_precision(curve)
            told = f"{label}: no scores or no truth" if area is None else f"{label}: AP {area:.3f}"
            points = [[point.recall for point in curve or ()], [point.precision for point in curve or ()]]
            axes.plot(*points, ".-", label=told, alpha=0.8)
        _unit_square(axes, f"recall at IoU {least}", "precision")
        if samples:
            axes.legend(loc="upper right", fontsize=8)
        else:
            axes.set_title("no question about boxes")
    figure.savefig(path, dpi=120)


def draw_chips(answers: Sequence[Answer], path: Path) -> None:
    """At most 24 chips, spread evenly over the labels: truth solid, proposals dashed with their scores."""
    asked = [answer for answer in answers if answer.question.task.answer == "boxes"]
    asked.sort(key=lambda answer: answer.question.label)
    shown = spread(asked, MOST_CHIPS)
    rows = max(1, -(-len(shown) // _COLUMNS))
    figure = Figure(figsize=(2.3 * _COLUMNS, 2.6 * rows + 0.5), layout="constrained")
    grid = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes, answer in zip(grid, shown, strict=False):
        _draw_chip(axes, answer)
    for axes in grid[len(shown) :]:
        axes.axis("off")
    figure.suptitle(
        "green, solid: truth; orange, dashed: proposals and their scores" if shown else "no boxes asked"
    )
    figure.savefig(path, dpi=110)


def _draw_chip(axes: Axes, answer: Answer) -> None:
    question = answer.question
    picture = read_picture(question.row.images[-1], question.name)
    axes.imshow(np.asarray(picture))
    for _label, edges in question.truth:
        axes.add_patch(_rectangle(edges, picture.size, color=_TRUTH, linestyle="-"))
    for label, proposed in answer.proposed:
        axes.add_patch(_rectangle(proposed.edges, picture.size, color=_PROPOSED, linestyle="--"))
        told = [] if proposed.fits and label == question.label else [label]
        told += [] if proposed.score is None else [f"{proposed.score:.2f}"]
        corner = proposed.edges[0] * picture.width, proposed.edges[1] * picture.height
        axes.annotate(" ".join(told), corner, color=_PROPOSED, fontsize=7, va="bottom", bbox=_BEHIND_TEXT)
    axes.set(xticks=[], yticks=[])
    axes.set_xlabel(f"{question.label or 'all classes'}\n{_overlap(answer)}", fontsize=8)


def _overlap(answer: Answer) -> str:
    best = mean_best_iou(answer.samples().values()).largest
    if best is not None:
        return f"IoU {best:.2f} with the largest"
    return "none there, some proposed" if answer.proposed else "none there, none proposed"


def _rectangle(edges: Edges, size: tuple[int, int], color: str, linestyle: str) -> Rectangle:
    left, top, right, bottom = np.multiply(edges, [*size, *size]) - 0.5  # pixel centres are whole numbers
    return Rectangle(
        (left, top),
        right - left,
        bottom - top,
        fill=False,
        edgecolor=color,
        linestyle=linestyle,
        linewidth=1.2,
    )


def _with_error(kind: str, error: float | None) -> str:
    words = f"bins of {kind.replace('_', ' ')}"
    return f"{words}: no scores" if error is None else f"{words}: ECE {error:.3f}"


def _unit_square(axes: Axes, x: str, y: str) -> None:
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=x, ylabel=y, aspect="equal")
