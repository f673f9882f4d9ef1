"""Runs preparations to their end, with few and small packages."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

PACKAGES = {"packaging": "24.2", "idna": "3.10"}
BASE = getattr(sys, "_base_executable", sys.executable)
"""The tests' environment stands on it; a preparation is given a real Python."""
PATIENCE_MS = 240_000


def downloaded_wheels(folder: Path) -> Path:
    """The packages and a pip, from the index that pip is configured for."""
    wanted = [f"{name}=={version}" for name, version in PACKAGES.items()]
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*command, "-d", str(folder), "pip>=24.1,<27", *wanted], check=True)
    return folder


def hashed_lines(wheels: Path) -> list[str]:
    """For a requirements file: each package with its version and the digest of its wheel."""
    lines = []
    for name, version in PACKAGES.items():
        (wheel,) = wheels.glob(f"{name}-*.whl")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines.append(f"{name}=={version} --hash=sha256:{digest}")
    return lines


class Told:
    """What a preparation says, in order."""

    def __init__(self, preparation) -> None:
        self.preparation = preparation
        self.progress, self.lines, self.ends = [], [], []
        preparation.progressed.connect(self.progress.append)
        preparation.logged.connect(self.lines.append)
        preparation.finished.connect(self.ends.append)
        preparation.failed.connect(self.ends.append)
        preparation.cancelled.connect(self._on_cancelled)

    def _on_cancelled(self) -> None:
        self.ends.append(None)

    @property
    def end(self):
        (end,) = self.ends
        return end

    @property
    def fault(self) -> str:
        return self.end.values["reason"]

    @property
    def steps(self) -> list[str]:
        return list(dict.fromkeys(each.step.value for each in self.progress))


def ended(qtbot, order) -> Told:
    """Prepares and waits for the end."""
    told = started(order)
    qtbot.waitUntil(lambda: bool(told.ends), timeout=PATIENCE_MS)
    return told


def started(order) -> Told:
    from lspace.gis.runtime.preparation import Preparation

    told = Told(Preparation(order))
    told.preparation.start()
    return told


def versions_in(python: str) -> dict[str, str]:
    """What this Python can import of the packages, asked of it."""
    script = "import idna, packaging; print(packaging.__version__, idna.__version__)"
    answer = subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    return dict(zip(("packaging", "idna"), answer))
