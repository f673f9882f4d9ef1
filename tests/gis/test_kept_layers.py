"""Result layers in memory are saved with the project: all of them, in a GeoPackage beside its file."""

from __future__ import annotations

import gc
import os
import stat

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.errors import DiskFull, TargetNotWritable
from lspace.gis.layers import (
    add_footprint,
    create_footprint_layer,
    create_proposal_layer,
    is_proposal_layer,
    make_field,
)
from lspace.gis.provenance import ChipRecord, read_run
from lspace.gis.review.review import Review
from lspace.gis.review.review_filter import ReviewFilter
from lspace.gis.saving.kept_layers import SKIP_CHECK, KeptLayers
from lspace.gis.saving.kept_table import write_table
from proposals import files_limited_to, proposals
from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsField,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDate, QDateTime, QVariant
from review_desk import UTM30, detection_at, ids_of, layer_to_review, run_of, square, stream_in, values
from reviewed import chip_at

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

OWN_CRS = QgsCoordinateReferenceSystem.fromWkt(
    QgsCoordinateReferenceSystem.fromProj("+proj=laea +lat_0=37 +lon_0=-4 +datum=WGS84 +units=m").toWkt()
)


@pytest.fixture
def project(qgis_new_project):
    yield QgsProject.instance()
    QgsProject.instance().clear()  # the layers let go of their files


@pytest.fixture
def told(project):
    """What is told after each saving of the project."""
    keeping, heard = KeptLayers(), []
    keeping.project_saved.connect(heard.append)
    yield heard
    keeping.shut_down()


def add(project, layer):
    assert project.addMapLayer(layer) is layer
    return layer


def reopened(project, path, layer_id):
    """The layer after its project was saved, closed, and opened again."""
    assert project.write(str(path))
    return opened(project, path, layer_id)


def opened(project, path, layer_id):
    project.clear()
    assert project.read(str(path))
    return project.mapLayer(layer_id)


def content(layer, names):
    """Every value and shape by feature id, NULL told apart from nothing."""
    found = {}
    for feature in layer.getFeatures():
        row = ["NULL" if feature[name] == NULL else feature[name] for name in names]
        found[feature.id()] = (row, feature.geometry().asWkt(17))
    return found


@pytest.mark.parametrize("ending", ["qgs", "qgz"])
def test_every_value_of_every_proposal_is_there_after_reopening(project, told, tmp_path, ending):
    layer = add(project, layer_to_review())
    review = Review(layer)
    first, second, third, _ = ids_of(layer)
    review.accept([first])
    review.reject([second])
    review.relabel([third], "tree cover")
    names, layer_id, kind = layer.fields().names(), layer.id(), layer.wkbType()
    before, record = content(layer, names), read_run(layer)
    layer = reopened(project, tmp_path / f"harbour.{ending}", layer_id)
    assert layer.providerType() == "ogr"
    assert content(layer, names) == before
    assert layer.fields().names() == ["fid", *names] or layer.fields().names() == [*names, "fid"]
    assert (layer.wkbType(), layer.crs()) == (kind, UTM30)
    assert read_run(layer) == record
    assert is_proposal_layer(layer)
    assert layer.renderer().type() == layer_to_review().renderer().type()
    assert told[0].package == tmp_path / "harbour_lspace.gpkg"
    assert not told[0].lost


def test_the_live_layer_stays_in_memory_with_its_edits_and_their_undo(project, told, tmp_path):
    layer = add(project, layer_to_review())
    review = Review(layer)
    review.accept(ids_of(layer))
    assert project.write(str(tmp_path / "harbour.qgz"))
    assert layer.providerType() == "memory"
    assert layer.isModified()
    review.undo()
    assert set(values(layer, "status")) == {"pending"}


def test_the_review_goes_on_after_reopening(project, told, tmp_path):
    layer = add(project, layer_to_review())
    Review(layer).accept(ids_of(layer)[:1])
    layer = reopened(project, tmp_path / "harbour.qgz", layer.id())
    review = Review(layer)
    review.reject(ids_of(layer)[1:2])
    assert values(layer, "status") == ["accepted", "rejected", "pending", "pending"]
    review.undo()
    review.accept(ids_of(layer)[1:2])
    assert layer.commitChanges(), layer.commitErrors()
    assert values(layer, "status") == ["accepted", "accepted", "pending", "pending"]


