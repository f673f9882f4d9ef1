# SPDX-License-Identifier: GPL-2.0-or-later
"""What a Python is and which of the model's packages it has, asked of it without importing any."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from qgis.PyQt.QtCore import QObject

from .child_process import Ending
from .errors import PluginError, WorkerCrashed
from .python_question import PythonQuestion
from .runtime.requirements import REQUIREMENTS, SMALL_REQUIREMENTS, package_names

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
        """The packages without which no model runs."""
        return self._lacking(package_names(SMALL_REQUIREMENTS))

    @property
    def is_small(self) -> bool:
        """Whether models run on it, but without torch: then there is the CPU alone, and no bfloat16."""
        return not self.missing and bool(self._lacking(package_names(REQUIREMENTS)))

    @property
    def is_new_enough(self) -> bool:
        """Whether the worker runs on it."""
        numbers = tuple(int(number) for number in re.findall(r"\d+", self.version)[:2])
        return numbers >= LEAST_VERSION

    def _lacking(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(name for name in names if not self.packages.get(name))


class PythonCheck(PythonQuestion):
    """``known`` has a ``PythonFacts``."""

    def __init__(self, path: str, parent: QObject | None = None) -> None:
        arguments = ["-c", _SCRIPT, *package_names(REQUIREMENTS)]
        super().__init__(path, arguments, LIMIT_MS, lambda ending: _read(path, ending), parent)


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
