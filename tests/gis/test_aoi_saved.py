"""Where the area comes from, written with a project and read again."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.aoi import Aoi
from lspace.gis.saved_aoi import AoiSource, SavedAoi
from planted import crs_of, square_at
from qgis.core import QgsProject, QgsVectorLayer


def area(crs_name="EPSG:32604", rotation=33.0):
    return Aoi.from_polygon(square_at(crs_of(crs_name), 0, 0, 1000), crs_of(crs_name), rotation)


@pytest.mark.parametrize("ending", ["qgs", "qgz"])
@pytest.mark.parametrize("crs_name", ["EPSG:3857", "EPSG:4326", "EPSG:32604", "custom"])
def test_a_drawn_area_comes_back_with_the_project(tmp_path, crs_name, ending):
    path, drawn = str(tmp_path / f"project.{ending}"), area(crs_name)
    project = QgsProject()
    SavedAoi(AoiSource.DRAWN, drawn).write_to(project)
    assert project.write(path)
    again = QgsProject()
    assert again.read(path)
    saved = SavedAoi.read_from(again)
    assert saved.source is AoiSource.DRAWN
    assert saved.drawn.to_json() == drawn.to_json()
    assert saved.drawn.crs == crs_of(crs_name)


def test_a_layer_comes_back_and_one_that_is_gone_leaves_the_view(tmp_path):
    project, path = QgsProject(), str(tmp_path / "project.qgz")
    layer = QgsVectorLayer("Polygon?crs=EPSG:4326", "fields", "memory")
    project.addMapLayer(layer)
    SavedAoi(AoiSource.EXTENT, None, layer.id()).write_to(project)
    assert project.write(path)
    again = QgsProject()
    assert again.read(path)
    assert SavedAoi.read_from(again) == SavedAoi(AoiSource.EXTENT, None, layer.id())
    again.removeMapLayer(layer.id())
    assert SavedAoi.read_from(again) == SavedAoi()


def test_a_project_without_an_area_shows_the_view():
    assert SavedAoi.read_from(QgsProject()) == SavedAoi(AoiSource.VIEW, None, "")


def test_a_shape_is_kept_while_the_view_is_the_area():
    project = QgsProject()
    SavedAoi(AoiSource.VIEW, area()).write_to(project)
    saved = SavedAoi.read_from(project)
    assert (saved.source, saved.drawn.to_json()) == (AoiSource.VIEW, area().to_json())


def test_a_project_has_changes_only_when_the_area_is_another_one():
    project = QgsProject()
    SavedAoi().write_to(project)
    assert not project.isDirty()
    SavedAoi(AoiSource.DRAWN, area()).write_to(project)
    assert project.isDirty()
    project.setDirty(False)
    SavedAoi(AoiSource.DRAWN, area()).write_to(project)
    assert not project.isDirty()
    SavedAoi(AoiSource.DRAWN, area(rotation=0.0)).write_to(project)
    assert project.isDirty()
    project.setDirty(False)
    SavedAoi().write_to(project)
    assert project.isDirty()
    assert project.entryList("lspace", "aoi") == []


@pytest.mark.parametrize(
    "entries",
    [
        {"aoi/source": "drawn"},
        {"aoi/source": "drawn", "aoi/drawn": '{"wkt": "Polygon((0 0"}'},
        {"aoi/source": "from a later version"},
        {"aoi/source": "extent", "aoi/layer": "no such layer"},
        {"aoi/drawn": "7"},
    ],
    ids=str,
)
def test_broken_and_foreign_entries_count_as_not_chosen(entries):
    project = QgsProject()
    for key, text in entries.items():
        assert project.writeEntry("lspace", key, text)
    assert SavedAoi.read_from(project) == SavedAoi()
