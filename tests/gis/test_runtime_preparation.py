"""Runtimes made for real: from the package index, from a local one, from a folder of wheels."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("qgis.core")

from preparing import PACKAGES, ended, versions_in

pytest_plugins = ("runtime_fixtures",)


def test_a_runtime_is_prepared_from_the_package_index(qtbot, order):
    told = ended(qtbot, order)
    runtime = order.folder.current()
    assert told.end == runtime.python
    assert versions_in(told.end) == PACKAGES
    assert PACKAGES.items() <= runtime.stamp.packages.items()
    assert told.steps == ["cleaning", "creating", "updating pip", "downloading", "installing", "checking"]
    assert Path(order.base).parent.parent not in Path(told.end).parents


def test_progress_never_goes_back_and_counts_bytes(qtbot, local_order, wheels):
    total = sum(next(wheels.glob(f"{name}-*")).stat().st_size for name in PACKAGES)
    requirements = replace(local_order.requirements, download_mb=1)
    told = ended(qtbot, replace(local_order, requirements=requirements))
    shares = [each.share for each in told.progress]
    assert shares == sorted(shares)
    downloading = [each for each in told.progress if each.step.value == "downloading"]
    assert 0.05 < downloading[-1].share <= 0.06 + 0.75 * total / 1e6
    assert any(each.detail.startswith("idna-3.10") for each in downloading)
    arrived = next(each for each in told.progress if each.step.value == "installing")
    assert set(arrived.detail.replace(",", "").split()) == set(PACKAGES)


def test_a_folder_of_wheels_is_enough_without_any_network(qtbot, order, wheels, index):
    requirements = replace(order.requirements, wheels=str(wheels), index=index.url)
    told = ended(qtbot, replace(order, requirements=requirements))
    assert versions_in(told.end) == PACKAGES
    assert index.asked == []


def test_preparing_again_replaces_the_old_runtime_only_at_the_end(qtbot, working, local_order):
    told = ended(qtbot, local_order)
    assert told.end != working.python
    assert order_folder_names(local_order) == {"current", Path(told.end).parents[1].name, "certificates.pem"}
    assert versions_in(told.end) == PACKAGES


def order_folder_names(order):
    return {path.name for path in order.folder.path.iterdir()}


def test_a_runtime_whose_files_are_lost_is_made_anew_from_its_stamp(qtbot, working, local_order):
    from lspace.gis.runtime.preparation import repair_order

    again = repair_order(local_order.folder)
    assert (again.base, again.requirements.index) == (local_order.base, local_order.requirements.index)
    for path in working.folder.rglob("packaging/version.py"):
        path.unlink()
    told = ended(qtbot, replace(again, requirements=local_order.requirements))
    assert versions_in(told.end) == PACKAGES


def test_a_changed_requirements_file_is_noticed(working, local_order):
    requirements = local_order.requirements
    assert working.fits(requirements)
    with requirements.file.open("a") as stream:
        stream.write("six\n")
    assert not working.fits(requirements)


def test_a_runtime_is_none_when_its_interpreter_is_gone(working, runtime):
    assert runtime.current() == working
    Path(working.python).unlink()
    assert runtime.current() is None


def test_nothing_leads_pip_out_of_the_environment(qtbot, local_order, monkeypatch, tmp_path):
    for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("PIP_USER", "1")
    told = ended(qtbot, local_order)
    assert versions_in(told.end) == PACKAGES
    assert not (tmp_path / "elsewhere").exists()


def test_the_environment_sees_no_packages_of_others(qtbot, working):
    script = "import sys; print([path for path in sys.path if 'dist-packages' in path])"
    seen = subprocess.run([working.python, "-c", script], check=True, capture_output=True, text=True).stdout
    assert seen.strip() == "[]"


def test_a_folder_inside_the_plugin_or_the_profile_is_refused(qtbot, order, qgis_app):
    from lspace.gis.interpreter import PLUGIN_FOLDER
    from lspace.gis.runtime.runtime_folder import RuntimeFolder

    for place in (PLUGIN_FOLDER / "runtime", Path(qgis_app.qgisSettingsDirPath()) / "runtime", Path("here")):
        told = ended(qtbot, replace(order, folder=RuntimeFolder(place)))
        assert told.fault == "bad folder"
        assert not place.exists()
