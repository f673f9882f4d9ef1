# SPDX-License-Identifier: GPL-2.0-or-later
"""Save as: what is in the files, read by OGR alone; and that nothing is lost when it cannot be saved."""

from __future__ import annotations

import gc
import re
import sqlite3
from pathlib import Path

import pytest

pytest.importorskip("qgis")

from lspace.gis.errors import (
    DiskFull,
    FormatUnavailable,
    NothingToSave,
    TargetExists,
    TargetInUse,
    TargetNotWritable,
    WriteFailed,
)
from lspace.gis.layers import Status, add_detections, create_proposal_layer
from lspace.gis.provenance import Run
from lspace.gis.review.review import Review
from lspace.gis.saving import save_target
from lspace.gis.saving.export_format import ExportFormat
from lspace.model_backend.proposal import Detection, Proposal
from osgeo import ogr, osr
from proposals import files_limited_to
from qgis.core import QgsCoordinateReferenceSystem, QgsFeature, QgsGeometry, QgsProject, QgsVectorLayer
from saved import READABLE, save_layer

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

UTM30 = QgsCoordinateReferenceSystem("EPSG:32630")
OWN_CRS = QgsCoordinateReferenceSystem.fromWkt(
    QgsCoordinateReferenceSystem.fromProj("+proj=laea +lat_0=37 +lon_0=-4 +datum=WGS84 +units=m").toWkt()
)
RUN = Run("ground", "lspace", "0123abc", "cpu", "float32", "", targets=("water",))
MALAGA = "Málaga – 港"
KEEP_CRS = [ExportFormat.SHAPEFILE, ExportFormat.GEOPACKAGE, ExportFormat.FLATGEOBUF]
LONLAT = [ExportFormat.GEOJSON, ExportFormat.KML]


def square(row: int) -> str:
    y = 4_100_000 + 100 * row
    return f"MULTIPOLYGON (((400000 {y}, 400050 {y}, 400050 {y + 50}, 400000 {y + 50}, 400000 {y})))"


def detection(row: int, label: str = MALAGA, score: float | None = None, raw: str = "") -> Detection:
    wkb = bytes(QgsGeometry.fromWkt(square(row)).asWkb())
    return Detection(Proposal(label, (0, 0, 0.1, 0.1), score, (), raw), "c1", wkb, 2500.0, 10.0)


def layer_of(*detections: Detection, crs: QgsCoordinateReferenceSystem = UTM30) -> QgsVectorLayer:
    layer = create_proposal_layer(RUN, crs)
    add_detections(layer, RUN, detections, "prompt")
    return layer


def named(name, layer):
    layer.setName(name)
    return layer


def two_proposals(crs: QgsCoordinateReferenceSystem = UTM30) -> QgsVectorLayer:
    return layer_of(detection(0), detection(1, "tree cover", 0.75), crs=crs)


def read(path: Path, table: str | None = None) -> list[dict]:
    """All features as OGR sees them: values that are set and not NULL, and the geometry."""
    source = ogr.Open(str(path))
    layer = source.GetLayerByName(table) if table else source.GetLayer(0)
    rows = []
    for feature in layer:
        names = [feature.GetFieldDefnRef(i).GetName() for i in range(feature.GetFieldCount())]
        row = {name: feature.GetField(name) for name in names if feature.IsFieldSetAndNotNull(name)}
        rows.append({**row, "geometry": feature.GetGeometryRef().Clone()})
    return sorted(rows, key=lambda row: row["geometry"].Centroid().GetY())


def covers_just(geometry: ogr.Geometry, wkt: str) -> bool:
    return geometry.SymDifference(ogr.CreateGeometryFromWkt(wkt)).Area() == 0


def crs_of(path: Path) -> osr.SpatialReference:
    source = ogr.Open(str(path))
    return source.GetLayer(0).GetSpatialRef().Clone()


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("file_format", READABLE)
def test_values_and_unicode_text_arrive_and_a_missing_score_stays_missing(tmp_path, file_format):
    saved = save_layer(two_proposals(), tmp_path / "out", file_format)

    first, second = read(saved.path)
    assert (first["label"], second["label"]) == (MALAGA, "tree cover")
    assert "score" not in first
    assert second["score"] == 0.75
    assert (first["status"], first["area_m2"], first["run_id"]) == ("pending", 2500.0, RUN.run_id)
    assert (saved.feature_count, saved.shortened, saved.renamed) == (2, {}, {})


