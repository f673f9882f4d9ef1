"""Which models are on this computer, whether they can be used, and how they come and go."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.errors import ModelNotRemoved, ModelUnusable
from lspace.gis.models.installed import (
    ModelOrigin,
    check_folder,
    installed_models,
    remove_download,
    with_folder,
    without_folder,
)
from lspace.gis.models.licence import told_licence
from lspace.gis.models.published import published_models
from lspace.gis.settings import Settings
from lspace.model_backend.contract import EMBEDDED_MODEL
from lspace.model_backend.model_cache import CachedFile, model_folder, write_record
from lspace.ui.words import sentence_for

PINNED = published_models()[0].revision
OTHER_COMMIT = "0123456789" * 4


@pytest.fixture
def settings(tmp_path):
    return Settings(model_cache=str(tmp_path / "cache"))


@pytest.fixture
def own(tmp_path):
    """A folder of the user's own with a model that works."""
    return Path(shutil.copytree(EMBEDDED_MODEL, tmp_path / "räume, mine"))


@pytest.fixture
def download(tmp_path):
    """Puts a model where downloads go."""

    def put(revision=PINNED):
        folder = model_folder(tmp_path / "cache", "NuTonic/lspace", revision)
        shutil.copytree(EMBEDDED_MODEL, folder)
        files = [path for path in sorted(folder.iterdir()) if path.is_file()]
        write_record(
            folder,
            [CachedFile(path.name, path.stat().st_size, None, path.stat().st_mtime_ns) for path in files],
        )
        return folder

    return put


def names(settings):
    return [model.name for model in installed_models(settings)]


def test_the_embedded_model_is_always_there_whole_and_first(settings):
    (model,) = installed_models(settings)
    assert (model.name, model.origin, model.setting) == ("lspace-mini", ModelOrigin.EMBEDDED, "")
    assert model.is_whole
    assert model.contract.title == "lspace-mini"
    assert "GPL-2.0-or-later" in model.contract.licence
    assert 4_100_000 < model.size < 4_500_000
    assert model.is_chosen(settings)


def test_a_download_is_known_by_its_hub_id_commit_and_size(settings, download):
    folder = download()
    model = installed_models(settings)[1]
    assert (model.name, model.setting, model.folder) == ("NuTonic/lspace", "NuTonic/lspace", folder)
    assert (model.origin, model.revision) == (ModelOrigin.DOWNLOADED, folder.name)
    assert model.is_whole
    assert model.size == sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    assert model.is_chosen(replace(settings, model="NuTonic/lspace"))
    assert not model.is_chosen(settings)


def test_a_download_of_another_commit_is_chosen_by_its_folder_not_by_the_hub_id(settings, download):
    folder = download(OTHER_COMMIT)
    model = installed_models(settings)[1]
    assert model.setting == str(folder)
    assert not model.is_chosen(replace(settings, model="NuTonic/lspace"))
    assert model.is_chosen(replace(settings, model=str(folder)))


def test_half_a_download_is_listed_as_such(settings, download):
    folder = download()
    (folder / "model.safetensors").rename(folder / "model.safetensors.part")
    model = installed_models(settings)[1]
    assert model.fault.values["reason"] == "half"
    assert model.size > 4_000_000
    assert "not complete" in sentence_for(model.fault)


def test_a_folder_of_ones_own_is_listed_once_however_often_it_is_named(settings, own):
    named = with_folder(with_folder(settings, own), own / ".")
    assert names(replace(named, model=str(own))) == ["lspace-mini", own.name]
    assert installed_models(named)[1].setting == str(own)


def test_the_chosen_folder_is_listed_though_nobody_added_it(settings, own):
    (model,) = installed_models(replace(settings, model=str(own)))[1:]
    assert (model.origin, model.revision) == (ModelOrigin.FOLDER, "")


def test_a_folder_that_is_gone_stays_in_the_list_with_the_reason(settings, own):
    named = with_folder(settings, own)
    shutil.rmtree(own)
    model = installed_models(named)[1]
    assert not model.is_whole
    assert model.contract is None
    assert sentence_for(model.fault) == f"There is no folder {own}."


def test_a_folder_is_forgotten_and_its_files_stay(settings, own):
    named = replace(with_folder(settings, own), model=str(own))
    forgotten = without_folder(named, own)
    assert names(forgotten) == ["lspace-mini"]
    assert forgotten.is_embedded_model
    assert (own / "model.safetensors").is_file()