def test_fields_of_the_users_own_keep_their_kinds(project, told, tmp_path):
    layer = layer_to_review()
    kinds = {"flag": QVariant.Type.Bool, "day": QVariant.Type.Date, "moment": QVariant.Type.DateTime}
    kinds.update(big=QVariant.Type.LongLong, long_name_of_a_text=QVariant.Type.String)
    given = (True, QDate(2026, 1, 2), QDateTime(2026, 1, 2, 3, 4, 5), 2**40, "Málaga – 港 " * 5000)
    layer.dataProvider().addAttributes([QgsField(name, kind) for name, kind in kinds.items()])
    layer.updateFields()
    first, second, *_ = ids_of(layer)
    columns = [layer.fields().indexOf(name) for name in kinds]
    layer.dataProvider().changeAttributeValues(
        {first: dict(zip(columns, given)), second: {columns[0]: False, columns[4]: ""}}
    )
    add(project, layer)
    before = content(layer, kinds)
    assert project.write(str(tmp_path / "harbour.qgz"))  # the second time, the table is replaced
    layer = reopened(project, tmp_path / "harbour.qgz", layer.id())
    assert content(layer, kinds) == before
    assert tuple(layer.getFeature(first)[name] for name in kinds) == given
    assert layer.getFeature(second)["long_name_of_a_text"] == ""
    assert {name: layer.fields().field(name).type() for name in kinds} == kinds


def test_fields_called_as_those_of_a_geopackage_keep_their_values(project, told, tmp_path):
    layer = layer_to_review()
    layer.dataProvider().addAttributes([make_field("FID", str), make_field("geom", str)])
    layer.updateFields()
    first = ids_of(layer)[0]
    columns = [layer.fields().indexOf(name) for name in ("FID", "geom")]
    layer.dataProvider().changeAttributeValues({first: dict(zip(columns, ("mine", "too")))})
    add(project, layer)
    layer = reopened(project, tmp_path / "harbour.qgz", layer.id())
    assert [layer.getFeature(first)[name] for name in ("FID", "geom")] == ["mine", "too"]


def test_a_virtual_field_is_not_there_twice(project, told, tmp_path):
    layer = add(project, layer_to_review())
    layer.addExpressionField('"edge_m" * 2', make_field("twice", float))
    first = ids_of(layer)[0]
    layer = reopened(project, tmp_path / "harbour.qgz", layer.id())
    assert [name for name in layer.fields().names() if name.startswith("twice")] == ["twice"]
    assert layer.getFeature(first)["twice"] == 20.0


def test_what_was_drawn_and_what_was_deleted_since_the_last_commit_is_kept_so(project, told, tmp_path):
    layer = add(project, layer_to_review())
    layer.startEditing()
    drawn = QgsFeature(layer.fields())
    drawn.setGeometry(square(9))
    drawn["label"] = "drawn"
    assert layer.addFeature(drawn)
    gone, *others = ids_of(layer)[:4]
    assert layer.deleteFeature(gone)
    layer = reopened(project, tmp_path / "harbour.qgz", layer.id())
    assert [fid for fid in ids_of(layer) if fid in others] == others
    assert values(layer, "label")[-1] == "drawn"
    assert layer.featureCount() == 4


def test_proposals_that_a_filter_of_the_layer_hides_are_kept(project, told, tmp_path):
    layer = add(project, layer_to_review())
    assert layer.setSubsetString("\"label\" = 'water'")
    assert layer.featureCount() == 1
    layer_id = layer.id()
    assert project.write(str(tmp_path / "harbour.qgz"))
    assert (layer.featureCount(), layer.subsetString()) == (1, "\"label\" = 'water'")
    assert opened(project, tmp_path / "harbour.qgz", layer_id).featureCount() == 4


def test_a_crs_of_the_users_own_comes_back(project, told, tmp_path):
    layer = create_proposal_layer(run_of(), OWN_CRS)
    stream_in(layer, detection_at(0))
    add(project, layer)
    shape = next(layer.getFeatures()).geometry().asWkt(17)
    layer = reopened(project, tmp_path / "harbour.qgz", layer.id())
    assert layer.crs() == OWN_CRS
    assert next(layer.getFeatures()).geometry().asWkt(17) == shape


