"""The algorithms in the real ``qgis_process``: no window, no dock."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from osgeo import ogr
from start_qgis import ROOT, make_profile, start_qgis, switch_on

HERE = Path(__file__).resolve().parent
SCENE = ROOT / "resources" / "demo" / "honolulu.tif"
EXTENT = "-17583300,-17582200,2434900,2436000"
"""Inside of one of lspace-mini's training-grade chips."""
PROGRAM = shutil.which("qgis_process.bin") or "qgis_process"
"""Debian's script adds options of the window to it, which it does not know."""


@pytest.fixture
def process(tmp_path):
    home = make_profile(tmp_path / "config")
    switch_on(home, None)

    def run(*words, **environment):
        known = {"QT_QPA_PLATFORM": "offscreen", "QGIS_CUSTOM_CONFIG_PATH": str(tmp_path / "config")}
        return subprocess.run(
            [PROGRAM, *words],
            env={**os.environ, **known, **environment},
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


def features_of(path):
    dataset = ogr.Open(str(path))
    layer = dataset.GetLayer(0)
    found = [(feature.GetGeometryRef().Clone(), feature.items()) for feature in layer]
    return found, layer.GetSpatialRef().GetAuthorityCode(None)


def test_a_shell_gets_in_a_shapefile_what_the_dock_shows(tmp_path, process):
    path, report = tmp_path / "found.shp", tmp_path / "report.json"
    targets = ["water", "vessel candidate"]
    done = process(
        *("run", "lspace:detect", "--", f"INPUT={SCENE}", f"EXTENT={EXTENT} [EPSG:3857]"),
        *(f"TARGETS={target}" for target in targets),
        f"OUTPUT={path}",
    )
    assert done.returncode == 0, done.stderr
    start_qgis(HERE / "drive_processing.py", REPORT=str(report), EXTENT=EXTENT, TARGETS=",".join(targets))
    seen = json.loads(report.read_text())
    found, code = features_of(path)
    assert len(found) == len(seen["proposals"]) >= 2
    assert f"EPSG:{code}" == seen["crs"]
    assert list(found[0][1]) == seen["fields"]
    for (shape, fields), dock in zip(found, seen["proposals"]):
        assert shape.Distance(ogr.CreateGeometryFromWkt(dock["wkt"])) == 0
        assert shape.SymDifference(ogr.CreateGeometryFromWkt(dock["wkt"])).Area() < 0.01
        assert fields["score"] == pytest.approx(dock["score"], abs=1e-6)
        assert {name: fields[name] for name in ("label", "status", "task", "chip_id", "model")} == {
            name: dock[name] for name in ("label", "status", "task", "chip_id", "model")
        }
        assert dock["prompt"].startswith(fields["prompt"])  # a shapefile holds 254 characters
    assert seen["providers"] == [1, 0, 1, 0, 1]


def test_a_shell_scans_a_scene_and_a_second_run_has_nothing_left_to_ask(tmp_path, process):
    path = tmp_path / "scan.gpkg"
    command = ("run", "lspace:scan", "--", f"INPUT={SCENE}", "TARGETS=water", f"OUTPUT={path}")
    assert process(*command).returncode == 0
    first, _ = features_of(path)
    assert process(*command).returncode == 0
    second, _ = features_of(path)
    assert [fields for _, fields in second] == [fields for _, fields in first]
    assert len(first) > 3
    dataset = ogr.Open(str(path))
    cells = [feature.items() for feature in dataset.GetLayerByName("lspace_cells")]
    assert len(cells) > 3
    assert {(cell["state"], cell["tries"]) for cell in cells} <= {("done", 1), ("empty", 1)}


def test_a_shell_is_told_what_to_do(process, tmp_path):
    given = (f"INPUT={SCENE}", f"OUTPUT={tmp_path / 'found.gpkg'}")
    done = process("run", "lspace:caption", "--", *given, "INTERPRETER=/no/python")
    assert done.returncode != 0
    assert "There is no Python program at /no/python." in done.stderr
    done = process("run", "lspace:detect", "--", *given, "TARGETS=cropland")
    assert done.returncode != 0
    assert "It knows: water, tree cover, built areas, vessel candidate." in done.stderr


def test_all_algorithms_have_help(process):
    listed = process("list", "--json")
    assert listed.returncode == 0, listed.stderr
    ours = json.loads(listed.stdout)["providers"]["lspace"]["algorithms"]
    assert len(ours) == 8
    for name in ours:
        assert ours[name]["name"]
        assert len(process("help", name).stdout) > 1000