@pytest.mark.parametrize("file_format", KEEP_CRS)
@pytest.mark.parametrize("crs", [UTM30, OWN_CRS], ids=["authority", "own"])
def test_geometry_and_crs_are_those_of_the_layer(tmp_path, file_format, crs):
    saved = save_layer(two_proposals(crs), tmp_path / "out", file_format)

    first, second = read(saved.path)
    assert covers_just(first["geometry"], square(0))
    assert covers_just(second["geometry"], square(1))
    assert crs_of(saved.path).IsSame(osr.SpatialReference(crs.toWkt()))


@pytest.mark.parametrize("file_format", LONLAT)
@pytest.mark.parametrize("crs", [UTM30, OWN_CRS], ids=["authority", "own"])
def test_formats_for_longitude_and_latitude_get_those(tmp_path, file_format, crs):
    saved = save_layer(layer_of(detection(0), crs=crs), tmp_path / "out", file_format)

    expected = ogr.CreateGeometryFromWkt(square(0))
    lonlat = osr.SpatialReference()
    lonlat.SetFromUserInput("OGC:CRS84")
    expected.Transform(osr.CoordinateTransformation(osr.SpatialReference(crs.toWkt()), lonlat))
    (row,) = read(saved.path)
    assert row["geometry"].SymDifference(expected).Area() < 1e-3 * expected.Area()
    assert crs_of(saved.path).GetAuthorityCode(None) == "4326"


@pytest.mark.parametrize("file_format", ExportFormat)
def test_an_empty_layer_can_be_saved(tmp_path, file_format):
    saved = save_layer(layer_of(), tmp_path / "out", file_format)

    assert saved.feature_count == 0
    assert ogr.Open(str(saved.path)) is not None or file_format is ExportFormat.KML


@pytest.mark.parametrize("file_format", [ExportFormat.SHAPEFILE, ExportFormat.GEOPACKAGE])
def test_a_feature_without_a_shape_is_saved_among_the_others(tmp_path, file_format):
    layer = layer_of(detection(0), detection(1))
    assert layer.dataProvider().addFeature(QgsFeature(layer.fields()))
    path = save_layer(layer, tmp_path / "out", file_format).path
    dataset = ogr.Open(str(path))
    assert sorted(has_shape(feature) for feature in dataset.GetLayer(0)) == [False, True, True]


def has_shape(feature: ogr.Feature) -> bool:
    shape = feature.GetGeometryRef()
    return shape is not None and not shape.IsEmpty()


def test_a_shapefile_says_its_encoding_and_has_its_files_together(tmp_path):
    saved = save_layer(two_proposals(), tmp_path / "out.SHP", ExportFormat.SHAPEFILE)

    assert saved.path == tmp_path / "out.shp"
    assert (tmp_path / "out.cpg").read_text() == "UTF-8"
    endings = {".shp", ".shx", ".dbf", ".prj", ".cpg", ".qml", ".qmd"}
    assert {path.name for path in tmp_path.iterdir()} == {f"out{ending}" for ending in endings}


def test_a_path_with_dots_keeps_them(tmp_path):
    saved = save_layer(two_proposals(), tmp_path / "site 1.2", ExportFormat.GEOJSON)

    assert saved.path.name == "site 1.2.geojson"


def test_uncommitted_edits_are_saved_and_stay_uncommitted(tmp_path):
    layer = two_proposals()
    first, second = (feature.id() for feature in layer.getFeatures())
    assert layer.startEditing()
    assert layer.changeAttributeValue(first, layer.fields().indexOf("label"), "relabelled")
    assert layer.deleteFeature(second)

    saved = save_layer(layer, tmp_path / "out", ExportFormat.SHAPEFILE)

    assert [row["label"] for row in read(saved.path)] == ["relabelled"]
    assert layer.isModified()


