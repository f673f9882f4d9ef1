"""Where the edges of a proposal may lie: a band in the frame of its chip, or none."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.review.edge_band import bands_in
from planted import transformed
from qgis.core import QgsCoordinateReferenceSystem, QgsVectorLayer
from saved import READABLE, save_layer
from uncertain_boxes import (
    QUARTERS,
    UTM30,
    chip_at,
    detection,
    shape_of,
    uncertain_layer,
    window_on,
)

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

LONLAT, WEB = QgsCoordinateReferenceSystem("EPSG:4326"), QgsCoordinateReferenceSystem("EPSG:3857")
OFF_M2 = 600.0
"""Coordinates are written with four decimals, which is up to 0.1 m of the chip; one pixel is 10 m."""


def bands(layer, target=UTM30):
    ids = [feature.id() for feature in layer.getFeatures()]
    return [band for _feature, band in bands_in(layer, ids, target)]


def ring(chip, outer, inner):
    return window_on(chip, *outer).difference(window_on(chip, *inner))


def off_m2(one, other):
    return one.symDifference(other).area()


@pytest.mark.parametrize("turn_deg", [0, 30, 217])
def test_a_band_is_as_wide_as_the_spread_of_each_edge_along_the_turned_chip(turn_deg):
    chip = chip_at(turn_deg)

    (band,) = bands(uncertain_layer(detection(chip), chip=chip))

    # of the box from pixel (56, 56) to (168, 112): 2 pixels to the left, 4 up, 6 to the right, 8 down
    assert off_m2(band, ring(chip, (54, 52, 174, 120), (58, 60, 162, 104))) < OFF_M2
    assert band.area() == pytest.approx(100 * (120 * 68 - 104 * 44), rel=1e-3)


@pytest.mark.parametrize(("crs", "target"), [(LONLAT, WEB), (WEB, LONLAT), (UTM30, LONLAT)])
def test_layer_and_map_may_have_other_crss_than_the_chip(crs, target):
    chip = chip_at(30)

    (band,) = bands(uncertain_layer(detection(chip, crs), chip=chip, crs=crs), target)

    assert (
        off_m2(transformed(band, target, UTM30), ring(chip, (54, 52, 174, 120), (58, 60, 162, 104))) < OFF_M2
    )


def test_a_chip_that_is_wider_than_high_has_other_steps_along_its_sides():
    chip = chip_at(0, 448, 224)
    written = (0.25, 0.25, 0.5, 0.5)

    (band,) = bands(uncertain_layer(detection(chip, written=written), chip=chip))

    assert off_m2(band, ring(chip, (110, 52, 232, 121), (114, 60, 220, 105))) < OFF_M2


def test_far_edges_that_the_model_wrote_outside_of_the_last_pixel_stay_there():
    chip = chip_at(30)
    exclusive = shape_of(QUARTERS, chip, inclusive=False)

    (band,) = bands(uncertain_layer(detection(chip, shape=exclusive), chip=chip))

    assert off_m2(band, ring(chip, (54, 52, 173, 119), (58, 60, 161, 103))) < OFF_M2


def test_a_band_ends_with_the_chip():
    chip = chip_at(30)

    (band,) = bands(uncertain_layer(detection(chip, written=(0.0, 0.0, 0.9955, 0.4955)), chip=chip))

    assert off_m2(band, ring(chip, (0, 0, 224, 120), (2, 4, 218, 104))) < OFF_M2


def test_where_edges_are_as_uncertain_as_the_box_is_wide_there_is_no_hole():
    chip = chip_at(30)
    spread_m = (600.0, 40.0, 600.0, 80.0)

    (band,) = bands(uncertain_layer(detection(chip, spread_m=spread_m), chip=chip))

    assert off_m2(band, window_on(chip, 0, 52, 224, 120)) < OFF_M2


def moved_corner(chip):
    """The model's box, its first corner pulled in by six pixels."""
    shape = shape_of(QUARTERS, chip)
    assert shape.moveVertex(*chip.grid.to_map(62, 62), 0)
    return shape


def cut_in_half(chip):
    return shape_of(QUARTERS, chip).intersection(window_on(chip, 0, 0, 100, 224))


@pytest.mark.parametrize("change", [moved_corner, cut_in_half])
def test_a_shape_that_is_no_longer_the_model_s_box_has_none(change):
    chip = chip_at(30)

    assert bands(uncertain_layer(detection(chip, shape=change(chip)), chip=chip)) == []


@pytest.mark.parametrize(
    "raw", ["", "water: 0.25, 0.25, 0.75, 0.5", '{"label": "water"}', '{"bbox": [3, 1, 2, 4]}', "[1]"]
)
def test_what_the_model_did_not_write_in_the_trained_form_has_none(raw):
    chip = chip_at(30)
    found = detection(chip)
    odd = replace(found, proposal=replace(found.proposal, raw=raw))

    assert bands(uncertain_layer(odd, chip=chip)) == []


def test_without_a_spread_or_without_its_chip_there_is_none():
    chip = chip_at(30)

    assert bands(uncertain_layer(detection(chip, spread_m=None), chip=chip)) == []
    assert bands(uncertain_layer(detection(chip), chip=replace(chip, chip_id="another"))) == []


def test_a_layer_of_an_older_version_without_the_fields_has_none():
    chip = chip_at(30)
    layer = uncertain_layer(detection(chip), chip=chip)
    column = layer.fields().indexOf("sd_bot_m")
    assert layer.dataProvider().deleteAttributes([column])
    layer.updateFields()

    assert bands(layer) == []


@pytest.mark.parametrize("file_format", READABLE)
def test_a_saved_file_still_has_its_bands(file_format, tmp_path):
    chip = chip_at(30)
    saved = save_layer(uncertain_layer(detection(chip), chip=chip), tmp_path / "kept", file_format)
    again = QgsVectorLayer(saved.uri, "again", "ogr")
    again.loadDefaultMetadata()

    (band,) = bands(again)

    assert off_m2(band, ring(chip, (54, 52, 174, 120), (58, 60, 162, 104))) < OFF_M2
