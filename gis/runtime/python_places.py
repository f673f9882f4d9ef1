# SPDX-License-Identifier: GPL-2.0-or-later
"""Where Pythons lie that a virtual environment can stand on, and which ones are QGIS's own."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QSettings

MINORS = tuple(range(14, 9, -1))
"""The pinned torch has wheels for Python 3.10 to 3.14; the newest first."""
_SYSTEM = {Path("/"), Path("/usr"), Path("/usr/local")}
"""A distribution's QGIS shares its prefix with everything else."""
_MAC = (
    "/Library/Frameworks/Python.framework/Versions/3.{minor}/bin/python3.{minor}",
    "/opt/homebrew/bin/python3.{minor}",
    "/opt/homebrew/opt/python@3.{minor}/bin/python3.{minor}",
    "/usr/local/bin/python3.{minor}",
    "/usr/local/opt/python@3.{minor}/bin/python3.{minor}",
)
# python.org's installer for one user and for all, and the newer install manager
_WINDOWS = (
    "{LOCALAPPDATA}/Programs/Python/Python3{minor}/python.exe",
    "{LOCALAPPDATA}/Python/pythoncore-3.{minor}-64/python.exe",
    "{ProgramFiles}/Python3{minor}/python.exe",
)
# what uv, pyenv and conda make in the user's folder; shims are passed over, they are no Pythons
_OF_TOOLS = (
    ".local/share/uv/python/cpython-*/bin/python3",
    ".pyenv/versions/*/bin/python3",
    "miniforge3/bin/python3",
    "miniconda3/bin/python3",
    "anaconda3/bin/python3",
)
_OF_TOOLS_ON_WINDOWS = (
    "AppData/Roaming/uv/python/cpython-*/python.exe",
    ".pyenv/pyenv-win/versions/*/python.exe",
    "miniforge3/python.exe",
    "AppData/Local/miniforge3/python.exe",
    "miniconda3/python.exe",
    "AppData/Local/miniconda3/python.exe",
    "anaconda3/python.exe",
)
_REGISTRY = tuple(
    rf"{hive}\SOFTWARE\Python\PythonCore" for hive in ("HKEY_CURRENT_USER", "HKEY_LOCAL_MACHINE")
)


def candidates() -> list[str]:
    """Programs that may be Pythons, the best first, none of QGIS's; they have not been run."""
    home = Path.home()
    if sys.platform == "win32":
        found = [*_registered(), *windows_places(os.environ), *of_tools(home, _OF_TOOLS_ON_WINDOWS)]
    elif sys.platform == "darwin":
        found = [*mac_places(), *on_path(), *of_tools(home)]
    else:
        found = [*on_path(), *of_tools(home)]
    taken = folders_of_qgis()
    outside = [path for path in found if not any(is_inside(Path(path), folder) for folder in taken)]
    return [path for path in dict.fromkeys(outside) if os.path.isfile(path)]


def on_path(path: str | None = None) -> Iterator[str]:
    """The versioned names, then the bare one; on a Mac its own is a stub that opens a window."""
    for name in (*(f"python3.{minor}" for minor in MINORS), "python3"):
        found = shutil.which(name, path=path)
        if found and not (sys.platform == "darwin" and found == "/usr/bin/python3"):
            yield found


def mac_places() -> Iterator[str]:
    """Where python.org's installer and Homebrew put them; a program started by a click has no PATH."""
    return (place.format(minor=minor) for minor in MINORS for place in _MAC)


def windows_places(environ: Mapping[str, str]) -> Iterator[str]:
    """Where python.org's installers put them."""
    folders = {name: environ.get(name, "") for name in ("LOCALAPPDATA", "ProgramFiles")}
    return (place.format(minor=minor, **folders) for minor in MINORS for place in _WINDOWS)


def of_tools(home: Path, patterns: Sequence[str] = _OF_TOOLS) -> Iterator[str]:
    """What tools have put into the user's folder, the newest version of each first."""
    for pattern in patterns:
        yield from (str(path) for path in sorted(home.glob(pattern), key=_version_in, reverse=True))


def folders_of_qgis() -> tuple[Path, ...]:
    """The folders that come with this QGIS: its whole bundle, its OSGeo4W, its conda environment."""
    folders = [root_of_qgis(Path(QgsApplication.prefixPath()))]
    if os.environ.get("OSGEO4W_ROOT"):
        folders.append(Path(os.environ["OSGEO4W_ROOT"]))
    if sys.prefix == sys.base_prefix:
        folders.append(Path(sys.prefix))
    return tuple(dict.fromkeys(folder for folder in folders if folder not in _SYSTEM))


def root_of_qgis(prefix: Path) -> Path:
    """The folder that is removed when QGIS is, from QGIS's prefix: Python lies beside that."""
    bundle = next((folder for folder in (prefix, *prefix.parents) if folder.suffix == ".app"), None)
    if bundle:
        return bundle
    return prefix.parent.parent if prefix.parent.name == "apps" else prefix


def is_inside(path: Path, folder: Path) -> bool:
    """Whether the path is the folder or lies in it; links of the folders on the way are followed."""
    whole = Path(os.path.normcase(os.path.realpath(path.parent))) / os.path.normcase(path.name)
    root = Path(os.path.normcase(os.path.realpath(folder)))
    return whole == root or root in whole.parents


def _version_in(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]


def _registered() -> Iterator[str]:
    """What is registered as PEP 514 says, for the user and for all."""
    for place in _REGISTRY:
        registry = QSettings(place, QSettings.Format.NativeFormat)
        for tag in sorted(registry.childGroups(), reverse=True):
            program = registry.value(f"{tag}/InstallPath/ExecutablePath", "")
            folder = registry.value(f"{tag}/InstallPath/.", "")
            if program or folder:
                yield program or os.path.join(folder, "python.exe")
