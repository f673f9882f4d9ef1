# SPDX-License-Identifier: GPL-2.0-or-later
"""The command that asks a model about rows with known answers and writes down how it did."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from ...contract import Contract
from ...errors import RequestError
from ...inference.digest import sha256_of
from ...request import ModelChoice
from ..corpus.row import Row, write_rows
from ..corpus.validation import read_valid_rows
from .asking import Answer, BatchEngine, ask, spread
from .gathering import gather, samples_by_label
from .question import questions_of
from .table import markdown

_SCENE_ROWS = "rows.jsonl"
_DIGITS = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``evaluate``."""
    parser.add_argument("--model", required=True, help="checkpoint folder or hub id")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--rows", type=Path, nargs="+", metavar="FILE", help="row files with the right answers"
    )
    source.add_argument("--scenes", type=Path, help="scenes to cut into chips without overlap")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder to write; it may not hold anything yet"
    )
    parser.add_argument("--limit", type=_positive, help="ask only so many rows, spread evenly over all")
    parser.add_argument("--batch", type=_positive, default=16, help="questions that are asked at once")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto", help="auto, float32, bfloat16, q8 or q4")


def main(options: argparse.Namespace) -> int:
    """Runs ``evaluate``; the table goes to stdout, progress to stderr.

    Raises:
        BackendError: the model, a row or the folder is not usable; the folder stays as it was.
    """
    with _new_folder(options.out) as folder:
        read = [(path, read_valid_rows(path)) for path in options.rows or ()]
        engine = _load(options)
        if options.scenes is not None:
            read = [_rows_of_scenes(options.scenes, engine.contract, folder)]
        sources = [{"file": path.name, "rows": len(rows), "sha256": sha256_of([path])} for path, rows in read]
        rows = [row for _path, found in read for row in found]
        evaluation = evaluate(engine, spread(rows, options.limit), options.batch, folder, sources)
    sys.stdout.write(markdown(evaluation))
    return 0


def evaluate(
    engine: BatchEngine,
    rows: Sequence[Row],
    batch: int,
    folder: Path,
    sources: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Asks an engine about rows and writes everything to an existing folder; returns the evaluation.

    Only ``timing`` differs between two runs of one model on the same rows and the same machine.

    Args:
        sources: what to say of the files that the rows come from: ``file``, ``rows`` and ``sha256``.

    Raises:
        RowInvalid, RequestError: a row or a picture is not usable, or there is no row.
    """
    from .figures import draw_chips, draw_edges, draw_precision_recall, draw_reliability

    if not rows:
        raise RequestError("no rows to ask about")
    questions = questions_of(rows, engine.contract)
    answers = ask(engine, questions, batch, lambda done: _tell(done, len(questions)))
    evaluation: dict[str, Any] = _rounded(
        {
            "model": {"name": engine.info.name, **_model_facts(engine)},
            "contract": engine.contract.name,
            "rows": list(sources),
            "questions": len(questions),
            **gather(answers, engine.contract),
            "timing": _timing(engine, answers, batch),
        }
    )
    _write("".join(_line(answer) for answer in answers), folder / "answers.jsonl")
    _write(json.dumps(evaluation, indent=2, allow_nan=False) + "\n", folder / "evaluation.json")
    _write(markdown(evaluation), folder / "evaluation.md")
    draw_reliability(evaluation["calibration"], folder / "reliability.png")
    draw_edges(evaluation["edges"]["every"], folder / "edges.png")
    draw_precision_recall(samples_by_label(answers), folder / "precision_recall.png")
    draw_chips(answers, folder / "chips.png")
    return evaluation


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder beside it that takes its name at the end, and vanishes if there is an error before."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise RequestError(f"{folder} is there already; choose a new folder", folder=str(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        unfinished = Path(temporary) / folder.name
        unfinished.mkdir()
        yield unfinished
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)


def _load(options: argparse.Namespace) -> BatchEngine:
    from ...inference.exact import engine as exact
    from ...inference.loading import load_engine

    choice = ModelChoice(options.model, device=options.device, precision=options.precision)
    # it is the model that is measured, unless another precision is asked for
    load = exact.load_engine if options.precision == "auto" else load_engine
    return load(choice, lambda *_: None)


def _rows_of_scenes(path: Path, contract: Contract, folder: Path) -> tuple[Path, list[Row]]:
    """Chips side by side, with empty answers; kept in the folder with their rows."""
    from ..corpus.rows import build_rows
    from ..corpus.scene import load_scenes

    rows = build_rows(load_scenes(path), contract, folder, stride_m=contract.chip.side_m, empty=True)
    write_rows(rows, folder / _SCENE_ROWS)
    return folder / _SCENE_ROWS, rows


def _model_facts(engine: BatchEngine) -> dict[str, Any]:
    facts = engine.info.to_payload()
    return {key: facts[key] for key in ("revision", "device", "precision", "threads", "random_weights")}


def _timing(engine: BatchEngine, answers: Sequence[Answer], batch: int) -> dict[str, Any]:
    return {
        "median_seconds_per_answer": median(answer.seconds for answer in answers),
        "batch": batch,
        "load_seconds": engine.info.load_s,
    }


def _line(answer: Answer) -> str:
    question, reason = answer.question, answer.completion.finish_reason
    entry = {
        "id": question.name,
        "task": question.task.name,
        "target": question.target,
        "text": answer.completion.text,
        "finish_reason": reason.value if reason else None,
        "trained_form": answer.trained_form,
        "proposals": [{"label": label, **asdict(proposed)} for label, proposed in answer.proposed],
        "truth": [{"label": label, "edges": edges} for label, edges in question.truth],
        "shares": question.shares,
    }
    return json.dumps(_rounded(entry), ensure_ascii=False, allow_nan=False) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    return [_rounded(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def _write(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _tell(done: int, total: int) -> None:
    sys.stderr.write(f"{done} of {total} answered\n")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number
