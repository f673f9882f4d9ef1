"""Fixtures of the tests that prepare a runtime."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from preparing import BASE, downloaded_wheels, hashed_lines, started
from qgis.PyQt.QtTest import QTest
from servers.package_index import PackageIndex, self_signed


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    return downloaded_wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture
def requirements_file(wheels, tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text("\n".join(hashed_lines(wheels)) + "\n")
    return path


@pytest.fixture
def runtime(tmp_path):
    """A folder whose name is not all letters."""
    from lspace.gis.runtime.runtime_folder import RuntimeFolder

    return RuntimeFolder(tmp_path / "for räume, and 2 spaces")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Of 127.0.0.1, signed by itself, with its key."""
    return self_signed(tmp_path_factory.mktemp("certificate") / "local.pem")


@pytest.fixture
def distrusted_index(wheels, certificate, monkeypatch):
    """A local index, and no other: what the tests' pip is configured for is left out."""
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "PIP_CERT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    server = PackageIndex(wheels, certificate)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def index(distrusted_index, certificate, monkeypatch):
    """The same, with a certificate that this computer trusts."""
    monkeypatch.setenv("PIP_CERT", str(certificate))
    return distrusted_index


@pytest.fixture
def order(runtime, requirements_file):
    """From the index that pip is configured for."""
    from lspace.gis.runtime.preparation import PreparationOrder
    from lspace.gis.runtime.requirements import Requirements

    requirements = Requirements(requirements_file, modules=("packaging", "idna"), disk_mb=50)
    return PreparationOrder(runtime, BASE, requirements)


@pytest.fixture
def local_order(order, index):
    """From the local index, with little patience."""
    requirements = replace(order.requirements, index=index.url)
    return replace(order, requirements=requirements, timeout_s=2, retries=1)


@pytest.fixture(scope="session")
def prepared(qgis_app, wheels, tmp_path_factory):
    """A runtime as it lies on the disk, to be copied: nothing in it that we use holds its place."""
    from lspace.gis.runtime.preparation import PreparationOrder
    from lspace.gis.runtime.requirements import Requirements
    from lspace.gis.runtime.runtime_folder import RuntimeFolder

    place = tmp_path_factory.mktemp("prepared")
    file = place / "requirements.txt"
    file.write_text("\n".join(hashed_lines(wheels)) + "\n")
    requirements = Requirements(file, wheels=str(wheels), modules=("packaging", "idna"))
    told = started(PreparationOrder(RuntimeFolder(place / "runtime"), BASE, requirements))
    while not told.ends:
        QTest.qWait(20)
    return place / "runtime"


@pytest.fixture(scope="session")
def small_python(qgis_app, tmp_path_factory):
    """The real small runtime, from the index that pip is configured for: its interpreter."""
    from lspace.gis.runtime.preparation import PreparationOrder
    from lspace.gis.runtime.requirements import Build, model_requirements
    from lspace.gis.runtime.runtime_folder import RuntimeFolder

    folder = RuntimeFolder(tmp_path_factory.mktemp("small") / "runtime")
    told = started(PreparationOrder(folder, BASE, model_requirements(Build.SMALL)))
    while not told.ends:
        QTest.qWait(20)
    assert isinstance(told.end, str), told.lines[-20:]
    yield told.end
    folder.clear()


@pytest.fixture
def working(prepared, local_order):
    """A runtime that was prepared before, of the local order's requirements."""
    folder = local_order.folder
    shutil.copytree(prepared, folder.path, symlinks=True)
    runtime = folder.current()
    stamp = replace(runtime.stamp, index=local_order.requirements.index, wheels="")
    return folder.switch_to(runtime.folder, stamp)
