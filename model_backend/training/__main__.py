# SPDX-License-Identifier: GPL-2.0-or-later
"""``python -m model_backend.training``: from scenes to rows, a mix, a fitted model and its figures.

Status 1, and one line ``code: sentence`` on stderr, where it cannot be done.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from ..errors import BackendError, RuntimePackageMissing

COMMANDS = {
    "rows": ("corpus.rows", "make rows of georeferenced scenes"),
    "mix": ("corpus.mix", "validate, repeat, shuffle and split rows"),
    "fit": ("fine_tuning.fit", "fine-tune a model on rows"),
    "evaluate": ("evaluation.evaluate", "measure a model against rows or scenes"),
    "calibrate": ("evaluation.calibrate", "make a model's scores and its edges' uncertainty true"),
    "mini": ("mini.recipe", "make the small embedded model"),
}
"""Every command is a module of its own, loaded only when it is called: some are slow to load."""


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        options = _parser(arguments[0] if arguments else "").parse_args(arguments)
        return int(options.run(options))
    except BackendError as error:
        sys.stderr.write(f"{error.code}: {' '.join(str(error).split())}\n")
        return 1


def _parser(chosen: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model_backend.training", description="From scenes to a fitted model and its figures."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, (module, sentence) in COMMANDS.items():
        command = commands.add_parser(name, help=sentence, description=sentence.capitalize() + ".")
        if name == chosen:
            _fill(command, module)
    return parser


def _fill(command: argparse.ArgumentParser, name: str) -> None:
    try:
        module = import_module(f".{name}", __package__)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        words = f"{error}: training needs the packages of requirements.txt and requirements-training.txt"
        raise RuntimePackageMissing(words, package=missing, python=sys.executable) from error
    module.add_arguments(command)
    command.set_defaults(run=module.main)


if __name__ == "__main__":
    sys.exit(main())
