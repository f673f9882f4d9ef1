# SPDX-License-Identifier: GPL-2.0-or-later
"""A shapefile's table has short names and short texts; what did not fit is said."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("qgis")

from lspace.gis.layers import add_detections, create_proposal_layer, make_field
from lspace.gis.provenance import Run
from lspace.gis.saving.dbf import cut_to_bytes, dbf_names, is_whole_dbf
from lspace.gis.saving.export_format import ExportFormat
from lspace.model_backend.proposal import Detection, Proposal
from osgeo import ogr
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsVectorLayer
from saved import save_layer

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

RUN = Run("ground", "lspace", "0123abc", "cpu", "float32", "", targets=("water",))
WKB = bytes(QgsGeometry.fromWkt("MULTIPOLYGON (((0 0, 1 0, 1 1, 0 1, 0 0)))").asWkb())


def layer_of(*raw_boxes: str) -> QgsVectorLayer:
    layer = create_proposal_layer(RUN, QgsCoordinateReferenceSystem("EPSG:32630"))
    proposals = [Proposal("water", (0, 0, 0.1, 0.1), None, (), raw) for raw in raw_boxes]
    detections = [Detection(proposal, "c1", WKB, 1.0, 10.0) for proposal in proposals]
    add_detections(layer, RUN, detections, "prompt")
    return layer


def values(path: Path) -> list[dict]:
    source = ogr.Open(str(path))
    return [feature.items() for feature in source.GetLayer(0)]


def test_long_names_are_shortened_readably_and_stay_apart():
    names = dbf_names(
        ["building_height", "building_heights", "label", "LABEL", "verification", "größenklasse"]
    )

    assert names["label"] == "label"
    assert names["LABEL"] == "LABEL2"
    assert names["building_height"] == "buil_heigh"
    assert names["building_heights"] == "buil_heig2"
    assert all(len(short.encode()) <= 10 for short in names.values())
    assert len({short.lower() for short in names.values()}) == len(names)


@pytest.mark.parametrize("name", ["a_b_c_d_e_f_g_h", "???", "with space", "港港港港港", "x" * 99])
def test_every_name_becomes_a_name(name):
    (short,) = dbf_names([name]).values()

    assert 1 <= len(short.encode()) <= 10
    assert " " not in short


def test_a_name_that_fits_wins_over_one_that_is_shortened_to_it():
    assert dbf_names(["buil_heighten", "buil_heigh"])["buil_heigh"] == "buil_heigh"


def test_long_field_names_of_the_user_are_reported_and_hold_their_values(tmp_path):
    layer = layer_of("", "")
    assert layer.dataProvider().addAttributes(
        [make_field("checked_by_whom", str), make_field("checked_by_when", str)]
    )
    layer.updateFields()
    columns = {
        layer.fields().indexOf("checked_by_whom"): "Zoë",
        layer.fields().indexOf("checked_by_when"): "now",
    }
    assert layer.dataProvider().changeAttributeValues({f.id(): columns for f in layer.getFeatures()})

    saved = save_layer(layer, tmp_path / "out", ExportFormat.SHAPEFILE)

    row = values(saved.path)[0]
    assert set(saved.renamed) == {"checked_by_whom", "checked_by_when"}
    assert row[saved.renamed["checked_by_whom"]] == "Zoë"
    assert row[saved.renamed["checked_by_when"]] == "now"


def test_texts_are_cut_between_characters_and_counted(tmp_path):
    exact, long = "é" * 127, "x" + "港" * 100
    layer = layer_of(exact, long, "y" * 255)

    saved = save_layer(layer, tmp_path / "out", ExportFormat.SHAPEFILE)

    assert [row["raw_box"] for row in values(saved.path)] == [exact, "x" + "港" * 84, "y" * 254]
    assert saved.shortened == {"raw_box": 2}


def test_large_numbers_fit_a_shapefile(tmp_path):
    layer = layer_of("", "")
    column = layer.fields().indexOf("area_m2")
    assert layer.dataProvider().changeAttributeValues(
        {f.id(): {column: 123456789012.25} for f in layer.getFeatures()}
    )

    saved = save_layer(layer, tmp_path / "out", ExportFormat.SHAPEFILE)

    assert values(saved.path)[0]["area_m2"] == pytest.approx(123456789012.25, rel=1e-12)


def test_a_saved_shapefile_has_room_for_another_label(tmp_path):
    saved = save_layer(layer_of("", ""), tmp_path / "out", ExportFormat.SHAPEFILE)

    source = ogr.Open(str(saved.path))
    definition = source.GetLayer(0).GetLayerDefn()
    assert definition.GetFieldDefn(definition.GetFieldIndex("label")).GetWidth() == 80


@pytest.mark.parametrize(("limit", "expected"), [(0, ""), (1, ""), (3, "港"), (5, "港"), (6, "港港")])
def test_cutting_never_splits_a_character(limit, expected):
    assert cut_to_bytes("港港港", limit) == expected


def test_a_table_that_is_cut_off_is_noticed(tmp_path):
    saved = save_layer(layer_of("", ""), tmp_path / "out", ExportFormat.SHAPEFILE)
    table = saved.path.with_suffix(".dbf")
    whole = table.read_bytes()

    assert is_whole_dbf(table)
    table.write_bytes(whole[:-200])
    assert not is_whole_dbf(table)
    table.write_bytes(whole[:5])
    assert not is_whole_dbf(table)
    table.write_bytes(whole[:8] + bytes(4) + whole[12:])
    assert not is_whole_dbf(table)
