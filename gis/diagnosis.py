# SPDX-License-Identifier: GPL-2.0-or-later
"""A text for a bug report: versions, interpreter, device, settings and last words, nothing private."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from osgeo import gdal
from qgis.core import Qgis, QgsApplication, QgsProjUtils, QgsSettings
from qgis.PyQt.QtCore import PYQT_VERSION_STR, QObject, QSysInfo, pyqtSignal, qVersion

from .child_process import ChildProcess, Ending
from .device_check import LIMIT_MS, probe_arguments
from .errors import PluginError
from .interpreter import PLUGIN_FOLDER
from .python_facts import PythonCheck, PythonFacts
from .redaction import Private
from .settings import Settings


@dataclass(frozen=True)
class Facts:
    """What was found out, with everything private still in it."""

    versions: Mapping[str, str]
    settings: Settings
    python: PythonFacts | PluginError
    device: str
    log: tuple[str, ...] = ()
    """The last lines, the oldest first."""


def compose(facts: Facts, private: Private) -> str:
    """The text, fit to be read by anybody."""
    parts = {
        "LSpace, diagnosis": _pairs(facts.versions),
        "Settings": _pairs({field.name: getattr(facts.settings, field.name) for field in fields(Settings)}),
        "The model's Python": _python_lines(facts.python),
        "Device": _device_lines(facts.device),
        "Last lines of the log": facts.log or ["none"],
    }
    text = "\n\n".join("\n".join([title, "-" * len(title), *lines]) for title, lines in parts.items())
    return private.taken_out_of(text) + "\n"


def versions() -> dict[str, str]:
    """What this QGIS is made of, and how it reaches the network."""
    proxy = QgsSettings()
    uses_proxy = proxy.value("proxy/proxyEnabled", False, type=bool)
    return {
        "plugin": _plugin_version(),
        "QGIS": Qgis.QGIS_VERSION,
        "Qt": f"{qVersion()}, PyQt {PYQT_VERSION_STR}",
        "QGIS's Python": platform.python_version(),
        "GDAL": gdal.__version__,
        "PROJ": f"{QgsProjUtils.projVersionMajor()}",
        "system": f"{QSysInfo.prettyProductName()}, {QSysInfo.kernelVersion()}",
        "processor": QSysInfo.currentCpuArchitecture(),
        "QGIS lies in": QgsApplication.prefixPath(),
        "language": QgsApplication.locale(),
        "proxy": proxy.value("proxy/proxyType", "", type=str) if uses_proxy else "none",
    }


class Diagnosis(QObject):
    """Asks the chosen Python what it is and what it can compute on, then puts the text together."""

    composed = pyqtSignal(str)

    def __init__(self, settings: Settings, log: tuple[str, ...], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._log = log
        self._python: PythonFacts | PluginError | None = None
        self._probe: ChildProcess | None = None
        self._check = PythonCheck(settings.interpreter, self)
        self._check.known.connect(self._on_known)
        self._check.failed.connect(self._on_unknown)

    def start(self) -> None:
        """Ends with ``composed``, whatever fails."""
        self._check.start()

    def give_up(self) -> None:
        """Nothing is told any more."""
        self._check.give_up()
        if self._probe is not None:
            self._probe.give_up()

    def _on_known(self, python: PythonFacts) -> None:
        self._python = python
        self._probe = ChildProcess(python.path, probe_arguments(self._settings), self)
        self._probe.ended.connect(self._on_probed)
        self._probe.start(LIMIT_MS)

    def _on_unknown(self, error: PluginError) -> None:
        self._python = error
        self._tell("")

    def _on_probed(self, ending: Ending) -> None:
        self._tell(ending.output if ending.is_good else f"{ending.output}{ending.log}")

    def _tell(self, device: str) -> None:
        facts = Facts(versions(), self._settings, self._python, device.strip(), self._log)
        self.composed.emit(compose(facts, Private.here()))


def _plugin_version() -> str:
    lines = (PLUGIN_FOLDER / "metadata.txt").read_text(encoding="utf-8").splitlines()
    return next((line.partition("=")[2] for line in lines if line.startswith("version=")), "")


def _pairs(values: Mapping[str, object]) -> list[str]:
    return [f"{name}: {value}" for name, value in values.items()]


def _device_lines(told: str) -> list[str]:
    """What the probe said, a line for each thing; as it is where that is no JSON."""
    try:
        found = json.loads(told)
        devices = found.pop("devices")
    except (ValueError, TypeError, KeyError, AttributeError):
        return told.splitlines() or ["not tried"]
    return [*_pairs(found), *(json.dumps(device) for device in devices)]


def _python_lines(python: PythonFacts | PluginError) -> Iterator[str]:
    if isinstance(python, PluginError):
        yield str(python)
        return
    yield f"{python.path}: Python {python.version}, {python.machine}"
    if not python.missing:
        yield "small: 8 bits, 4 bits or float32, on the CPU" if python.is_small else "full: with torch"
    for name, version in python.packages.items():
        yield f"{name} {version or ('missing' if name in python.missing else 'not installed')}"
