# SPDX-License-Identifier: GPL-2.0-or-later
"""A real Python that a virtual environment can stand on: found by rule, and judged by running it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..child_process import ChildProcess, Ending
from .python_places import MINORS, candidates, folders_of_qgis, is_inside

LIMIT_MS = 30_000
_SCRIPT = """
import importlib.util, json, os, platform, sys, sysconfig
base = getattr(sys, "_base_executable", None) or sys.executable
if base == sys.executable and sys.prefix != sys.base_prefix:
    base = os.path.realpath(base)
print(json.dumps({
    "version": platform.python_version(),
    "path": base,
    "prefix": sys.base_prefix,
    "bits": sys.maxsize.bit_length() + 1,
    "system": platform.system(),
    "machine": platform.machine(),
    "is_translated": "ARM64" in platform.version(),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "missing": [name for name in ("venv", "ensurepip", "ssl") if importlib.util.find_spec(name) is None],
}))
"""


class PythonFault(Enum):
    """Why no environment can be made from a Python."""

    NO_ANSWER = "no answer"
    OF_QGIS = "of QGIS"
    FROM_STORE = "from the store"
    TOO_OLD = "too old"
    TOO_NEW = "too new"
    FREE_THREADED = "free-threaded"
    BITS_32 = "32 bit"
    NO_VENV = "no venv"
    INTEL_MAC = "Intel Mac"
    TRANSLATED = "translated"
    """Compiled for Intel on a processor by Apple."""


@dataclass(frozen=True)
class BasePython:
    """One program that says it is a Python, or does not."""

    path: str
    version: str = ""
    fault: PythonFault | None = None
    detail: str = ""
    """What it said where it gave no answer, or what it lacks."""

    @property
    def is_usable(self) -> bool:
        """Whether a runtime can stand on it."""
        return self.fault is None


class BasePythonSearch(QObject):
    """Runs each candidate once, all at the same time; nobody waits."""

    found = pyqtSignal(object)
    """A ``BasePython``, as soon as it has answered."""
    finished = pyqtSignal(object)
    """All of them as a tuple, the usable ones first, each Python once."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._paths: list[str] = []
        self._children: dict[str, ChildProcess] = {}
        self._known: dict[str, BasePython] = {}

    def start(self, paths: Sequence[str] | None = None) -> None:
        """Looks at these programs, or at what the rules for this system find; once for an object."""
        self._paths = list(candidates() if paths is None else paths)
        for path in self._paths:
            child = ChildProcess(path, ["-c", _SCRIPT], self)
            child.setObjectName(path)
            child.ended.connect(self._on_ended)
            self._children[path] = child
        if not self._paths:
            self.finished.emit(())
        for child in list(self._children.values()):
            child.start(LIMIT_MS)

    def give_up(self) -> None:
        """Nothing is told any more."""
        children, self._children = self._children, {}
        for child in children.values():
            child.give_up()

    def _on_ended(self, ending: Ending) -> None:
        path = self.sender().objectName()
        if self._children.pop(path, None) is None:
            return
        self._known[path] = judged(path, ending)
        self.found.emit(self._known[path])
        if not self._children:
            self.finished.emit(_each_once([self._known[path] for path in self._paths]))


def judged(path: str, ending: Ending) -> BasePython:
    """What a program's answer says about it."""
    try:
        facts = json.loads(ending.output) if ending.is_good else None
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        return BasePython(path, fault=PythonFault.NO_ANSWER, detail=(ending.log or ending.output)[-500:])
    fault = next((fault for fault, is_so in _faults(facts).items() if is_so), None)
    # the Python that a virtual environment stands on, as that one may be removed
    return BasePython(facts["path"], facts["version"], fault, ", ".join(facts["missing"]))


def _faults(facts: dict) -> dict[PythonFault, bool]:
    """The gravest first."""
    version = tuple(int(number) for number in re.findall(r"\d+", facts["version"])[:2])
    prefix = Path(facts["prefix"])
    is_intel_mac = facts["system"] == "Darwin" and facts["machine"] == "x86_64"
    return {
        PythonFault.OF_QGIS: any(is_inside(prefix, folder) for folder in folders_of_qgis()),
        PythonFault.FROM_STORE: "WindowsApps" in prefix.parts,
        PythonFault.TOO_OLD: version < (3, MINORS[-1]),
        PythonFault.TOO_NEW: version > (3, MINORS[0]),
        PythonFault.BITS_32: facts["bits"] != 64,
        PythonFault.TRANSLATED: is_intel_mac and facts["is_translated"],
        PythonFault.INTEL_MAC: is_intel_mac and not facts["is_translated"],
        PythonFault.FREE_THREADED: facts["free_threaded"],
        PythonFault.NO_VENV: bool(facts["missing"]),
    }


def _each_once(pythons: list[BasePython]) -> tuple[BasePython, ...]:
    unique: dict[tuple[str, str], BasePython] = {}
    for each in pythons:
        unique.setdefault((_name(each.path), each.version), each)
    return tuple(sorted(unique.values(), key=lambda each: not each.is_usable))


def _name(path: str) -> str:
    """The file behind the links of a path: ``python3`` and ``python3.11`` are often one."""
    return str(Path(path).resolve())
