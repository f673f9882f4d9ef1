"""Logins in QGIS's authentication store, kept for one test."""

from __future__ import annotations

import pytest
from qgis.core import QgsApplication, QgsAuthMethodConfig

MASTER = "the master password of the tests"


@pytest.fixture
def keep_login(qgis_app):
    """Keeps a login as the user does in QGIS's own dialog; gives its id."""
    manager, kept = QgsApplication.authManager(), []
    assert manager.setMasterPassword(MASTER, True)

    def keep(method, **values):
        config = QgsAuthMethodConfig(method)
        config.setName(f"login {len(kept)}")
        config.setConfigMap({name.replace("_", "-"): value for name, value in values.items()})
        is_stored, config = manager.storeAuthenticationConfig(config)
        assert is_stored
        kept.append(config.id())
        return config.id()

    yield keep
    manager.setMasterPassword(MASTER, True)
    for login in kept:
        manager.removeAuthenticationConfig(login)
