"""Support is the share of pixels that speak for a proposal, wherever it lies, and NULL where none can."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("qgis.core")

from bands import ROLES, field_of, harbour, image_of, paint, pixel_polygon, proposals_of
from lspace.gis.errors import RasterUnusable
from lspace.gis.evidence.evidence import EvidenceOrder
from lspace.gis.evidence.spectral_image import SpectralImage
from lspace.gis.evidence.spectral_index import Gap
from lspace.gis.imaging.band_roles import BandRoles
from lspace.gis.reprojection import reprojected
from osgeo import gdal
from planted import ROOT, crs_of
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsRasterLayer
from written import UTM, write_raster

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")


def transform_of(image):
    return gdal.Open(image.source.uri).GetGeoTransform()


def supports(image, labelled, before=None, crs=UTM):
    order = EvidenceOrder.of(proposals_of(labelled, crs), image, before)
    return [proposal.support for proposal in order.measure()]


def support_of(image, label, *box, before=None):
    """Of a box in the image's pixels."""
    polygon = pixel_polygon(transform_of(image), *box)
    return supports(image, [(label, polygon)], before)[0]


def purest_box(kind, side=20):
    """The box with the most pixels of one kind of cover in the real harbour, and its polygon."""
    dataset = gdal.Open(str(ROOT / "tests" / "data" / "honolulu_cover.tif"))
    is_kind = dataset.ReadAsArray() == kind
    sums = np.pad(is_kind.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    counts = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    top, left = np.unravel_index(counts.argmax(), counts.shape)
    return pixel_polygon(dataset.GetGeoTransform(), left, top, left + side, top + side)


WATER, CITY, WOOD = 1, 2, 3


def test_open_water_supports_water_and_the_city_does_not():
    layer, roles = harbour()
    boxes = [("water", purest_box(WATER, 40)), ("water", purest_box(CITY, 40)), ("water", purest_box(WOOD))]
    water, city, wood = supports(SpectralImage.from_layer(layer, roles), boxes, crs=layer.crs())
    assert water.share > 0.9
    assert city.share < 0.1
    assert wood.share == 0
    assert (water.index, water.source) == ("MNDWI > 0.15", "harbour")


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32604", "custom"])
def test_the_crs_of_the_proposals_changes_nothing(crs):
    layer, roles = harbour()
    image = SpectralImage.from_layer(layer, roles)
    boxes = [("water", purest_box(kind, side)) for kind in (WATER, CITY) for side in (9, 40, 80)]
    moved = [(label, reprojected(box, layer.crs(), crs_of(crs))) for label, box in boxes]
    expected = [support.share for support in supports(image, boxes, crs=layer.crs())]
    found = [support.share for support in supports(image, moved, crs=crs_of(crs))]
    assert len(set(expected)) > 3
    assert found == pytest.approx(expected, abs=1e-3)


def test_the_wood_supports_trees_and_water_does_not():
    layer, roles = harbour()
    boxes = [("tree cover", purest_box(WOOD)), ("tree cover", purest_box(WATER))]
    wood, water = supports(SpectralImage.from_layer(layer, roles), boxes, crs=layer.crs())
    assert wood.share > 0.95
    assert water.share < 0.05
    assert wood.index == "NDVI > 0.2"


def test_a_shore_is_supported_by_its_share_of_water(tmp_path):
    image = image_of(tmp_path / "shore.tif", paint(field_of("soil"), "water", 0, 0, 30, 60))
    support = support_of(image, "water", 10, 10, 50, 30)
    assert support.share == 0.5
    assert support.index == "NDWI > 0.05"
    assert support.gap is None


def test_the_raster_may_be_turned(tmp_path):
    bands, turn = paint(field_of("soil"), "water", 20, 10, 40, 30), math.radians(30)
    a, b, d, e = (10 * f for f in (math.cos(turn), math.sin(turn), math.sin(turn), -math.cos(turn)))
    x, _, _, y, *_ = transform_of(image_of(tmp_path / "north_up.tif", bands))
    image = image_of(tmp_path / "turned.tif", bands, transform=(x, a, b, y, d, e))
    assert support_of(image, "water", 20, 10, 40, 30).share == 1
    assert support_of(image, "water", 40, 30, 60, 50).share == 0
    assert support_of(image, "water", 30, 10, 50, 30).share == 0.5


@pytest.mark.parametrize(("left", "share"), [(20.1, 1.0), (40.1, 0.0)])
def test_a_proposal_that_meets_no_centre_has_the_pixel_under_its_own(tmp_path, left, share):
    image = image_of(tmp_path / "pond.tif", paint(field_of("soil"), "water", 20, 10, 21, 11))
    assert support_of(image, "water", left, 10.1, left + 0.2, 10.3).share == share


def test_pixels_without_data_do_not_count(tmp_path):
    bands = paint(field_of("soil"), "water", 0, 0, 30, 60)
    bands[2, :, 20:40] = 0  # one of the two bands is enough
    image = image_of(tmp_path / "gap.tif", bands, nodata=0)
    assert support_of(image, "water", 5, 10, 50, 20).share == 15 / 25
    assert support_of(image, "water", 18, 10, 42, 20).gap is Gap.NO_PIXELS


def test_a_collar_of_zeros_is_no_data(tmp_path):
    bands = field_of("water")
    bands[:, :, 40:] = 0
    image = image_of(tmp_path / "collar.tif", bands)
    assert support_of(image, "water", 30, 10, 45, 20).share == 1
    assert support_of(image, "water", 50, 10, 60, 20).gap is Gap.NO_PIXELS


@pytest.mark.parametrize(
    ("box", "gap"),
    [((-5, 10, 10, 20), None), ((-20, 10, 10, 20), Gap.NO_PIXELS), ((500, 10, 510, 20), Gap.NO_PIXELS)],
)
def test_half_of_a_proposal_must_lie_on_the_raster(tmp_path, box, gap):
    support = support_of(image_of(tmp_path / "water.tif", field_of("water")), "water", *box)
    assert support.gap is gap
    assert support.share == (None if gap else 1)


def test_a_transparent_pixel_is_no_data(tmp_path):
    bands = np.concatenate([field_of("plants"), np.full((1, 60, 80), 65535, "uint16")])
    bands[4, :, 20:] = 0
    image = image_of(tmp_path / "alpha.tif", bands, kinds=[(5, gdal.GCI_AlphaBand)])
    assert support_of(image, "tree cover", 5, 10, 18, 20).share == 1
    assert support_of(image, "tree cover", 30, 10, 38, 20).gap is Gap.NO_PIXELS
    later = image_of(tmp_path / "after.tif", field_of("burnt")[:, 1:, 1:])  # on another grid
    assert support_of(later, "burn_scar", 5, 10, 17, 20, before=image).share == 1
    assert support_of(later, "burn_scar", 30, 10, 38, 20, before=image).gap is Gap.NO_PIXELS


def test_a_vessel_is_judged_by_the_water_around_it(tmp_path):
    bands = paint(field_of("soil"), "water", 0, 0, 40, 60)
    for left in (20, 60):
        paint(bands, "soil", left, 30, left + 4, 33)
    image = image_of(tmp_path / "ships.tif", bands)
    assert support_of(image, "vessel candidate", 20, 30, 24, 33).share == 1
    assert support_of(image, "vessel candidate", 60, 30, 64, 33).share == 0
    assert 0.3 < support_of(image, "vessel candidate", 38, 30, 42, 33).share < 0.7
    assert support_of(image, "water", 20, 30, 24, 33).share == 0


def test_burnt_ground_is_what_lost_its_plants(tmp_path):
    before = paint(field_of("plants"), "burnt", 60, 0, 80, 60)
    after = paint(field_of("plants"), "burnt", 20, 0, 80, 60)
    pair = {"before": image_of(tmp_path / "before.tif", before)}
    image = image_of(tmp_path / "after.tif", after)
    support = support_of(image, "burn_scar", 10, 10, 50, 20, **pair)
    assert support.share == 0.75
    assert (support.index, support.source) == ("dNBR > 0.27", "scene -> scene")
    assert support_of(image, "burn_scar", 60, 10, 80, 20, **pair).share == 0
    assert support_of(image, "burn_scar", 10, 10, 50, 20).gap is Gap.NO_BEFORE


def test_inundation_is_water_that_was_not_there(tmp_path):
    before = image_of(tmp_path / "before.tif", paint(field_of("soil"), "water", 0, 0, 20, 60))
    image = image_of(tmp_path / "after.tif", paint(field_of("soil"), "water", 0, 0, 40, 60))
    assert support_of(image, "inundation", 10, 10, 50, 20, before=before).share == 0.5
    assert support_of(image, "inundation", 0, 10, 20, 20, before=before).share == 0


def test_a_transition_goes_either_way(tmp_path):
    before = image_of(tmp_path / "before.tif", paint(field_of("soil"), "plants", 0, 0, 20, 60))
    image = image_of(tmp_path / "after.tif", paint(field_of("soil"), "plants", 40, 0, 60, 60))
    assert support_of(image, "land_transition", 0, 10, 60, 20, before=before).share == pytest.approx(
        2 / 3, abs=1e-4
    )


@pytest.mark.parametrize(
    ("crs", "pixel"), [(UTM, 5.0), (crs_of("EPSG:4326"), 5e-5), (crs_of("EPSG:3857"), 7.0)]
)
def test_the_image_before_may_lie_on_another_grid(tmp_path, crs, pixel):
    image = image_of(tmp_path / "after.tif", field_of("burnt"))
    transform = transform_of(image)
    whole = pixel_polygon(transform, -5, -5, 85, 65)
    box = reprojected(whole, UTM, crs).boundingBox()
    columns, rows = round(box.width() / pixel), round(box.height() / pixel)
    bands = paint(field_of("burnt", rows, columns), "plants", 0, 0, columns // 2, rows)
    transform_before = (box.xMinimum(), pixel, 0, box.yMaximum(), 0, -pixel)
    before = image_of(tmp_path / "before.tif", bands, crs=crs, transform=transform_before)
    assert support_of(image, "burn_scar", 5, 10, 35, 50, before=before).share == 1
    assert support_of(image, "burn_scar", 45, 10, 75, 50, before=before).share == 0
    assert support_of(image, "burn_scar", 30, 10, 50, 50, before=before).share == pytest.approx(0.5, abs=0.1)


def test_where_the_image_before_ends_nothing_is_measured(tmp_path):
    image = image_of(tmp_path / "after.tif", field_of("burnt"))
    x, a, _, y, _, e = transform_of(image)
    elsewhere = (x + 40 * a, a, 0, y, 0, e)
    before = image_of(tmp_path / "before.tif", field_of("plants"), transform=elsewhere)
    assert support_of(image, "burn_scar", 10, 10, 30, 20, before=before).gap is Gap.NO_PIXELS
    assert support_of(image, "burn_scar", 50, 10, 70, 20, before=before).share == 1


def with_calibration(path, scale, offset):
    dataset = gdal.Open(str(path), gdal.GA_Update)
    for number in range(1, dataset.RasterCount + 1):
        dataset.GetRasterBand(number).SetScale(scale)
        dataset.GetRasterBand(number).SetOffset(offset)


@pytest.mark.parametrize("told_by", ["nobody", "file", "user", "both"])
def test_an_offset_is_heeded_whoever_tells_it(tmp_path, told_by):
    shifted = field_of("soil") + np.array([1000], "uint16")
    shifted[:, :, :40] = np.array((640, 0, 540, 0), "uint16")[:, None, None] + 1000  # NDWI 0.08 or 0.03
    image = image_of(tmp_path / "shifted.tif", shifted, offset=-1000 if told_by in ("user", "both") else 0)
    if told_by in ("file", "both"):
        with_calibration(tmp_path / "shifted.tif", 0.0001, -0.1)
    share = support_of(image, "water", 10, 10, 30, 20).share
    assert share == (0 if told_by == "nobody" else 1)


def test_what_cannot_be_measured_has_a_reason_and_no_share(tmp_path):
    image = image_of(tmp_path / "water.tif", field_of("water"))
    box = pixel_polygon(transform_of(image), 10, 10, 20, 20)
    bow_tie = QgsGeometry(box)
    bow_tie.moveVertex(box.vertexAt(2).x(), box.vertexAt(3).y(), 3)
    labelled = [("built areas", box), ("inundation", box), ("water", box), ("water", bow_tie)]
    found = supports(image, labelled)
    assert [support.gap for support in found] == [Gap.NO_RULE, Gap.NO_BEFORE, None, None]
    assert [support.share for support in found] == [None, None, 1, 1]
    no_infrared = replace(image, roles=BandRoles(green=1, red=2))
    assert supports(no_infrared, labelled)[2].gap is Gap.NO_BANDS


def test_a_proposal_outside_of_the_rasters_crs_has_no_pixels(tmp_path):
    image = image_of(tmp_path / "water.tif", field_of("water"))
    antipode = QgsGeometry.fromWkt("Polygon((22 -89.9, 23 -89.9, 23 -90, 22 -90, 22 -89.9))")
    support = supports(image, [("water", antipode)], crs=crs_of("EPSG:4326"))[0]
    assert support.gap is Gap.NO_PIXELS


def test_a_large_proposal_is_read_in_strips(tmp_path, monkeypatch):
    monkeypatch.setattr("lspace.gis.evidence.support._STRIP_PIXELS", 500)
    image = image_of(tmp_path / "shore.tif", paint(field_of("soil"), "water", 0, 0, 80, 15))
    assert support_of(image, "water", 0, 0, 80, 60).share == 0.25


def test_a_raster_without_a_crs_is_refused(tmp_path):
    path = tmp_path / "nowhere.tif"
    gdal.GetDriverByName("GTiff").Create(str(path), 8, 8, 4).SetGeoTransform((5, 1, 0, 9, 0, -1))
    layer = QgsRasterLayer(str(path), "nowhere")
    layer.setCrs(QgsCoordinateReferenceSystem())
    with pytest.raises(RasterUnusable) as caught:
        SpectralImage.from_layer(layer, ROLES)
    assert caught.value.values == {"layer": "nowhere", "reason": "crs"}


def test_a_raster_that_is_no_file_is_refused():
    layer = QgsRasterLayer("type=xyz&url=http://127.0.0.1:9/{z}/{x}/{y}.png", "tiles", "wms")
    with pytest.raises(RasterUnusable) as caught:
        SpectralImage.from_layer(layer, ROLES)
    assert caught.value.values["reason"] == "provider"


def test_a_raster_that_has_no_place_is_refused(tmp_path):
    path = tmp_path / "plain.tif"
    gdal.GetDriverByName("GTiff").Create(str(path), 8, 8, 4).FlushCache()
    layer = QgsRasterLayer(str(path), "plain")
    layer.setCrs(UTM)
    box = QgsGeometry.fromWkt("Polygon((0 0, 5 0, 5 5, 0 0))")
    with pytest.raises(RasterUnusable) as caught:
        supports(SpectralImage.from_layer(layer, ROLES), [("water", box)])
    assert caught.value.values["reason"] == "place"


@pytest.mark.parametrize("fault", ["gone", "cut", "fewer bands"])
@pytest.mark.parametrize("exceptions", [False, True])
def test_a_file_that_cannot_be_read_is_an_error_and_no_zero(tmp_path, fault, exceptions, monkeypatch):
    image = image_of(tmp_path / "water.tif", field_of("water"))
    box = pixel_polygon(transform_of(image), 10, 10, 20, 20)
    if fault == "gone":
        (tmp_path / "water.tif").unlink()
    elif fault == "cut":
        content = (tmp_path / "water.tif").read_bytes()
        (tmp_path / "water.tif").write_bytes(content[: len(content) // 4])
    else:
        write_raster(tmp_path / "water.tif", field_of("water")[:1])
    gdal.UseExceptions() if exceptions else gdal.DontUseExceptions()
    try:
        with pytest.raises(RasterUnusable) as caught:
            supports(image, [("water", box)])
    finally:
        gdal.DontUseExceptions()
    assert caught.value.values["reason"] == "pixels"