def test_the_outlines_of_the_chips_and_the_filter_of_the_map_come_back(project, told, tmp_path):
    chip = ChipRecord.of(chip_at())
    outlines = create_footprint_layer(run_of(), chip.crs)
    add_footprint(outlines, run_of(), chip, outcome="boxes", prompt="what?", caption="water\n" * 900)
    layer = add(project, layer_to_review())
    shown = ReviewFilter(least_score=0.5, label="vessel candidate")
    shown.write_to(layer)
    add(project, outlines)
    names = outlines.fields().names()
    ids, before = (layer.id(), outlines.id()), content(outlines, names)
    outlines = reopened(project, tmp_path / "harbour.qgz", ids[1])
    assert content(outlines, names) == before
    assert ReviewFilter.of(project.mapLayer(ids[0])) == shown


def test_the_project_and_its_proposals_can_be_moved_together(project, told, tmp_path):
    layer_id = add(project, layer_to_review()).id()
    (tmp_path / "here").mkdir()
    assert project.write(str(tmp_path / "here" / "harbour.qgz"))
    project.clear()
    os.rename(tmp_path / "here", tmp_path / "there")
    assert opened(project, tmp_path / "there" / "harbour.qgz", layer_id).featureCount() == 4


def test_saving_twice_keeps_the_later_decisions(project, told, tmp_path):
    layer = add(project, layer_to_review())
    review = Review(layer)
    assert project.write(str(tmp_path / "harbour.qgz"))
    review.accept(ids_of(layer))
    layer = reopened(project, tmp_path / "harbour.qgz", layer.id())
    assert set(values(layer, "status")) == {"accepted"}
    assert [each.lost for each in told] == [False, False]


def test_saving_under_another_name_leaves_the_first_as_it_was(project, told, tmp_path):
    layer = add(project, layer_to_review())
    layer_id, review = layer.id(), Review(layer)
    assert project.write(str(tmp_path / "first.qgz"))
    review.accept(ids_of(layer))
    assert project.write(str(tmp_path / "second.qgz"))
    assert set(values(opened(project, tmp_path / "first.qgz", layer_id), "status")) == {"pending"}
    assert set(values(opened(project, tmp_path / "second.qgz", layer_id), "status")) == {"accepted"}


def test_a_layer_removed_between_two_savings_is_gone_and_the_other_is_not(project, told, tmp_path):
    first, second = add(project, layer_to_review()), add(project, proposals(2))
    gone, stays = first.id(), second.id()
    assert project.write(str(tmp_path / "harbour.qgz"))
    project.removeMapLayer(gone)
    layer = reopened(project, tmp_path / "harbour.qgz", stays)
    assert layer.featureCount() == 2
    assert project.mapLayer(gone) is None


def test_a_second_run_joins_the_first_in_the_same_file_while_that_is_reviewed(project, told, tmp_path):
    path = tmp_path / "harbour.qgz"
    first = reopened(project, path, add(project, layer_to_review()).id())
    Review(first).accept(ids_of(first)[:1])
    first_id, second_id = first.id(), add(project, proposals(3)).id()
    assert project.write(str(path))
    assert told[-1].uncommitted == (first.name(),)
    assert first.isModified()
    assert first.commitChanges(), first.commitErrors()
    assert opened(project, path, second_id).featureCount() == 3
    assert values(project.mapLayer(first_id), "status") == ["accepted", "pending", "pending", "pending"]
    assert sorted(file.name for file in tmp_path.glob("*.gpkg")) == ["harbour_lspace.gpkg"]


def test_nothing_but_our_results_is_written(project, told, tmp_path):
    layer = add(project, QgsVectorLayer("Point", "mine", "memory"))
    layer = reopened(project, tmp_path / "harbour.qgz", layer.id())
    assert layer.providerType() == "memory"
    assert [file.name for file in tmp_path.iterdir()] == ["harbour.qgz"]


def test_qgis_is_asked_for_no_warning_while_the_saved_copy_is_up_to_date(project, told, tmp_path):
    layer = add(project, layer_to_review())
    review, path = Review(layer), str(tmp_path / "harbour.qgz")
    assert project.write(path)
    assert layer.customProperty(SKIP_CHECK) == 1
    assert not project.isDirty()
    review.accept(ids_of(layer))
    assert layer.customProperty(SKIP_CHECK) is None
    assert project.isDirty()
    assert project.write(path)
    assert layer.customProperty(SKIP_CHECK) == 1
    stream_in(layer, detection_at(7))
    assert layer.customProperty(SKIP_CHECK) is None
    assert project.isDirty()


