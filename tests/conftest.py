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
    """A layer that lives on when QGIS has ended spoils the heap.

    What keeps one is a reference cycle, or an exception that came through QGIS's Processing, which never
    lets go of it and of all frames that it came through.
    """
    has_qgis = request.config.pluginmanager.hasplugin("pytest_qgis")
    if has_qgis:
        request.getfixturevalue("qgis_app")
    yield
    for item in request.session.items:
        item.funcargs = {}
    gc.collect()
    if has_qgis:
        delete_layers()


def delete_layers():
    from qgis.core import QgsMapLayer
    from qgis.PyQt import sip

    for thing in gc.get_objects():
        if issubclass(type(thing), QgsMapLayer) and not sip.isdeleted(thing) and sip.ispyowned(thing):
            sip.delete(thing)


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
