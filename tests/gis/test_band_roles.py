"""Which band is which, told by words, wavelengths and numbers, and never by how many there are."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("qgis.core")

from lspace.gis.imaging.band_roles import BandName, BandRoles, Sensor, guess_roles, nanometres, sensor_of
from lspace.gis.imaging.layer_bands import BANDS_PROPERTY, LayerBands
from osgeo import gdal
from planted import ROOT, harbour_layer
from qgis.core import QgsProject, QgsRasterLayer
from written import layer_of, write_raster

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")


def bands(*texts):
    """As QGIS shows them."""
    return [BandName(f"Band {number}: {text}") for number, text in enumerate(texts, start=1)]


def guess(*texts, sensor=None):
    named = bands(*texts)
    return guess_roles(named, sensor or sensor_of(named))


@pytest.mark.parametrize(
    "texts",
    [
        ("B02", "B03", "B04", "B08", "B11", "B12"),
        ("blue", "green", "red", "nir", "swir1", "swir2"),
        ("Blue", "Green", "Red", "Near infrared", "SWIR 1", "SWIR 2"),
        ("blue", "green", "red", "nir08", "swir16", "swir22"),
        ("B2 (blue)", "B3 (green)", "B4 - red", "B8 NIR", "short-wave infrared 1", "Shortwave Infrared 2"),
        ("490 nm", "560 nm", "665 nm", "842 nm", "1610 nm", "2190 nm"),
        ("0.48 um", "0.56 um", "0.655 um", "0.865 um", "1.61 um", "2.2 um"),
        ("482.0 Nanometers", "561.4 Nanometers", "654.6 nm", "864.7 nm", "1608.9 nm", "2200.7 nm"),
        (
            "B2, central wavelength 490 nm",
            "B3, central wavelength 560 nm",
            "B4, central wavelength 665 nm",
            "B8, central wavelength 842 nm",
            "B11, central wavelength 1610 nm",
            "B12, central wavelength 2190 nm",
        ),
    ],
)
def test_bands_that_say_what_they_are_get_their_roles(texts):
    assert guess(*texts) == BandRoles(1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize("count", [1, 3, 4, 6, 13])
def test_the_number_of_bands_tells_nothing(count):
    named = [BandName(f"Band {number}") for number in range(1, count + 1)]
    assert guess_roles(named, sensor_of(named)) == BandRoles()
    assert guess_roles(named, Sensor.SENTINEL_2) == BandRoles()


@pytest.mark.parametrize(
    "text", ["red edge 1", "Vegetation Red Edge", "green_i", "coastal blue", "ndvi", "red stddev"]
)
def test_words_that_only_look_like_a_colour_are_none(text):
    assert guess(text) == BandRoles()


@pytest.mark.parametrize("text", ["705 nm", "740 nm", "783 nm", "945 nm", "1375 nm", "10895 nm", "443 nm"])
def test_wavelengths_between_the_roles_are_none(text):
    assert guess(text) == BandRoles()


def test_numbers_tell_nothing_of_an_unknown_sensor():
    assert guess("B2", "B3", "B4", "B5", "B6", "B7") == BandRoles()


def test_landsat_numbers_count_where_the_sensor_is_told():
    texts = ("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7")
    assert guess(*texts, sensor=Sensor.LANDSAT_8_9) == BandRoles(1, 2, 3, 4, 5, 6)
    assert guess(*texts) == BandRoles()


def test_the_fifth_band_is_infrared_on_landsat_and_red_edge_on_sentinel():
    assert guess("B5", sensor=Sensor.LANDSAT_8_9).nir == 1
    assert guess("B05", sensor=Sensor.SENTINEL_2) == BandRoles()


@pytest.mark.parametrize(("texts", "nir"), [(("B8A", "B08"), 2), (("B08", "B8A"), 1), (("B04", "B8A"), 2)])
def test_the_narrow_infrared_band_serves_where_there_is_no_wide_one(texts, nir):
    assert guess(*texts).nir == nir


def test_among_many_narrow_bands_the_nearest_to_the_usual_middle_counts():
    assert guess(*(f"{wavelength} nm" for wavelength in range(400, 2500, 10))).nir == (840 - 400) // 10 + 1


@pytest.mark.parametrize(
    ("name", "sensor"),
    [
        ("LC09_L2SP_064045_20230502_02_T1", Sensor.LANDSAT_8_9),
        ("HLS.L30.T04QFJ.2023122", Sensor.LANDSAT_8_9),
        ("S2B_MSIL2A_20230502T210919", Sensor.SENTINEL_2),
        ("Sentinel-2 Honolulu", Sensor.SENTINEL_2),
        ("scenes2b", None),
        ("sentinel-2 beside landsat 8", None),
    ],
)
def test_the_name_of_a_layer_tells_its_sensor(name, sensor):
    assert sensor_of(bands("B5"), name) is sensor


def test_a_name_outweighs_what_the_bands_seem_to_be():
    assert sensor_of(bands("B08", "B11"), "LC08 scene") is Sensor.LANDSAT_8_9


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("0.56", "", 560),
        ("560", "", 560),
        ("0.56", "Micrometers", 560),
        ("560", "Nanometers", 560),
        ("x", "", None),
    ],
)
def test_wavelengths_are_nanometres_whatever_the_file_writes(value, unit, expected):
    assert nanometres(value, unit) == (None if expected is None else pytest.approx(expected))


def test_the_bands_of_a_real_file_are_known():
    layer = QgsRasterLayer(str(ROOT / "tests" / "data" / "honolulu_reflectance.tif"), "harbour")
    assert LayerBands.of(layer) == LayerBands(BandRoles(1, 2, 3, 4, 5))


def test_a_picture_has_no_infrared_band():
    assert LayerBands.of(harbour_layer()).roles.nir is None


def test_wavelengths_in_the_metadata_of_a_file_are_read(tmp_path):
    path = write_raster(tmp_path / "cube.tif", np.ones((2, 8, 8), "uint16"))
    dataset = gdal.Open(str(path), gdal.GA_Update)
    for number, wavelength in ((1, "0.842"), (2, "0.56")):
        items = {"wavelength": wavelength, "wavelength_units": "Micrometers"}
        dataset.GetRasterBand(number).SetMetadata(items)
    del dataset
    assert LayerBands.of(layer_of(path)).roles == BandRoles(nir=1, green=2)


def test_a_correction_is_kept_with_the_project(tmp_path):
    layer = harbour_layer()
    QgsProject.instance().addMapLayer(layer)
    LayerBands(BandRoles(nir=3, red=1), -1000).keep_with(layer)
    assert QgsProject.instance().write(str(tmp_path / "project.qgz"))
    QgsProject.instance().clear()
    assert QgsProject.instance().read(str(tmp_path / "project.qgz"))
    (again,) = QgsProject.instance().mapLayers().values()
    assert LayerBands.of(again) == LayerBands(BandRoles(nir=3, red=1), -1000)


@pytest.mark.parametrize("kept", ["no JSON", "[1]", '{"nir": 99, "red": "2", "offset": "x"}'])
def test_a_damaged_correction_names_no_bands(kept):
    layer = harbour_layer()
    layer.setCustomProperty(BANDS_PROPERTY, kept)
    assert LayerBands.of(layer).roles.nir is None
    assert LayerBands.of(layer).roles.has("nir", "red") is False
    assert LayerBands.of(layer).offset == 0
