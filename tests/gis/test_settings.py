"""Which model the settings mean."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.settings import Settings
from lspace.model_backend.contract import CONTRACT_MARK, EMBEDDED_MODEL


def test_no_model_means_the_one_that_comes_with_the_plugin():
    settings = Settings(model="")
    assert settings.is_embedded_model
    assert settings.model_choice().model == str(EMBEDDED_MODEL)
    assert settings.expected_contract.name == "lspace-mini"


def test_the_embedded_model_is_known_by_its_folder_however_it_is_written(tmp_path):
    link = tmp_path / "plugin"
    link.symlink_to(EMBEDDED_MODEL.parents[2])
    assert Settings(model=str(link / "resources" / "models" / "lspace-mini") + "/").is_embedded_model


@pytest.mark.parametrize("model", ["NuTonic/lspace", "/no/such/folder", "lspace-mini"])
def test_a_chosen_model_stays_chosen_where_it_is_not_here(model):
    settings = Settings(model=model)
    assert not settings.is_embedded_model
    assert settings.model_choice().model == model
    assert settings.expected_contract.name == "lspace"


def test_a_folder_of_the_users_own_has_the_contract_that_its_configuration_names(tmp_path):
    config = {"model_type": "lfm2_vl", CONTRACT_MARK: "lspace-mini"}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    settings = Settings(model=str(tmp_path))
    assert settings.expected_contract.name == "lspace-mini"
    assert not settings.is_embedded_model
