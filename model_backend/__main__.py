# SPDX-License-Identifier: GPL-2.0-or-later
"""``python -m model_backend``: the worker that QGIS starts, and the same inference from a shell.

With ``--json``, ``caption``, ``detect`` and ``ask`` print one object: ``model`` (the facts of ``ModelInfo``)
and ``answers``, a list with ``task``, ``target``, ``text``, ``finish_reason``, ``outcome`` and ``proposals``;
the last two are null for prose. ``download`` prints objects, one a line: ``file``, ``done`` and ``total``
(bytes), last ``folder`` and ``revision``, or ``error``. ``probe`` prints what ``exact/probe.py`` says, with
``error`` besides where nothing could be chosen.
Status 1, and one line ``code: sentence`` on stderr, where it cannot be done.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from . import worker
from .errors import BackendError, RequestError
from .packages import reporting_missing_packages
from .request import ModelChoice

if TYPE_CHECKING:
    from PIL.Image import Image

    from .contract import Contract
    from .inference.answers import AnswerStep
    from .inference.engine import Engine
    from .inference.prompts import Prompt


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except BackendError as error:
        sentence = " ".join(str(error).split())  # torch's own take several lines
        print(f"{error.code}: {sentence}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model_backend", description="Shows satellite pictures to a vision-language model."
    )
    commands = parser.add_subparsers(required=True)
    serve = commands.add_parser("worker", help="answer requests on stdin (used by QGIS)")
    serve.set_defaults(command=lambda _: worker.main(_real_loader))
    caption = commands.add_parser("caption", help="describe one picture")
    caption.set_defaults(task="caption")
    detect = commands.add_parser("detect", help="find things in one picture")
    detect.set_defaults(task="detect")
    ask = commands.add_parser("ask", help="put any task of the model to the pictures of one place")
    _add_any_task(ask)
    for command, pictures in ((caption, 1), (detect, 1), (ask, "+")):
        _add_inference(command, pictures)
    for command in (detect, ask):
        command.add_argument("--classes", nargs="+", default=[], help="what to look for")
    download = commands.add_parser("download", help="bring a model of the hub to this computer")
    _add_download(download)
    probe = commands.add_parser("probe", help="try what this machine computes on")
    probe.add_argument("--device", default="auto")
    probe.add_argument("--precision", default="auto")
    probe.add_argument("--threads", type=int)
    probe.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    probe.set_defaults(command=_probe)
    random = commands.add_parser("random-checkpoint", help="write an untrained model of a known shape")
    random.add_argument("folder", type=Path)
    random.add_argument("--model", choices=("lspace", "n2-eye"), default="lspace")
    random.add_argument("--size", choices=("tiny", "full"), default="tiny")
    random.add_argument("--seed", type=int, default=0)
    random.set_defaults(command=_write_random_checkpoint)
    return parser


def _add_any_task(command: argparse.ArgumentParser) -> None:
    command.add_argument("--task", required=True, help="its name in resources/contracts.json")
    command.add_argument("--question", help="for a task that takes your own")
    command.add_argument("--date", nargs="+", dest="dates", help="YYYY-MM-DD of each picture, or -")
    command.add_argument("--anyway", action="store_true", help="boxes even where the report denies them")


def _add_download(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", help="hub id")
    command.add_argument("--revision", help="commit; else the pinned one")
    command.add_argument("--endpoint", help="base URL of a mirror")
    command.add_argument("--cache-dir", help="folder of downloaded models")
    command.add_argument("--offline", action="store_true", help="only see whether it is here")
    command.set_defaults(command=_download)


def _add_inference(command: argparse.ArgumentParser, pictures: int | str) -> None:
    command.add_argument("chips", type=Path, nargs=pictures, metavar="chip", help="picture; read as RGB")
    command.add_argument("--model", required=True, help="folder or hub id")
    command.add_argument("--device", default="auto")
    command.add_argument("--precision", default="auto", help="auto, float32, bfloat16, q8 or q4")
    command.add_argument("--max-new-tokens", type=int)
    command.add_argument("--free-form", action="store_true", help="do not hold lists of boxes to their form")
    command.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    command.set_defaults(command=_infer, classes=[], question="", dates=[], anyway=False)


def _real_loader() -> worker.EngineLoader:
    from .inference.loading import load_engine

    return load_engine


def _write_random_checkpoint(options: argparse.Namespace) -> int:
    with reporting_missing_packages():
        from .inference.random_checkpoint import write_random_checkpoint
        from .inference.random_n2_eye import write_random_n2_eye
    write = write_random_n2_eye if options.model == "n2-eye" else write_random_checkpoint
    write(options.folder, options.size, seed=options.seed)
    return 0


def _download(options: argparse.Namespace) -> int:
    choice = ModelChoice(
        options.model,
        revision=options.revision,
        offline=options.offline,
        endpoint=options.endpoint,
        cache_dir=options.cache_dir,
    )
    try:
        with reporting_missing_packages():
            from .inference.download import download, told_seldom
        report = told_seldom(lambda file, done, total: _print_json(file=file, done=done, total=total))
        folder, revision = download(choice, report, lambda: False)
    except BackendError as error:
        _print_json(error=error.to_payload())
        raise
    _print_json(folder=str(folder), revision=revision)
    return 0


def _probe(options: argparse.Namespace) -> int:
    with reporting_missing_packages():
        from .inference.loading import probe
    choice = ModelChoice("", device=options.device, precision=options.precision, threads=options.threads)
    found, error = probe(choice)
    if options.json:
        _print_json(**found, **({"error": error.to_payload()} if error else {}))
    elif error is None:
        print(f"{found['chosen']['title']}, {found['chosen']['precision']}: {found['chosen']['reason']}")
    if error is not None:
        raise error
    return 0


def _print_json(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


def _infer(options: argparse.Namespace) -> int:
    with reporting_missing_packages():
        from .inference.picture import read_picture

        load_engine = _real_loader()
    _bear_any_text(sys.stdout)
    images = [read_picture(path, str(path)) for path in options.chips]
    choice = ModelChoice(options.model, device=options.device, precision=options.precision)
    engine = load_engine(choice, lambda *_: None, lambda: False)
    answers = _answers(engine, _prompts(engine.contract, options), images, options)
    if options.json:
        print(json.dumps({"model": engine.info.to_payload(), "answers": answers}))
    return 0


def _prompts(contract: Contract, options: argparse.Namespace) -> list[Prompt]:
    from .inference.prompts import build_prompts, check_images

    count, dates = len(options.chips), [None if date == "-" else date for date in options.dates]
    if dates and len(dates) != count:
        raise RequestError(f"one date for each picture: {len(dates)} for {count}")
    check_images(contract, options.task, count)
    return build_prompts(
        contract,
        options.task,
        options.classes,
        options.max_new_tokens,
        question=options.question,
        dates=dates,
        keep_form=not options.free_form,
    )


def _answers(
    engine: Engine, prompts: list[Prompt], images: list[Image], options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Asks and, where no JSON is wanted, prints what is written; boxes only where no report denies them."""
    from .inference.answers import ask

    answers: list[dict[str, Any]] = []
    for prompt in prompts:
        for step in ask(engine, prompt, images, lambda: False):
            if not options.json:
                print(step.piece, end="", flush=True)
        answers.append(_answer(prompt, step))
        if not options.json:
            print()
        if engine.contract.task(prompt.task).denies(step.completion.text) and not options.anyway:
            break
    return answers


def _answer(prompt: Prompt, step: AnswerStep) -> dict[str, Any]:
    reason = step.completion.finish_reason
    return {
        "task": prompt.task,
        "target": prompt.target,
        "text": step.completion.text,
        "finish_reason": reason.value if reason else None,
        "outcome": step.reading.outcome.value if step.reading else None,
        "proposals": [asdict(proposal) for proposal in step.reading.proposals] if step.reading else None,
    }


def _bear_any_text(stream: TextIO) -> None:
    """Escapes what a console's encoding lacks instead of failing on it."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
