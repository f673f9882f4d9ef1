# SPDX-License-Identifier: GPL-2.0-or-later
"""The record of a run goes wherever the layer goes."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("qgis")

from lspace.gis.errors import RecordInvalid
from lspace.gis.layers import create_proposal_layer, is_result_layer
from lspace.gis.provenance import ChipRecord, Run, has_run, read_run
from lspace.gis.saving.export_format import ExportFormat
from lspace.model_backend.chip import Chip, ChipKind
from lspace.model_backend.georeference.geotransform import GeoTransform
from qgis.core import QgsCoordinateReferenceSystem, QgsLayerMetadata, QgsProject, QgsVectorLayer
from saved import save_layer

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

CHIP = Chip(
    chip_id="c1",
    kind=ChipKind.AS_SHOWN,
    png=b"",
    width_px=224,
    height_px=200,
    transform=GeoTransform(22.9, 0.5, 400_000, 0.5, -22.9, 4_100_000),
    crs_wkt="",
    gsd_m=22.9,
    valid_share=0.98,
    sources=("Sentinel-2", 'a "b" & <c> – 港'),
    date="2023-07-01",
)
RUN = Run(
    task="ground",
    model="NuTonic/lspace",
    revision="0123abc",
    device="cpu",
    precision="float32",
    output_crs_wkt="",
    targets=("water", "tree cover"),
    prompts=('detect the water: [{"label": str}]',),
    chips=(ChipRecord.of(CHIP),),
    options={"max_new_tokens": 1024, "clip_wkt": None},
)


def layer_of(run: Run) -> QgsVectorLayer:
    return create_proposal_layer(run, QgsCoordinateReferenceSystem("EPSG:32630"))


def test_a_run_survives_json():
    assert Run.from_json(RUN.to_json()) == RUN


def test_the_record_has_no_line_breaks_and_keeps_all_letters():
    record = RUN.to_json()

    assert "\n" not in record
    assert "港" in record


def test_keys_of_a_later_version_are_left_out():
    record = RUN.to_json().replace('{"version"', '{"colour": "blue", "version"')

    assert Run.from_json(record) == RUN


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"task": 1}', "null", '{"chips": 1}'])
def test_a_damaged_record_is_refused(text):
    with pytest.raises(RecordInvalid):
        Run.from_json(text)


def test_every_run_has_its_own_id_and_its_time_in_utc():
    other = replace(RUN, run_id=Run("t", "m", "r", "d", "p", "").run_id)

    assert other.run_id != RUN.run_id
    assert RUN.created.endswith("Z")


def test_the_metadata_say_in_words_what_the_layer_is():
    metadata = layer_of(RUN).metadata()

    assert "not GIS truth" in metadata.abstract()
    assert "NuTonic/lspace" in metadata.abstract()
    assert "never trained" not in metadata.abstract()
    assert metadata.crs().authid() == "EPSG:32630"
    assert set(metadata.keywords()["LSpace"]) == {"ground", "water", "tree cover", "NuTonic/lspace"}


def test_an_untrained_model_is_called_that():
    assert "never trained" in layer_of(replace(RUN, random_weights=True)).metadata().abstract()


def test_writing_again_replaces_the_record_and_keeps_what_others_wrote():
    layer = layer_of(RUN)
    metadata = layer.metadata()
    metadata.addHistoryItem("digitised by hand")
    layer.setMetadata(metadata)

    replace(RUN, prompts=("another",)).write_to(layer)

    history = layer.metadata().history()
    assert read_run(layer).prompts == ("another",)
    assert "digitised by hand" in history
    assert sum("another" in entry or "label" in entry for entry in history) == 1


def test_a_layer_from_elsewhere_has_no_run():
    layer = QgsVectorLayer("Point", "theirs", "memory")

    assert not has_run(layer)
    assert read_run(layer) is None


def test_a_damaged_record_in_a_layer_is_noticed():
    layer = QgsVectorLayer("Point", "theirs", "memory")
    metadata = QgsLayerMetadata()
    metadata.addHistoryItem("lspace-run: {")
    layer.setMetadata(metadata)

    with pytest.raises(RecordInvalid):
        read_run(layer)


def test_the_record_survives_a_project_file(tmp_path):
    project = QgsProject.instance()
    assert project.addMapLayer(layer_of(RUN))
    assert project.write(str(tmp_path / "p.qgz"))
    project.clear()

    assert project.read(str(tmp_path / "p.qgz"))

    (layer,) = project.mapLayers().values()
    assert read_run(layer) == RUN
    assert is_result_layer(layer)


@pytest.mark.parametrize("file_format", ExportFormat)
def test_the_record_survives_saving(tmp_path, file_format):
    saved = save_layer(layer_of(RUN), tmp_path / "out", file_format)

    layer = QgsVectorLayer(saved.uri, "again", "ogr")
    if file_format is not ExportFormat.GEOPACKAGE:
        layer.loadDefaultMetadata()

    assert read_run(layer) == RUN
    assert is_result_layer(layer)
