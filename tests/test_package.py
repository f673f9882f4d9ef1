"""The zip is what the plugin site and QGIS's installer expect."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SIZE_LIMIT = 25_000_000
"""Bytes."""


@pytest.fixture(scope="module")
def metadata():
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "metadata.txt", encoding="utf-8")
    return dict(parser["general"])


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    path = tmp_path_factory.mktemp("dist") / "lspace.zip"
    tree = subprocess.run(
        ["git", "stash", "create"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    command = ["git", "archive", "--prefix=lspace/", "-o", str(path), tree or "HEAD"]
    subprocess.run(command, cwd=ROOT, check=True)
    assert path.stat().st_size < SIZE_LIMIT
    with zipfile.ZipFile(path) as archive:
        return [name for name in archive.namelist() if not name.endswith("/")]


REQUIRED = """name description version qgisminimumversion qgismaximumversion author email about tracker
repository homepage icon"""


@pytest.mark.parametrize("key", REQUIRED.split())
def test_metadata_has_what_the_plugin_site_requires(metadata, key):
    assert metadata[key].strip()


def test_the_version_is_three_numbers_and_stands_in_the_changelog(metadata):
    assert re.fullmatch(r"\d+\.\d+\.\d+", metadata["version"])
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


def test_the_zip_has_one_folder_with_the_plugin_and_its_licence(names):
    assert {name.split("/")[0] for name in names} == {"lspace"}
    for needed in ("__init__.py", "plugin.py", "metadata.txt", "LICENSE", "README.md"):
        assert f"lspace/{needed}" in names
    for needed in ("requirements.txt", "requirements-training.txt"):
        assert f"lspace/{needed}" in names
    assert "lspace/resources/icon.svg" in names
    assert "lspace/model_backend/worker.py" in names


def test_the_zip_has_a_model_that_answers_without_a_download(names):
    inside = [name for name in names if name.startswith("lspace/resources/models/lspace-mini/")]
    needed = {"README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert {name.rsplit("/", 1)[1] for name in inside} >= needed


def test_the_zip_leaves_out_what_only_developers_need(names):
    assert not [name for name in names if re.search(r"/(tests|\.ci|run$|pyproject|\.git)", name)]
    assert not [name for name in names if re.search(r"\.(pyc|sh|exe|so|dll)$", name)]
