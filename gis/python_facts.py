# SPDX-License-Identifier: GPL-2.0-or-later
"""What a Python is and which of the model's packages it has, asked of it without importing any."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from qgis.PyQt.QtCore import QObject

from .child_process import Ending
from .errors import PluginError, WorkerCrashed
from .interpreter import PLUGIN_FOLDER
from .python_question import PythonQuestion

LIMIT_MS = 60_000
"""A virus scanner may read a whole Python before it lets it start."""
LEAST_VERSION = (3, 10)
_SCRIPT = """
import importlib.metadata as metadata, json, platform, sys
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
print(json.dumps({
    "version": platform.python_version(),
    "machine": f"{platform.system()} {platform.machine()} {sys.maxsize.bit_length() + 1} bit",
    "packages": {name: version(name) for name in sys.argv[1:]},
}))
"""


@dataclass(frozen=True)
class PythonFacts:
    """One interpreter."""

    path: str
    version: str
    machine: str
    packages: Mapping[str, str] = field(default_factory=dict)
    """Versions by name; empty where a package is not there."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The packages that are not there."""
        return tuple(name for name, version in self.packages.items() if not version)

    @property
    def is_new_enough(self) -> bool:
        """Whether the worker runs on it."""
        numbers = tuple(int(number) for number in re.findall(r"\d+", self.version)[:2])
        return numbers >= LEAST_VERSION


class PythonCheck(PythonQuestion):
    """``known`` has a ``PythonFacts``."""

    def __init__(self, path: str, parent: QObject | None = None) -> None:
        arguments = ["-c", _SCRIPT, *required_packages()]
        super().__init__(path, arguments, LIMIT_MS, lambda ending: _read(path, ending), parent)


def required_packages() -> tuple[str, ...]:
    """Names from ``requirements.txt``, each once."""
    lines = (PLUGIN_FOLDER / "requirements.txt").read_text(encoding="utf-8").splitlines()
    names = (re.match(r"[\w.-]+", line) for line in lines)
    return tuple(dict.fromkeys(name.group() for name in names if name))


def _read(path: str, ending: Ending) -> PythonFacts | PluginError:
    if not ending.is_good:
        reason = "not started" if ending.exit_code is None else "exit"
        return WorkerCrashed(
            "no answer", reason=reason, exit_code=ending.exit_code, detail=ending.log, log=ending.log
        )
    try:
        return PythonFacts(path, **json.loads(ending.output))
    except (ValueError, TypeError):  # a program, but no Python
        return WorkerCrashed("no Python", reason="garbage", log=ending.output[-500:])