def test_a_folder_without_a_model_is_not_added(settings, tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ModelUnusable):
            with_folder(settings, folder)


@pytest.mark.parametrize(
    ("damage", "reason", "words"),
    [
        (lambda folder: (folder / "tokenizer.json").unlink(), "missing", "tokenizer.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "weights", "safetensors"),
        (
            lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
            "pickle",
            "pytorch_model.bin",
        ),
        (
            lambda folder: (folder / "model.safetensors").write_bytes(
                (folder / "model.safetensors").read_bytes()[:-9]
            ),
            "cut",
            "not copied whole",
        ),
        (
            lambda folder: (folder / "model.safetensors").write_text("version https://git-lfs.github.com/"),
            "pointer",
            "git lfs pull",
        ),
        (lambda folder: (folder / "config.json").write_text("{"), "json", "config.json"),
        (
            lambda folder: (folder / "config.json").write_text(json.dumps({"model_type": "llama"})),
            "contract",
            "llama",
        ),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_with_what_to_do(own, damage, reason, words):
    damage(own)
    with pytest.raises(ModelUnusable) as caught:
        check_folder(own)
    assert caught.value.values["reason"] == reason
    sentence = sentence_for(caught.value)
    assert words in sentence
    assert sentence.endswith(".")


def test_a_removed_download_is_gone_with_its_empty_folders_and_its_choice(settings, download):
    folder = download()
    chosen = replace(settings, model="NuTonic/lspace")
    after = remove_download(installed_models(chosen)[1], chosen)
    assert after.is_embedded_model
    assert names(after) == ["lspace-mini"]
    assert not folder.parent.exists()
    assert folder.parents[1].is_dir()


def test_what_the_fast_engine_made_of_a_download_goes_with_it(settings, download):
    folder, other = download(), download(OTHER_COMMIT)
    graphs = folder.parents[1] / "graphs"
    for name, source in (("q8-1", folder), ("q4-2", folder), ("q8-3", other)):
        (graphs / name).mkdir(parents=True)
        (graphs / name / "graphs.json").write_text(json.dumps({"source": str(source.resolve()), "files": []}))
    models = {model.revision: model for model in installed_models(settings)}
    remove_download(models[PINNED], settings)
    assert [path.name for path in graphs.iterdir()] == ["q8-3"]


def test_another_commit_of_a_removed_download_stays(settings, download):
    download()
    kept = download(OTHER_COMMIT)
    models = {model.revision: model for model in installed_models(settings)}
    remove_download(models[PINNED], settings)
    assert [model.folder for model in installed_models(settings)[1:]] == [kept]


def test_only_downloads_can_be_removed(settings, own):
    for model in installed_models(with_folder(settings, own)):
        with pytest.raises(ModelNotRemoved):
            remove_download(model, settings)
    assert (own / "config.json").is_file()
    assert (EMBEDDED_MODEL / "config.json").is_file()


def test_a_download_outside_of_the_cache_is_left_alone(settings, download, tmp_path):
    folder = download()
    model = installed_models(settings)[1]
    with pytest.raises(ModelNotRemoved):
        remove_download(model, replace(settings, model_cache=str(tmp_path / "elsewhere")))
    assert folder.is_dir()


def test_lspace_is_published_with_its_commit_size_and_both_licences():
    (lspace,) = published_models()
    assert (lspace.hub_id, len(lspace.revision), lspace.size) == ("NuTonic/lspace", 40, 897_484_568)
    assert "Apache-2.0" in lspace.contract.licence
    assert "LFM 1.0" in lspace.contract.licence


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"README.md": "---\nlicense: apache-2.0\ntags: [a]\n---\n# Mine\n"}, "apache-2.0"),
        ({"README.md": "---\nlicense: other\nlicense_name: lfm1.0\n---\n"}, "other, lfm1.0"),
        ({"README.md": "# Mine\n\nlicense: not the front matter\n"}, ""),
        ({"LICENSE": "\n\n   MIT License\n\nCopyright"}, "MIT License"),
        ({"README.md": "---\ntags: [a]\n---\n", "LICENCE.txt": "Apache License"}, "Apache License"),
        ({"LICENSE": "x" * 500}, "x" * 100),
        ({}, ""),
    ],
)
def test_the_licence_is_what_the_files_say(tmp_path, files, told):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert told_licence(tmp_path) == told