def test_only_the_accepted_ones_whatever_is_selected(tmp_path):
    layer = layer_of(detection(0), detection(1), detection(2))
    ids = [feature.id() for feature in layer.getFeatures()]
    column = layer.fields().indexOf("status")
    assert layer.dataProvider().changeAttributeValues({ids[1]: {column: "accepted"}})
    layer.selectByIds(ids[:2])

    saved = save_layer(layer, tmp_path / "a", ExportFormat.SHAPEFILE, status=Status.ACCEPTED)

    assert saved.feature_count == 1
    assert covers_just(read(saved.path)[0]["geometry"], square(1))
    assert set(layer.selectedFeatureIds()) == set(ids[:2])


@pytest.mark.parametrize("file_format", READABLE)
def test_a_saved_decision_keeps_its_time_its_reviewer_and_the_models_label(tmp_path, file_format):
    layer = two_proposals()
    first, _ = (feature.id() for feature in layer.getFeatures())
    review = Review(layer)
    review.relabel([first], "pier")
    review.accept([first])

    saved = save_layer(layer, tmp_path / "out", file_format, status=Status.ACCEPTED)

    (row,) = read(saved.path)
    decided = next(layer.getFeatures(f"$id = {first}"))
    assert (row["label"], row["orig_label"], row["status"]) == ("pier", MALAGA, "accepted")
    assert row["reviewer"] == decided["reviewer"]
    assert re.findall(r"\d\d", row["reviewed"])[:7] == re.findall(r"\d\d", decided["reviewed"])
    assert "support" not in row
    assert "agree_n" not in row


def test_what_the_reviewer_drew_counts_as_pending(tmp_path):
    layer = two_proposals()
    assert layer.startEditing()
    drawn = QgsFeature(layer.fields())
    drawn.setGeometry(QgsGeometry.fromWkt(square(7)))
    assert layer.addFeature(drawn)

    saved = save_layer(layer, tmp_path / "out", ExportFormat.GEOJSON, status=Status.PENDING)

    assert saved.feature_count == 3


def test_where_nothing_is_accepted_no_file_of_it_is_made(tmp_path):
    with pytest.raises(NothingToSave) as caught:
        save_layer(two_proposals(), tmp_path / "out", ExportFormat.SHAPEFILE, status=Status.ACCEPTED)

    assert caught.value.values["status"] == "accepted"
    assert content(tmp_path) == {}


@pytest.mark.parametrize("file_format", READABLE)
def test_a_saved_layer_is_saved_again_with_a_shape_drawn_meanwhile(tmp_path, file_format):
    kept = save_layer(two_proposals(), tmp_path / "kept", ExportFormat.GEOPACKAGE)
    layer = QgsVectorLayer(kept.uri, "kept", "ogr")
    assert layer.startEditing()
    drawn = QgsFeature(layer.fields())
    drawn.setGeometry(QgsGeometry.fromWkt(square(7)))
    assert layer.addFeature(drawn)

    saved = save_layer(layer, tmp_path / "out", file_format)

    assert [row.get("label") for row in read(saved.path)] == [MALAGA, "tree cover", None]


def test_a_shape_beyond_the_formats_crs_is_not_saved_elsewhere(tmp_path):
    beyond = QgsGeometry.fromWkt("MULTIPOLYGON (((0 1e9, 1e9 1e9, 1e9 2e9, 0 2e9, 0 1e9)))")
    layer = two_proposals(OWN_CRS)
    first, _ = (feature.id() for feature in layer.getFeatures())
    assert layer.dataProvider().changeGeometryValues({first: beyond})

    with pytest.raises(WriteFailed):
        save_layer(layer, tmp_path / "out", ExportFormat.GEOJSON)

    assert content(tmp_path) == {}


def test_the_style_is_found_again_where_qgis_looks_for_it(tmp_path):
    for file_format in ExportFormat:
        saved = save_layer(two_proposals(), tmp_path / "out", file_format)

        again = QgsVectorLayer(saved.uri, "again", "ogr")

        assert again.renderer().type() == "categorizedSymbol", file_format
        assert again.labelsEnabled(), file_format
        for file in tmp_path.iterdir():
            file.unlink()


def test_a_geopackage_does_not_need_a_writable_folder_to_be_read(tmp_path):
    saved = save_layer(two_proposals(), tmp_path / "out", ExportFormat.GEOPACKAGE)

    with sqlite3.connect(saved.path) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_other_formats_keep_long_texts(tmp_path):
    saved = save_layer(layer_of(detection(0, raw="港" * 5000)), tmp_path / "out", ExportFormat.GEOPACKAGE)

    assert read(saved.path)[0]["raw_box"] == "港" * 5000
    assert saved.shortened == {}


