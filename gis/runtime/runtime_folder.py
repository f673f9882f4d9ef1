# SPDX-License-Identifier: GPL-2.0-or-later
"""The folder that prepared Pythons lie in, and which of them is in use.

``env-<id>`` is a virtual environment, made where it stays: it cannot be moved. ``current`` names the one in
use; it is replaced at once, after everything else has been done. The rest is only needed while preparing.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QLockFile, QStandardPaths

from ..interpreter import PLUGIN_FOLDER
from .python_places import folders_of_qgis, is_inside
from .requirements import Build, Requirements, model_requirements

_CURRENT, _STAMP = "current", "lspace-runtime.json"
_ENVIRONMENTS = "env-*"


def default_folder() -> Path:
    """Where runtimes lie unless the user chose another place: in the user's data, not in QGIS's."""
    data = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericDataLocation)
    return Path(data) / "lspace" / "runtime"


def folder_of(python: str) -> Path:
    """The folder that a prepared Python lies in; the default one for any other Python."""
    environment = Path(python).parent.parent
    is_ours = environment.match(_ENVIRONMENTS) and (environment / _STAMP).is_file()
    return environment.parent if is_ours else default_folder()


@dataclass(frozen=True)
class Stamp:
    """What a prepared runtime was made of."""

    base: str
    """The Python it stands on."""
    digest: str
    """Of the requirements, as ``Requirements.digest`` gives it."""
    build: str
    """The value of a ``Build``."""
    index: str = ""
    extra_index: str = ""
    wheels: str = ""
    python_version: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    """Versions by name."""


@dataclass(frozen=True)
class PreparedRuntime:
    """A virtual environment that was complete and checked when it was put in place."""

    folder: Path
    stamp: Stamp

    @property
    def python(self) -> str:
        """Its interpreter."""
        return python_of(self.folder)

    @property
    def build(self) -> Build:
        """What it computes with."""
        is_known = self.stamp.build in {build.value for build in Build}
        return Build(self.stamp.build) if is_known else Build.CPU

    def fits(self, requirements: Requirements) -> bool:
        """Whether it was made from these, so that nothing is to be done."""
        return self.stamp.digest == requirements.digest()


def is_outdated(python: str) -> bool:
    """Whether a Python was prepared for another version of the plugin; repairing it is worth the while."""
    current = RuntimeFolder(folder_of(python)).current()
    if current is None or current.python != python:
        return False
    stamp = current.stamp
    return not current.fits(model_requirements(current.build, wheels=stamp.wheels, index=stamp.index))


@dataclass(frozen=True)
class RuntimeFolder:
    """The user's or the default place; other files in it are left alone."""

    path: Path

    @property
    def cache(self) -> Path:
        """What pip has downloaded, so that a second try goes on where the first one stopped."""
        return self.path / "pip-cache"

    @property
    def scratch(self) -> Path:
        """For temporary files: on this disk, which has room, and where programs may be run."""
        return self.path / "tmp"

    @property
    def is_allowed(self) -> bool:
        """False inside the plugin, which updates replace, and inside QGIS and its profile."""
        profile = Path(QgsApplication.qgisSettingsDirPath())
        taken = (PLUGIN_FOLDER, profile, *folders_of_qgis())
        return self.path.is_absolute() and not any(is_inside(self.path, folder) for folder in taken)

    def current(self) -> PreparedRuntime | None:
        """The runtime in use, or None where there is none or it is damaged."""
        try:
            folder = self.path / (self.path / _CURRENT).read_text(encoding="utf-8").strip()
            stamp = Stamp(**json.loads((folder / _STAMP).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # none, or half removed by hand
            return None
        runtime = PreparedRuntime(folder, stamp)
        return runtime if os.access(runtime.python, os.X_OK) else None

    def new_lock(self) -> QLockFile:
        """To be held by the one who prepares or removes; not yet taken."""
        lock = QLockFile(str(self.path / "lock"))
        lock.setStaleLockTime(0)  # as old as it may be, but not of a process that is gone
        return lock

    def new_environment(self) -> Path:
        """A place for one more; a short name, for the sake of Windows."""
        return self.path / f"env-{secrets.token_hex(3)}"

    def switch_to(self, environment: Path, stamp: Stamp) -> PreparedRuntime:
        """Makes a finished environment the one in use, at once."""
        _replace(environment / _STAMP, json.dumps(asdict(stamp), indent=1))
        _replace(self.path / _CURRENT, environment.name)
        return PreparedRuntime(environment, stamp)

    def sweep(self, *, keep_cache: bool) -> None:
        """Removes every environment but the one in use; takes seconds. What is open elsewhere stays."""
        current = self.current()
        for folder in self.path.glob(_ENVIRONMENTS):
            if current is None or folder != current.folder:
                shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self.scratch, ignore_errors=True)
        if not keep_cache:
            shutil.rmtree(self.cache, ignore_errors=True)

    def clear(self) -> None:
        """Removes all that is ours but the lock; takes seconds.

        Raises:
            OSError: a program has a file open, or they are protected; then the runtime in use still is.
        """
        current = self.current()
        if current is not None:
            # where a file is open Windows refuses this, and nothing is half deleted
            current.folder.rename(self.new_environment())
        (self.path / _CURRENT).unlink(missing_ok=True)
        self.sweep(keep_cache=False)
        for bundle in self.path.glob("certificates.pem*"):
            bundle.unlink(missing_ok=True)

    def remove_if_empty(self) -> None:
        """Removes the folder itself, unless there is something else in it."""
        if self.path.is_dir() and not any(self.path.iterdir()):
            self.path.rmdir()


def python_of(environment: Path) -> str:
    """The interpreter of a virtual environment."""
    windows = environment / "Scripts" / "python.exe"
    return str(windows if os.name == "nt" else environment / "bin" / "python")


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(path.name + ".new")
    with draft.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(draft, path)
