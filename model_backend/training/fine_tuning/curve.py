# SPDX-License-Identifier: GPL-2.0-or-later
"""How a training goes on: a line of JSON a log step, and the curve of its loss."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from transformers import TrainerCallback, TrainerState

from ...errors import RequestError

_KEPT = 0.8
"""How much of the smoothed loss a new point leaves."""


class Progress(TrainerCallback):
    """Tells of a run of transformers' ``Trainer`` on stdout and in a log file, and draws its curve.

    A line holds ``step``, ``of``, ``seconds_left`` (null before the first step), and either ``loss`` (mean
    since the line before) with ``lr``, or ``held_out_loss``.
    """

    def __init__(self, log: Path, curve: Path) -> None:
        self._log = log
        self._curve = curve
        self._started = 0.0
        self._first_step = 0

    def on_train_begin(self, *arguments: Any, **_: Any) -> None:
        """Starts the clock, and takes back what was logged after the step from which it goes on."""
        _arguments, state, _control = arguments
        self._started = perf_counter()
        self._first_step = state.global_step
        resumed = state.global_step > 0
        cut_log(self._log, state.global_step if resumed else -1)

    def on_log(self, *arguments: Any, **values: Any) -> None:
        """Writes the line.

        Raises:
            RequestError: the loss is no number any more.
        """
        _arguments, state, _control = arguments
        losses = _losses(values["logs"])
        if not losses:
            return
        if not all(map(math.isfinite, losses.values())):
            raise RequestError(
                f"the loss is no number any more at step {state.global_step}; try a lower learning_rate",
                step=state.global_step,
            )
        line = {"step": state.global_step, "of": state.max_steps, **losses}
        line["seconds_left"] = self._seconds_left(state)
        text = json.dumps(line) + "\n"
        with self._log.open("a", encoding="utf-8") as stream:
            stream.write(text)
        sys.stdout.write(text)
        sys.stdout.flush()

    def on_save(self, *_: Any, **__: Any) -> None:
        """Draws the curve anew; the held-out loss of this step is known by now."""
        draw_curve(read_log(self._log), self._curve)

    def _seconds_left(self, state: TrainerState) -> float | None:
        done = state.global_step - self._first_step
        if not done:
            return None
        return round((perf_counter() - self._started) / done * (state.max_steps - state.global_step), 1)


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log, without a last one that was cut off."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def cut_log(path: Path, step: int) -> None:
    """Keeps the lines up to a step."""
    kept = [line for line in read_log(path) if line["step"] <= step]
    fresh = path.with_name(f".{path.name}")
    fresh.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
    fresh.replace(path)


def draw_curve(lines: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draws the loss over the steps as a PNG, from lines with ``step`` and ``loss`` or ``held_out_loss``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    steps, losses = _points(lines, "loss")
    axes.plot(steps, losses, color="tab:blue", linewidth=0.6, alpha=0.5, label="training")
    axes.plot(steps, smoothed(losses), color="tab:blue", linewidth=1.8, label="training, smoothed")
    steps, losses = _points(lines, "held_out_loss")
    if steps:
        axes.plot(steps, losses, "o-", color="tab:orange", markersize=5, linewidth=1, label="held out")
    axes.set_xlabel("step")
    axes.set_ylabel("loss (nats a token)")
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    fresh = path.with_name(f".{path.name}")
    FigureCanvasAgg(figure)
    figure.savefig(fresh, format="png", dpi=120)
    fresh.replace(path)


def smoothed(values: Sequence[float]) -> list[float]:
    """The running mean of values, in which older ones fade."""
    means = []
    total = weight = 0.0
    for value in values:
        total, weight = _KEPT * total + value, _KEPT * weight + 1
        means.append(total / weight)
    return means


def _losses(logs: Mapping[str, float]) -> dict[str, Any]:
    if "loss" in logs:
        return {"loss": logs["loss"], "lr": logs["learning_rate"]}
    return {"held_out_loss": logs["eval_loss"]} if "eval_loss" in logs else {}


def _points(lines: Sequence[Mapping[str, Any]], name: str) -> tuple[list[int], list[float]]:
    found = [line for line in lines if name in line]
    return [line["step"] for line in found], [line[name] for line in found]