@pytest.mark.parametrize("file_format", READABLE)
def test_an_existing_file_is_replaced_only_when_asked(tmp_path, file_format):
    save_layer(layer_of(detection(0, "old")), tmp_path / "out", file_format)
    before = content(tmp_path)

    with pytest.raises(TargetExists):
        save_layer(two_proposals(), tmp_path / "out", file_format)
    assert content(tmp_path) == before

    saved = save_layer(two_proposals(), tmp_path / "out", file_format, overwrite=True)
    assert [row["label"] for row in read(saved.path)] == [MALAGA, "tree cover"]
    assert set(content(tmp_path)) == set(before)


def test_a_style_of_another_file_with_the_same_name_is_asked_about(tmp_path):
    (tmp_path / "scene.qml").write_text("the raster's")

    with pytest.raises(TargetExists) as caught:
        save_layer(two_proposals(), tmp_path / "scene", ExportFormat.GEOJSON)

    assert caught.value.values["files"] == [str(tmp_path / "scene.qml")]
    assert content(tmp_path) == {"scene.qml": b"the raster's"}


def test_an_index_of_the_old_shapefile_does_not_outlive_it(tmp_path):
    save_layer(two_proposals(), tmp_path / "out", ExportFormat.SHAPEFILE)
    (tmp_path / "out.qix").write_bytes(b"index of the old file")

    save_layer(two_proposals(), tmp_path / "out", ExportFormat.SHAPEFILE, overwrite=True)

    assert not (tmp_path / "out.qix").exists()


def test_other_tables_of_a_geopackage_survive(tmp_path):
    path = tmp_path / "all.gpkg"
    theirs = save_layer(named("theirs", layer_of(detection(5, "theirs"))), path, ExportFormat.GEOPACKAGE)

    for _ in range(2):
        ours = save_layer(named("ours", two_proposals()), path, ExportFormat.GEOPACKAGE, overwrite=True)

    assert [row["label"] for row in read(path, "theirs")] == ["theirs"]
    assert [row["label"] for row in read(path, "ours")] == [MALAGA, "tree cover"]
    for saved in (theirs, ours):
        assert QgsVectorLayer(saved.uri, "again", "ogr").renderer().type() == "categorizedSymbol"


def test_the_question_whether_to_replace_names_the_tables(tmp_path):
    save_layer(named("theirs", two_proposals()), tmp_path / "all", ExportFormat.GEOPACKAGE)

    with pytest.raises(TargetExists) as caught:
        save_layer(named("Ours, too", two_proposals()), tmp_path / "all", ExportFormat.GEOPACKAGE)

    assert (caught.value.values["table"], caught.value.values["tables"]) == ("ours_too", ["theirs"])


def test_a_file_that_only_looks_like_a_geopackage_is_left_alone(tmp_path):
    (tmp_path / "out.gpkg").write_text("a letter")

    with pytest.raises(TargetExists) as caught:
        save_layer(two_proposals(), tmp_path / "out.gpkg", ExportFormat.GEOPACKAGE)
    assert caught.value.values["tables"] == []
    with pytest.raises(WriteFailed):
        save_layer(two_proposals(), tmp_path / "out.gpkg", ExportFormat.GEOPACKAGE, overwrite=True)

    assert content(tmp_path) == {"out.gpkg": b"a letter"}


@pytest.mark.parametrize("file_format", ExportFormat)
def test_a_file_that_a_layer_of_the_project_reads_is_left_alone(tmp_path, file_format):
    saved = save_layer(two_proposals(), tmp_path / "out", file_format)
    assert QgsProject.instance().addMapLayer(QgsVectorLayer(saved.uri, "in the project", "ogr"))
    before = content(tmp_path)

    with pytest.raises(TargetInUse) as caught:
        save_layer(two_proposals(), tmp_path / "out", file_format, overwrite=True)

    assert caught.value.values["layers"] == ["in the project"]
    if file_format is not ExportFormat.GEOPACKAGE:  # QGIS itself writes into those that it reads
        assert content(tmp_path) == before


