"""Training-grade chips: a chip's pixels are the raster's, and lie where its geotransform says."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("qgis.core")

from lspace.gis.errors import BlankChip, CrsUnknown, SourceUnreadable
from lspace.gis.imaging.chip_note import ChipNoteKind
from lspace.gis.imaging.raster_source import RasterSource
from lspace.gis.imaging.stretch import downsample, stretch
from lspace.gis.imaging.training_chips import cut_chip
from lspace.model_backend.chip import ChipKind
from osgeo import gdal
from planted import ROOT, blobs, crs_of, harbour_in, harbour_layer, pixels_of, transformed
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsDateTimeRange,
    QgsGeometry,
    QgsMultiBandColorRenderer,
    QgsPointXY,
    QgsRasterLayer,
    QgsSingleBandGrayRenderer,
)
from qgis.PyQt.QtCore import QDateTime, Qt
from written import (
    GEOMETRY,
    HEIGHT_PX,
    PIXEL_M,
    UTM,
    WIDTH_PX,
    layer_of,
    noise,
    paint,
    square_around,
    write_raster,
)


def cut(layer, square=None):
    return cut_chip(RasterSource.from_layer(layer), square or square_around(), GEOMETRY)


def cut_array(tmp_path, bands, square=None, **options):
    return cut(layer_of(write_raster(tmp_path / "scene.tif", bands, **options)), square)


def bright(made):
    """How much brighter than the ground each pixel is, 0..1."""
    return (pixels_of(made.chip.png).min(axis=-1) / 255.0 - 0.5).clip(0, 0.5) * 2


def sheared(crs):
    """A geotransform turned by 25 degrees around the harbour's middle, with oblong pixels."""
    middle, turn = harbour_in(crs), math.radians(25)
    a, b = 9 * math.cos(turn), 11 * math.sin(turn)
    d, e = 9 * math.sin(turn), -11 * math.cos(turn)
    return (
        middle.x() - a * WIDTH_PX / 2 - b * HEIGHT_PX / 2,
        a,
        b,
        middle.y() - d * WIDTH_PX / 2 - e * HEIGHT_PX / 2,
        d,
        e,
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", ["north up", "sheared", "virtual", "lonlat", "south up"])
def test_painted_squares_are_found_in_the_chip_within_half_a_pixel(tmp_path, shape, seed):
    crs = crs_of("EPSG:4326") if shape == "lonlat" else UTM
    bands = noise(seed=seed)
    middles = paint(bands, random.Random(seed))
    middle = harbour_in(crs)
    transform = {
        "sheared": sheared(UTM),
        "lonlat": (middle.x() - 350e-4, 1e-4, 0, middle.y() + 310e-4, 0, -1e-4),
        "south up": (middle.x() - 3500, 10, 0, middle.y() - 3100, 0, 10),
    }.get(shape)
    path = write_raster(tmp_path / "scene.tif", bands, crs, transform)
    placed = gdal.Open(str(path)).GetGeoTransform()
    if shape == "virtual":
        gdal.Translate(str(tmp_path / "scene.vrt"), str(path), format="VRT")
        path = tmp_path / "scene.vrt"
    made = cut(layer_of(path))
    found = blobs(bright(made), 0.3)
    looked_for = 0
    for column, row in middles:
        x, y = gdal.ApplyGeoTransform(placed, column, row)
        point = transformed(QgsGeometry.fromPointXY(QgsPointXY(x, y)), crs, UTM).asPoint()
        expected = made.chip.transform.to_pixel(point.x(), point.y())
        if all(8 < value < 216 for value in expected):
            looked_for += 1
            assert min(math.dist(expected, blob) for blob in found) < 0.5, (expected, found)
    assert looked_for >= 4


def test_a_chip_says_its_place_size_and_kind(tmp_path):
    chip = cut_array(tmp_path, noise()).chip
    extent = square_around().extent
    assert (chip.width_px, chip.height_px) == (224, 224)
    assert chip.transform.to_map(0, 0) == pytest.approx((extent.xMinimum(), extent.yMaximum()))
    assert chip.transform.to_map(224, 224) == pytest.approx((extent.xMaximum(), extent.yMinimum()))
    assert chip.gsd_m == pytest.approx(22.86, rel=1e-3)
    assert QgsCoordinateReferenceSystem.fromWkt(chip.crs_wkt) == UTM
    assert (chip.kind, chip.sources, chip.date) == (ChipKind.TRAINING_GRADE, ("scene",), None)
    assert chip.valid_share == 1


def test_the_same_square_gives_the_same_chip_and_another_another_id(tmp_path):
    layer = layer_of(write_raster(tmp_path / "scene.tif", noise()))
    first, again = cut(layer).chip, cut(layer).chip
    assert first == again
    beside = harbour_in(UTM)
    moved = cut(layer, square_around(QgsPointXY(beside.x() + 10, beside.y()))).chip
    assert moved.chip_id != first.chip_id


def test_a_pixel_of_the_native_grid_is_not_blurred(tmp_path):
    """A raster on the very grid of the square is read as it is."""
    extent = square_around().extent
    transform = (extent.xMinimum(), 10, 0, extent.yMaximum(), 0, -10)
    bands = np.random.default_rng(1).integers(1, 255, (3, 512, 512)).astype(np.uint8)
    made = cut_array(tmp_path, bands, transform=transform)
    expected = downsample(stretch(bands, (2, 98)).transpose(1, 2, 0), 224)
    assert (pixels_of(made.chip.png) == expected).all()


def reflectance_layer(tmp_path):
    copy = tmp_path / "reflectance.tif"
    copy.write_bytes((ROOT / "tests" / "data" / "honolulu_reflectance.tif").read_bytes())
    return layer_of(copy)


def test_the_bands_are_those_that_the_layer_shows(tmp_path):
    layer = reflectance_layer(tmp_path)
    layer.setRenderer(QgsMultiBandColorRenderer(layer.dataProvider(), 3, 2, 1))
    assert RasterSource.from_layer(layer).bands == (3, 2, 1)
    true_colour = pixels_of(cut(layer).chip.png)
    layer.setRenderer(QgsMultiBandColorRenderer(layer.dataProvider(), 1, 2, 3))
    swapped = pixels_of(cut(layer).chip.png)
    assert (true_colour == swapped[..., ::-1]).all()
    layer.setRenderer(QgsMultiBandColorRenderer(layer.dataProvider(), 4, 3, 2))
    assert (pixels_of(cut(layer).chip.png)[..., 1:] == true_colour[..., :2]).all()


def test_a_renderer_without_three_colours_takes_the_first_bands(tmp_path):
    layer = reflectance_layer(tmp_path)
    layer.setRenderer(QgsSingleBandGrayRenderer(layer.dataProvider(), 4))
    assert RasterSource.from_layer(layer).bands == (1, 2, 3)
    layer.setRenderer(QgsMultiBandColorRenderer(layer.dataProvider(), 3, -1, 1))
    assert RasterSource.from_layer(layer).bands == (1, 2, 3)


def test_reflectance_and_its_8_bit_picture_show_the_same_harbour(tmp_path):
    layer = reflectance_layer(tmp_path)
    layer.setRenderer(QgsMultiBandColorRenderer(layer.dataProvider(), 3, 2, 1))
    chips = [cut(source) for source in (layer, harbour_layer())]
    deep, flat = (pixels_of(made.chip.png).astype(float) for made in chips)
    seen = (deep > 0).any(axis=-1) & (flat > 0).any(axis=-1)
    assert seen.mean() > 0.35
    for band in range(3):
        assert np.corrcoef(deep[seen][:, band], flat[seen][:, band])[0, 1] > 0.95
    # 4.2 by 3.2 km on the map, and less by the projection's scale on the ground
    shares = [made.chip.valid_share for made in chips]
    assert shares == pytest.approx([shares[0]] * 2, abs=0.05)
    assert 0.35 < shares[0] < 0.5
    assert [note.kind for note in chips[0].notes] == [ChipNoteKind.MOSTLY_EMPTY]


def test_a_single_band_is_grey(tmp_path):
    rgb = pixels_of(cut_array(tmp_path, noise(count=1)).chip.png)
    assert (rgb == rgb[..., :1]).all()
    assert np.ptp(rgb) > 150


@pytest.mark.parametrize("nodata", [None, 0, 65535], ids=["undeclared", "zero", "other"])
def test_a_collar_without_data_is_black_and_not_counted(tmp_path, nodata):
    bands = noise()
    bands[:, :, : WIDTH_PX // 2] = nodata or 0
    made = cut_array(tmp_path, bands, nodata=nodata)
    rgb = pixels_of(made.chip.png)
    assert made.chip.valid_share == pytest.approx(0.5, abs=0.003)
    assert not rgb[:, :111].any()
    assert rgb[:, 114:].any(axis=-1).mean() > 0.95
    # the collar takes no part in the stretch
    assert np.percentile(rgb[:, 114:], 50) == pytest.approx(127, abs=12)


@pytest.mark.parametrize("collar", [0, 255])
def test_a_transparent_collar_is_black_and_not_counted(tmp_path, collar):
    bands = noise("uint8", 4, 50, 200)
    bands[:3, :, : WIDTH_PX // 2] = collar
    bands[3] = 255
    bands[3, :, : WIDTH_PX // 2] = 0
    made = cut_array(tmp_path, bands, kinds=[(4, gdal.GCI_AlphaBand)])
    assert made.chip.valid_share == pytest.approx(0.5, abs=0.003)
    assert not pixels_of(made.chip.png)[:, :111].any()


def test_holes_in_floating_point_are_black_and_not_counted(tmp_path):
    bands = noise("float32") / 10_000
    bands[:, :, : WIDTH_PX // 2] = np.nan
    made = cut_array(tmp_path, bands)
    rgb = pixels_of(made.chip.png)
    assert made.chip.valid_share == pytest.approx(0.5, abs=0.003)
    assert not rgb[:, :111].any()
    assert np.ptp(rgb[:, 114:]) > 150


def test_a_raster_that_covers_a_part_is_black_beyond_and_said_so(tmp_path):
    middle = harbour_in(UTM)
    made = cut_array(
        tmp_path, noise(), transform=(middle.x() + 1536, PIXEL_M, 0, middle.y() + 3100, 0, -PIXEL_M)
    )
    assert made.chip.valid_share == pytest.approx(0.2, abs=0.005)
    assert not pixels_of(made.chip.png)[:, :178].any()
    assert [(note.kind, note.subject) for note in made.notes] == [(ChipNoteKind.MOSTLY_EMPTY, "20")]


def test_a_square_beyond_the_raster_is_blank(tmp_path):
    layer = layer_of(write_raster(tmp_path / "scene.tif", noise()))
    with pytest.raises(BlankChip) as caught:
        cut(layer, square_around(QgsPointXY(300_000, 2_000_000)))
    assert caught.value.values["reason"] == "empty"


def test_a_raster_of_one_value_is_blank(tmp_path):
    with pytest.raises(BlankChip) as caught:
        cut_array(tmp_path, np.full((3, HEIGHT_PX, WIDTH_PX), 77, np.uint8))
    assert caught.value.values["reason"] == "uniform"


def test_bright_marks_on_an_even_ground_are_not_blank(tmp_path):
    bands = np.full((3, HEIGHT_PX, WIDTH_PX), 3, np.uint8)
    middles = paint(bands, random.Random(0), value=250)
    assert len(blobs(bright(cut_array(tmp_path, bands)), 0.3)) == len(middles)


def test_the_layers_crs_counts_and_not_the_files(tmp_path):
    bands = noise()
    middles = paint(bands, random.Random(5))
    wrong = crs_of("EPSG:32629")
    middle = harbour_in(UTM)
    transform = (middle.x() - 3500, PIXEL_M, 0, middle.y() + 3100, 0, -PIXEL_M)
    layer = layer_of(write_raster(tmp_path / "scene.tif", bands, wrong, transform))
    with pytest.raises(BlankChip):
        cut(layer)
    layer.setCrs(UTM)
    assert len(blobs(bright(cut(layer)), 0.3)) >= len(middles) - 3


def test_open_options_reach_gdal(tmp_path):
    path = write_raster(tmp_path / "scene.tif", noise())
    layer = QgsRasterLayer(f"{path}|option:NUM_THREADS=2", "scene")
    assert layer.isValid()
    source = RasterSource.from_layer(layer)
    assert (source.uri, source.open_options) == (str(path), ("NUM_THREADS=2",))
    assert cut_chip(source, square_around(), GEOMETRY).chip.valid_share == 1


def test_the_date_is_that_of_the_layers_fixed_range(tmp_path):
    layer = layer_of(write_raster(tmp_path / "scene.tif", noise()))
    temporal = layer.temporalProperties()
    begin = QDateTime.fromString("2023-07-05T20:11:00", Qt.DateFormat.ISODate)
    temporal.setFixedTemporalRange(QgsDateTimeRange(begin, begin.addSecs(60)))
    assert cut(layer).chip.date is None
    temporal.setIsActive(True)
    assert cut(layer).chip.date == "2023-07-05"


# sources that cannot be read


@pytest.mark.parametrize("raises", [False, True], ids=["plain gdal", "gdal with exceptions"])
def test_a_file_that_went_meanwhile_is_unreadable_and_gdal_says_nothing(tmp_path, capfd, raises):
    path = write_raster(tmp_path / "scene.tif", noise())
    source = RasterSource.from_layer(layer_of(path))
    path.unlink()
    (gdal.UseExceptions if raises else gdal.DontUseExceptions)()
    try:
        with pytest.raises(SourceUnreadable) as caught:
            cut_chip(source, square_around(), GEOMETRY)
    finally:
        gdal.DontUseExceptions()
    assert "scene.tif" in str(caught.value)
    assert "".join(capfd.readouterr()) == ""


def test_a_damaged_file_is_unreadable(tmp_path, capfd):
    path = write_raster(tmp_path / "scene.tif", noise())
    source = RasterSource.from_layer(layer_of(path))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(SourceUnreadable):
        cut_chip(source, square_around(), GEOMETRY)
    assert "".join(capfd.readouterr()) == ""


def test_a_band_that_is_not_there_is_unreadable(tmp_path):
    source = RasterSource.from_layer(layer_of(write_raster(tmp_path / "scene.tif", noise())))
    with pytest.raises(SourceUnreadable):
        cut_chip(replace(source, bands=(1, 2, 9)), square_around(), GEOMETRY)


def test_a_raster_in_memory_can_be_read_and_missed(tmp_path):
    path = write_raster(tmp_path / "scene.tif", noise())
    gdal.FileFromMemBuffer("/vsimem/lspace_scene.tif", path.read_bytes())
    source = RasterSource.from_layer(layer_of("/vsimem/lspace_scene.tif"))
    assert cut_chip(source, square_around(), GEOMETRY).chip.valid_share == 1
    gdal.Unlink("/vsimem/lspace_scene.tif")
    with pytest.raises(SourceUnreadable):
        cut_chip(source, square_around(), GEOMETRY)


def test_layers_that_gdal_does_not_read_are_refused(tmp_path):
    tiles = QgsRasterLayer("type=xyz&url=http://127.0.0.1:9/{z}/{x}/{y}.png&zmax=5&zmin=0", "tiles", "wms")
    assert tiles.isValid()
    for layer in (tiles, QgsRasterLayer(str(tmp_path / "none.tif"), "lost")):
        with pytest.raises(SourceUnreadable):
            RasterSource.from_layer(layer)


def test_a_layer_without_a_crs_is_refused(tmp_path):
    layer = layer_of(write_raster(tmp_path / "scene.tif", noise()))
    layer.setCrs(QgsCoordinateReferenceSystem())
    with pytest.raises(CrsUnknown):
        RasterSource.from_layer(layer)
