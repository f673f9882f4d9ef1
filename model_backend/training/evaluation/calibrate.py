# SPDX-License-Identifier: GPL-2.0-or-later
"""The command that makes a checkpoint's scores, and the uncertainty of its edges, mean what they say."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ...errors import RequestError
from ...inference.exact.engine import load_engine
from ...inference.scores import CALIBRATION_MARK, Calibration
from ...request import ModelChoice
from ..corpus.validation import read_valid_rows
from .asking import ask
from .edge_errors import edge_errors, fit_spread
from .gathering import samples_by_label, scored
from .question import questions_of

RIGHT_FROM_IOU = 0.5
"""A box is right if it overlaps a true one by so much."""
_LEAST_BOXES = 30
_LEAST_SCORE = 1e-9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("model", type=Path, help="checkpoint folder; its config.json is rewritten")
    parser.add_argument("rows", type=Path, nargs="+", help="row files that the model was not trained on")
    parser.add_argument("--batch", type=int, default=16, help="questions that are asked at once")


def main(options: argparse.Namespace) -> int:
    """Asks the model about the rows, fits the calibration and writes it into the checkpoint.

    Raises:
        BackendError: the model or a row is not usable, or the boxes tell nothing; the file stays as it was.
    """
    rows = [row for path in options.rows for row in read_valid_rows(path)]
    engine = load_engine(ModelChoice(str(options.model)), lambda *_: None)
    engine.info = replace(engine.info, calibration=None)
    answers = ask(engine, questions_of(rows, engine.contract), options.batch, lambda _: None)
    samples = samples_by_label(answers)
    calibration = replace(
        fit_calibration(*scored(samples, RIGHT_FROM_IOU)),
        spread=fit_spread(edge_errors(sample for found in samples.values() for sample in found)),
    )
    write_calibration(options.model, calibration)
    sys.stdout.write(json.dumps(asdict(calibration)) + "\n")
    return 0


def fit_calibration(scores: Sequence[float], right: Sequence[bool]) -> Calibration:
    """The most likely calibration of raw scores whose outcomes are known; it leaves edges as they are.

    Raises:
        RequestError: too few boxes, or all right or all wrong, so that nothing can be told apart.
    """
    if len(scores) < _LEAST_BOXES or len(set(right)) < 2:
        raise RequestError(
            f"{len(scores)} scored boxes, {sum(right)} of them right: too few of either kind",
            boxes=len(scores),
            right=sum(right),
        )
    logs = np.log(np.maximum(scores, _LEAST_SCORE))
    outcomes = np.asarray(right, dtype=float)

    def surprise(values: NDArray[np.float64]) -> float:
        log_odds = values[1] + np.exp(values[0]) * logs  # a slope above 0 keeps the order
        return float(np.mean(np.logaddexp(0, log_odds) - outcomes * log_odds))

    log_slope, intercept = minimize(surprise, np.zeros(2), method="Nelder-Mead").x
    return Calibration(float(np.exp(log_slope)), float(intercept))


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Writes it into the configuration of a checkpoint."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config[CALIBRATION_MARK] = {name: round(value, 4) for name, value in asdict(calibration).items()}
    fresh = path.with_name(".config.json")
    fresh.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)
