"""The plugin folder may be called anything; the tests know it as the package ``lspace``."""

from __future__ import annotations

import gc
import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

if "lspace" not in sys.modules:
    _spec = spec_from_file_location("lspace", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    _package = module_from_spec(_spec)
    sys.modules["lspace"] = _package
    _spec.loader.exec_module(_package)


@pytest.fixture(scope="session", autouse=True)
def user_data(tmp_path_factory):
    """Folders for the user's data and for models, so that a test leaves nothing in the real ones."""
    os.environ["XDG_DATA_HOME"] = str(tmp_path_factory.mktemp("user-data"))
    os.environ["HF_HOME"] = str(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session", autouse=True)
def layers_go_before_qgis(request, user_data):
    """A raster layer that lives on in a reference cycle when QGIS has ended spoils the heap."""
    if request.config.pluginmanager.hasplugin("pytest_qgis"):
        request.getfixturevalue("qgis_app")
    yield
    for item in request.session.items:
        item.funcargs = {}
    gc.collect()


@pytest.fixture
def conversation(qgis_new_project):
    """The questions and answers of the project, none at first."""
    from lspace.gis.runs.conversation import Conversation

    kept = Conversation()
    yield kept
    kept.deleteLater()


@pytest.fixture
def store(conversation):
    """The pictures of the conversation."""
    from lspace.gis.runs.chip_store import ChipStore

    return ChipStore(conversation, conversation)
