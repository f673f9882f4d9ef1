"""What the plugin site refuses a zip for: its form, its metadata, and what its security scan finds.

``python tests/plugin_site.py ZIP`` prints the faults, one a line, and fails where there is one.
"""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

SIZE_LIMIT = 25_000_000
"""Bytes."""
REQUIRED = (
    "name",
    "description",
    "version",
    "qgisMinimumVersion",
    "qgisMaximumVersion",
    "author",
    "email",
    "about",
    "tracker",
    "repository",
    "homepage",
    "icon",
)
_NEEDED = ("__init__.py", "metadata.txt", "LICENSE", "README.md")
_PROGRAMS = "pyc|pyo|exe|dll|so|dylib|bat|cmd|sh|ps1"
_UNWANTED = re.compile(rf"/(?:__pycache__|__MACOSX|\.[^/]*|[^/]*\.(?:{_PROGRAMS}))(?:/|$)")
_PLACEHOLDERS = {"http://bugs", "http://repo", "http://homepage"}


def faults_of(path: Path) -> list[str]:
    """All that the site would refuse a zip for."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        faults = [*_faults_of_names(names)]
        if path.stat().st_size > SIZE_LIMIT:
            faults.append(f"{path.stat().st_size} bytes are more than {SIZE_LIMIT}")
        if faults:
            return faults
        with tempfile.TemporaryDirectory() as folder:
            archive.extractall(folder)
            plugin = Path(folder, names[0].split("/")[0])
            return [*_faults_of_metadata(plugin), *_faults_of_code(plugin), *_secrets(plugin)]


def _faults_of_names(names: list[str]) -> Iterator[str]:
    folders = {name.split("/")[0] for name in names}
    if len(folders) != 1 or not folders.copy().pop().isidentifier():
        yield f"not one folder that Python can import: {sorted(folders)}"
        return
    for needed in _NEEDED:
        if f"{folders.copy().pop()}/{needed}" not in names:
            yield f"{needed} is not there"
    for name in names:
        if ".." in PurePosixPath(name).parts or name.startswith("/") or "\\" in name or ":" in name:
            yield f"{name} leads out of the folder"
        if _UNWANTED.search(name):
            yield f"{name} has no place in a plugin"


def _faults_of_metadata(plugin: Path) -> Iterator[str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # the site minds the case
    parser.read(plugin / "metadata.txt", encoding="utf-8")
    general = parser["general"]
    yield from (f"metadata.txt has no {key}" for key in REQUIRED if not general.get(key, "").strip())
    if not re.fullmatch(r"\d+\.\d+\.\d+", general.get("version", "")):
        yield f"the version is not three numbers: {general.get('version')}"
    if "/" in general.get("author", ""):
        yield "the author's name has a slash"
    for key in ("tracker", "repository", "homepage"):
        address = general.get(key, "")
        if address in _PLACEHOLDERS or not address.startswith("https://") or address.endswith(".zip"):
            yield f"{key} is no address: {address}"
    if not (plugin / general.get("icon", "")).is_file():
        yield f"the icon is not there: {general.get('icon')}"


def _faults_of_code(plugin: Path) -> Iterator[str]:
    """Bandit with all its tests: a few more than the site has switched on."""
    command = [sys.executable, "-m", "bandit", "-q", "-r", "-f", "json", str(plugin)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads(answer.stdout)
    yield from (f"bandit: {each['reason']} in {each['filename']}" for each in report["errors"])
    for each in report["results"]:
        where = f"{Path(each['filename']).relative_to(plugin)}:{each['line_number']}"
        yield f"bandit {each['test_id']} {where}: {each['issue_text']}"


def _secrets(plugin: Path) -> Iterator[str]:
    """detect-secrets with all its detectors; the site leaves out metadata.txt."""
    command = [sys.executable, "-m", "detect_secrets", "-C", str(plugin), "scan", "--all-files", "."]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    for name, found in json.loads(answer.stdout)["results"].items():
        if name != "metadata.txt":
            yield from (f"detect-secrets {name}:{each['line_number']}: {each['type']}" for each in found)


if __name__ == "__main__":
    found = faults_of(Path(sys.argv[1]))
    print("\n".join(found) or "nothing that the plugin site would refuse")
    sys.exit(bool(found))
