"""The plugin in the real QGIS, on a screen of its own."""

from __future__ import annotations

import json
from pathlib import Path

from osgeo import ogr
from packed import packed_zip
from start_qgis import INTERPRETER, ROOT, start_qgis, start_with_zip

HERE = Path(__file__).resolve().parent


def test_switched_on_and_off_twice_with_a_run_each_it_leaves_nothing_behind(tmp_path):
    report = tmp_path / "report.json"
    model = ROOT / ".venv" / "models" / "random-tiny"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    start_qgis(HERE / "load_twice.py", model, REPORT=str(report), TMPDIR=str(temporary))
    before, first, second = json.loads(report.read_text())
    assert before["actions"] == before["docks"] == []
    assert before["toolbar"] == before["menu"] == before["processes"] == 0
    assert first == before
    assert second == before


def test_the_demo_is_driven_to_a_shapefile_a_geopackage_and_a_picture(tmp_path):
    start_qgis(HERE / "drive_demo.py", DEMO_OUT=str(tmp_path))
    assert "water (~" in (tmp_path / "caption.txt").read_text(encoding="utf-8")
    assert (tmp_path / "screenshot.png").stat().st_size > 100_000
    saved = [ogr.Open(str(tmp_path / name)) for name in ("proposals.shp", "proposals.gpkg")]
    counts = [dataset.GetLayer(0).GetFeatureCount() for dataset in saved]
    assert counts[0] == counts[1] >= 2
    reference = saved[0].GetLayer(0).GetSpatialRef()
    assert reference.GetAuthorityCode(None) == "3857"
    for ending in (".dbf", ".shx", ".prj", ".cpg"):
        assert (tmp_path / "proposals.shp").with_suffix(ending).exists()
    assert "lspace-mini" in (tmp_path / "report.txt").read_text(encoding="utf-8")


def test_from_the_zip_to_a_first_caption_and_away_again_by_qgis_s_own_installer(tmp_path):
    report = tmp_path / "report.json"
    script, interpreter = HERE / "drive_install.py", str(INTERPRETER)
    start_with_zip(script, packed_zip(tmp_path), INTERPRETER=interpreter, REPORT=str(report))
    seen = json.loads(report.read_text())
    assert ROOT not in Path(seen["folder"]).parents
    assert seen["known to the plugin manager"] == "true"
    assert seen["switched on at the next start"]
    assert "water (~" in seen["caption"]
    assert seen["worker's folder"] == seen["folder"]
    assert seen["foreign modules"] == seen["foreign modules after an update"] == []
    assert seen["state after an update"].startswith("lspace-mini, cpu")
    assert seen["left"] == {"folder": False, "modules": [], "dock": False, "action": False}
    assert seen["complaints"] == []
