"""The zip is what the plugin site and QGIS's installer expect."""

from __future__ import annotations

import ast
import configparser
import re
import zipfile
from pathlib import Path

import pytest
from packed import packed_zip
from plugin_site import faults_of

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def metadata():
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "metadata.txt", encoding="utf-8")
    return dict(parser["general"])


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    path = packed_zip(tmp_path_factory.mktemp("dist"))
    return path


@pytest.fixture(scope="module")
def names(package):
    with zipfile.ZipFile(package) as archive:
        return [name for name in archive.namelist() if not name.endswith("/")]


def test_the_plugin_site_would_take_the_zip(package):
    assert faults_of(package) == []


# each is one thing that the site refuses, put into a zip that it would take
SPOILT = {
    "bandit B102 spoilt.py:1": ("lspace/spoilt.py", "exec('print(1)')\n"),
    "bandit B602 spoilt.py:2": (
        "lspace/spoilt.py",
        "import subprocess\nsubprocess.run('ls *', shell=True)\n",
    ),
    "detect-secrets spoilt.py:1: AWS Access Key": ("lspace/spoilt.py", f"key = 'AKIA{'Z7' * 8}'\n"),
    "lspace/run.sh has no place in a plugin": ("lspace/run.sh", "ls\n"),
    "lspace/__pycache__/a.pyc has no place": ("lspace/__pycache__/a.pyc", ""),
    "not one folder that Python can import: ['lspace', 'other']": ("other/a.txt", ""),
    "lspace/../a.txt leads out of the folder": ("lspace/../a.txt", ""),
    "metadata.txt has no tracker": ("lspace/metadata.txt", "[general]\nname=LSpace\n"),
    "the version is not three numbers: 1.0-beta": (
        "lspace/metadata.txt",
        "[general]\nversion=1.0-beta\n",
    ),
    "LICENSE is not there": ("lspace/LICENSE", None),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_what_the_plugin_site_refuses_is_found(tmp_path, fault):
    spoilt, text = SPOILT[fault]
    general = (ROOT / "metadata.txt").read_text(encoding="utf-8")
    files = {f"lspace/{name}": "" for name in ("__init__.py", "LICENSE", "README.md", "resources/icon.svg")}
    files = {**files, "lspace/metadata.txt": general, spoilt: text}
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, content in files.items():
            if content is not None:
                archive.writestr(name, content)
    assert any(fault in found for found in faults_of(tmp_path / "a.zip"))


def test_the_version_stands_in_the_changelog(metadata):
    assert f"## {metadata['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_metadata_says_what_runs_outside_of_qgis(metadata):
    assert "External dependencies" in metadata["about"]
    assert "proposals, not ground truth" in metadata["about"]


@pytest.mark.parametrize("modules", ["gis/**/*.py", "ui/**/*.py", "*.py"])
def test_what_qgis_imports_is_python_3_9(modules):
    paths = list(ROOT.glob(modules))
    assert paths
    for path in paths:
        ast.parse(path.read_text(encoding="utf-8"), filename=str(path), feature_version=(3, 9))


def test_the_zip_has_the_plugin_and_what_its_worker_needs(names):
    assert {name.split("/")[0] for name in names} == {"lspace"}
    for needed in ("plugin.py", "requirements-small.txt", "requirements.txt", "requirements-training.txt"):
        assert f"lspace/{needed}" in names
    assert "lspace/resources/icon.svg" in names
    assert "lspace/model_backend/worker.py" in names


def test_the_zip_has_a_model_that_answers_without_a_download(names):
    inside = [name for name in names if name.startswith("lspace/resources/models/lspace-mini/")]
    needed = {"README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert {name.rsplit("/", 1)[1] for name in inside} >= needed


def test_the_zip_leaves_out_what_only_developers_need(names):
    assert not [name for name in names if re.search(r"/(tests|docs|run$|pyproject|requirements-.*dev)", name)]