def test_a_geopackage_that_another_program_has_open_is_left_alone(tmp_path):
    saved = save_layer(two_proposals(), tmp_path / "out", ExportFormat.GEOPACKAGE)
    other = sqlite3.connect(saved.path)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("CREATE TABLE theirs (a)")

    with pytest.raises(TargetInUse):
        save_layer(two_proposals(), saved.path, ExportFormat.GEOPACKAGE, overwrite=True)

    other.close()
    save_layer(two_proposals(), saved.path, ExportFormat.GEOPACKAGE, overwrite=True)


def test_a_folder_that_is_not_there_is_not_writable(tmp_path):
    with pytest.raises(TargetNotWritable):
        save_layer(two_proposals(), tmp_path / "missing" / "out", ExportFormat.SHAPEFILE)


def test_a_folder_that_is_a_file_is_not_writable(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(TargetNotWritable):
        save_layer(two_proposals(), tmp_path / "file" / "out", ExportFormat.GEOPACKAGE)


def test_a_folder_that_takes_no_files_is_not_writable():
    with pytest.raises(TargetNotWritable):
        save_layer(two_proposals(), "/proc/self/out", ExportFormat.GEOJSON)


def test_a_target_that_is_a_folder_is_not_writable(tmp_path):
    (tmp_path / "out.shp").mkdir()

    with pytest.raises(TargetNotWritable):
        save_layer(two_proposals(), tmp_path / "out.shp", ExportFormat.SHAPEFILE, overwrite=True)


@pytest.mark.parametrize("ending", [".shp", ".dbf"])
def test_a_read_only_file_is_left_alone(tmp_path, ending):
    save_layer(layer_of(detection(0, "old")), tmp_path / "out", ExportFormat.SHAPEFILE)
    (tmp_path / f"out{ending}").chmod(0o444)
    before = content(tmp_path)

    with pytest.raises(TargetNotWritable) as caught:
        save_layer(two_proposals(), tmp_path / "out", ExportFormat.SHAPEFILE, overwrite=True)

    assert caught.value.values["path"].endswith(ending)
    assert content(tmp_path) == before


@pytest.mark.parametrize("file_format", ExportFormat)
@pytest.mark.parametrize("limit", [64, 5_000, 40_000, 100_000])
def test_a_full_disk_is_noticed_and_the_old_file_stays(tmp_path, file_format, limit):
    save_layer(layer_of(detection(0, "old")), tmp_path / "out", file_format)
    before = content(tmp_path)
    layer = layer_of(*(detection(row) for row in range(500)))

    with files_limited_to(limit), pytest.raises(DiskFull):
        save_layer(layer, tmp_path / "out", file_format, overwrite=True)

    gc.collect()
    assert content(tmp_path) == before
    assert layer.featureCount() == 500


@pytest.mark.parametrize("file_format", [ExportFormat.SHAPEFILE, ExportFormat.GEOJSON])
def test_a_full_disk_is_noticed_by_the_style_too(tmp_path, file_format):
    with files_limited_to(30_000), pytest.raises(DiskFull):
        save_layer(two_proposals(), tmp_path / "out", file_format)

    assert content(tmp_path) == {}


def test_a_move_that_fails_half_way_is_undone(tmp_path, monkeypatch):
    save_layer(layer_of(detection(0, "old")), tmp_path / "out", ExportFormat.SHAPEFILE)
    before = content(tmp_path)
    replace = save_target.os.replace

    def replace_all_but_the_last(source, target):
        if Path(target) == tmp_path / "out.shp":
            raise PermissionError(13, "somebody holds it")
        replace(source, target)

    monkeypatch.setattr(save_target.os, "replace", replace_all_but_the_last)
    with pytest.raises(TargetNotWritable):
        save_layer(two_proposals(), tmp_path / "out", ExportFormat.SHAPEFILE, overwrite=True)

    assert content(tmp_path) == before


def test_a_format_that_this_gdal_lacks_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(ExportFormat.GEOJSON, "driver", "NoSuchDriver")

    with pytest.raises(FormatUnavailable):
        save_layer(two_proposals(), tmp_path / "out", ExportFormat.GEOJSON)

    assert content(tmp_path) == {}