def test_saving_the_edits_of_a_kept_layer_changes_nothing_about_it(qtbot, project, told, tmp_path):
    layer = add(project, layer_to_review())
    review = Review(layer)
    review.accept(ids_of(layer))
    assert project.write(str(tmp_path / "harbour.qgz"))
    assert layer.commitChanges(), layer.commitErrors()
    assert layer.customProperty(SKIP_CHECK) == 1
    assert not project.isDirty()
    qtbot.wait(1)
    review.reject(ids_of(layer))
    assert layer.customProperty(SKIP_CHECK) is None


def test_a_kept_layer_goes_quietly(project, told, tmp_path):
    layer = add(project, layer_to_review())
    Review(layer).accept(ids_of(layer))
    assert project.write(str(tmp_path / "harbour.qgz"))
    copy = add(project, layer.clone())
    assert project.write(str(tmp_path / "harbour.qgz"))
    project.removeMapLayers([layer.id(), copy.id()])
    del layer, copy
    gc.collect()
    assert project.write(str(tmp_path / "harbour.qgz"))
    assert told[-1].package is None
    assert not told[-1].lost


def test_after_a_shut_down_qgis_warns_again_and_nothing_is_written(project, tmp_path):
    keeping, layer = KeptLayers(), add(project, layer_to_review())
    assert project.write(str(tmp_path / "harbour.qgz"))
    keeping.shut_down()
    keeping.shut_down()
    assert layer.customProperty(SKIP_CHECK) is None
    assert project.write(str(tmp_path / "second.qgz"))
    assert not (tmp_path / "second_lspace.gpkg").exists()


def test_a_project_in_a_database_is_told_to_lose_its_proposals(project, told, tmp_path):
    layer = add(project, layer_to_review())
    database = tmp_path / "projects.gpkg"
    write_table(proposals(1), database, "something")
    assert project.write(f"geopackage:{database}?projectName=harbour")
    assert told[-1].lost
    assert told[-1].package is None
    assert layer.customProperty(SKIP_CHECK) is None


def test_where_the_geopackage_may_not_be_written_what_was_kept_before_is_opened(project, told, tmp_path):
    layer = add(project, layer_to_review())
    package, path = tmp_path / "harbour_lspace.gpkg", tmp_path / "harbour.qgz"
    assert project.write(str(path))
    Review(layer).accept(ids_of(layer))
    package.chmod(stat.S_IREAD)
    layer_id = layer.id()
    assert project.write(str(path))
    assert told[-1].lost
    assert isinstance(told[-1].error, TargetNotWritable)
    assert layer.customProperty(SKIP_CHECK) is None
    assert set(values(layer, "status")) == {"accepted"}
    assert set(values(opened(project, path, layer_id), "status")) == {"pending"}


@pytest.fixture
def package(tmp_path):
    """A GeoPackage with the tables ``many`` and ``few``, of which a layer may be reading."""
    path = tmp_path / "harbour_lspace.gpkg"
    for table, count in (("many", 900), ("few", 2)):
        write_table(proposals(count), path, table)
    gc.collect()
    yield path
    names = proposals(1).fields().names()
    for table, count in (("many", 900), ("few", 2)):
        kept = QgsVectorLayer(f"{path}|layername={table}", table, "ogr")
        assert content(kept, names) == content(proposals(count), names)
    assert [file.name for file in tmp_path.iterdir() if file.suffix == ".gpkg"] == [path.name]
    assert not [file.name for file in tmp_path.iterdir() if file.is_dir()]


@pytest.mark.parametrize("limit", [5_000, 90_000])
def test_on_a_full_disk_the_tables_stay_as_they_were(package, limit):
    with files_limited_to(limit), pytest.raises(DiskFull):
        write_table(proposals(300), package, "few")


def test_a_disk_that_is_full_only_in_the_end_leaves_the_tables_as_they_were(tmp_path, package):
    limit = package.stat().st_size + 20_000
    with files_limited_to(limit):
        write_table(proposals(400), tmp_path / "alone_lspace.gpkg", "few")  # there is room for the draft
        with pytest.raises(DiskFull):
            write_table(proposals(400), package, "few")
    (tmp_path / "alone_lspace.gpkg").unlink()
