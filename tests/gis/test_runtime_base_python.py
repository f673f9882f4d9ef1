"""Pythons found by rule and judged by running them; never QGIS's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.child_process import Ending
from lspace.gis.runtime import python_places
from lspace.gis.runtime.base_python import BasePythonSearch, PythonFault, judged
from lspace.gis.runtime.python_places import (
    candidates,
    is_inside,
    mac_places,
    on_path,
    root_of_qgis,
    windows_places,
)
from preparing import BASE

FACTS = {
    "version": "3.12.1",
    "path": "/opt/python/bin/python3.12",
    "prefix": "/opt/python",
    "bits": 64,
    "system": "Linux",
    "machine": "x86_64",
    "is_translated": False,
    "free_threaded": False,
    "missing": [],
}


def looked_at(qtbot, paths=None):
    search = BasePythonSearch()
    told = []
    search.finished.connect(told.append)
    search.start(paths)
    qtbot.waitUntil(lambda: bool(told), timeout=60_000)
    return told[0]


def program(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_a_usable_python_is_found_on_this_computer(qtbot):
    best = looked_at(qtbot)[0]
    assert best.is_usable
    answer = subprocess.run([best.path, "-V"], check=True, capture_output=True, text=True).stdout
    assert answer.strip() == f"Python {best.version}"


def test_a_virtual_environment_is_told_as_the_python_it_stands_on(qtbot):
    (python,) = looked_at(qtbot, [sys.executable])
    assert Path(python.path).resolve() == Path(BASE).resolve()
    assert ".venv" not in python.path


def test_the_same_python_under_two_names_is_told_once_and_the_usable_come_first(qtbot, tmp_path):
    for name in ("python3", "python3.11"):
        (tmp_path / name).symlink_to(BASE)
    broken = program(tmp_path / "shim", "#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    pythons = looked_at(qtbot, [broken, str(tmp_path / "python3"), str(tmp_path / "python3.11")])
    assert [python.fault for python in pythons] == [None, PythonFault.NO_ANSWER]
    assert "command not found" in pythons[1].detail


def test_a_program_that_is_not_there_or_no_python_gives_no_answer(qtbot, tmp_path):
    talker = program(tmp_path / "talker", "#!/bin/sh\necho '[1, 2]'\n")
    pythons = looked_at(qtbot, [str(tmp_path / "gone"), talker])
    assert [python.fault for python in pythons] == [PythonFault.NO_ANSWER] * 2


def test_nothing_to_look_at_ends_at_once(qtbot):
    assert looked_at(qtbot, []) == ()


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        ({}, None),
        ({"version": "3.10.0"}, None),
        ({"version": "3.14.2"}, None),
        ({"version": "3.9.18"}, PythonFault.TOO_OLD),
        ({"version": "3.15.0rc1"}, PythonFault.TOO_NEW),
        ({"bits": 32}, PythonFault.BITS_32),
        ({"free_threaded": True}, PythonFault.FREE_THREADED),
        ({"missing": ["ensurepip"]}, PythonFault.NO_VENV),
        ({"system": "Darwin", "machine": "arm64"}, None),
        ({"system": "Darwin"}, PythonFault.INTEL_MAC),
        ({"system": "Darwin", "is_translated": True}, PythonFault.TRANSLATED),
        (
            {"prefix": "/Program Files/WindowsApps/PythonSoftwareFoundation.Python.3.12"},
            PythonFault.FROM_STORE,
        ),
    ],
)
def test_a_python_is_judged_by_what_it_says(qgis_app, facts, fault):
    ending = Ending(0, json.dumps({**FACTS, **facts}), "")
    assert judged("/usr/bin/python3", ending).fault is fault


def test_a_python_of_qgis_is_refused_wherever_it_is_called_from(qgis_app, tmp_path, monkeypatch):
    monkeypatch.setenv("OSGEO4W_ROOT", str(tmp_path / "OSGeo4W"))
    facts = {**FACTS, "prefix": str(tmp_path / "OSGeo4W" / "apps" / "Python312")}
    assert judged("/x", Ending(0, json.dumps(facts), "")).fault is PythonFault.OF_QGIS


def test_programs_inside_qgis_are_not_even_run(qgis_app, tmp_path, monkeypatch):
    inside, outside = tmp_path / "OSGeo4W" / "bin", tmp_path / "bin"
    for folder in (inside, outside):
        folder.mkdir(parents=True)
        program(folder / "python3.12", "#!/bin/sh\n")
    monkeypatch.setenv("OSGEO4W_ROOT", str(tmp_path / "OSGeo4W"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(inside))
    assert candidates() == []
    monkeypatch.setenv("PATH", str(outside))
    assert candidates() == [str(outside / "python3.12")]


@pytest.mark.parametrize(
    ("prefix", "root"),
    [
        ("/Applications/QGIS-LTR.app/Contents/MacOS", "/Applications/QGIS-LTR.app"),
        ("/c/Program Files/QGIS 3.34/apps/qgis-ltr", "/c/Program Files/QGIS 3.34"),
        ("/home/me/miniforge/envs/gis", "/home/me/miniforge/envs/gis"),
    ],
)
def test_the_whole_of_qgis_is_known_from_its_prefix(prefix, root):
    assert root_of_qgis(Path(prefix)) == Path(root)


def test_a_distributions_qgis_does_not_claim_the_whole_system(qgis_app):
    assert QGIS_PREFIX_OF_DEBIAN not in python_places.folders_of_qgis()


QGIS_PREFIX_OF_DEBIAN = Path("/usr")


def test_a_link_into_qgis_is_inside_only_by_its_own_folder(tmp_path):
    (tmp_path / "qgis").mkdir()
    (tmp_path / "door").symlink_to(tmp_path / "qgis")
    assert is_inside(tmp_path / "door" / "python3", tmp_path / "qgis")
    assert not is_inside(tmp_path / "qgis-tools" / "python3", tmp_path / "qgis")


def test_the_newest_comes_first_on_the_path(tmp_path):
    for name in ("python3.10", "python3.13", "python3"):
        program(tmp_path / name, "#!/bin/sh\n")
    assert [Path(path).name for path in on_path(str(tmp_path))] == ["python3.13", "python3.10", "python3"]


def test_the_usual_places_of_windows_and_mac_are_known():
    windows = list(
        windows_places({"LOCALAPPDATA": "C:/Users/a/AppData/Local", "ProgramFiles": "C:/Program Files"})
    )
    assert "C:/Users/a/AppData/Local/Programs/Python/Python312/python.exe" in windows
    assert "C:/Program Files/Python310/python.exe" in windows
    mac = list(mac_places())
    assert "/Library/Frameworks/Python.framework/Versions/3.12/bin/python3.12" in mac
    assert "/opt/homebrew/bin/python3.14" in mac
    assert "/usr/bin/python3" not in mac


@pytest.fixture
def home(tmp_path):
    """With the Pythons of uv, pyenv and conda, which lie on no PATH."""
    places = (
        ".local/share/uv/python/cpython-3.9.19-linux-x86_64-gnu",
        ".local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu",
        ".pyenv/versions/3.11.9",
        "miniforge3",
    )
    for place in places:
        (tmp_path / place / "bin").mkdir(parents=True)
        (tmp_path / place / "bin" / "python3").symlink_to(BASE)
    (tmp_path / ".pyenv" / "shims").mkdir()
    program(tmp_path / ".pyenv" / "shims" / "python3", "#!/bin/sh\nexit 127\n")
    return tmp_path


def test_what_uv_pyenv_and_conda_made_is_found_the_newest_first(home, qgis_app, monkeypatch):
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", "")
    found = [Path(path).relative_to(home).parts[:-2][-1] for path in candidates()]
    uv = [f"cpython-{version}-linux-x86_64-gnu" for version in ("3.12.4", "3.9.19")]
    assert found == [*uv, "3.11.9", "miniforge3"]


def test_a_conda_that_qgis_came_with_is_not_offered(home, qgis_app, monkeypatch):
    monkeypatch.setattr(python_places.QgsApplication, "prefixPath", lambda: str(home / "miniforge3"))
    monkeypatch.setenv("HOME", str(home))
    assert not [path for path in candidates() if "miniforge3" in path]
