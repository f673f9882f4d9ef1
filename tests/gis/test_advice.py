"""Advice on an image: what is off what the model was trained on, and only that."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.aoi import Aoi
from lspace.gis.imaging.advice import RemedyKind, advise, advise_order, trained_square
from lspace.gis.imaging.capture import Capture
from lspace.gis.imaging.chip_note import ChipNote, ChipNoteKind
from lspace.gis.imaging.image_source import ImageSource
from lspace.gis.imaging.imagery import pixel_m
from lspace.gis.imaging.training_chips import cut_chip, nearest_square, plan_squares
from lspace.model_backend.contract import load_contracts
from planted import ROOT, crs_of, harbour_in, harbour_layer, square_at, transformed, view_of
from qgis.core import (
    QgsColorRampShader,
    QgsGeometry,
    QgsPalettedRasterRenderer,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsRasterShader,
    QgsSingleBandGrayRenderer,
    QgsSingleBandPseudoColorRenderer,
)
from qgis.PyQt.QtGui import QColor
from written import layer_of, noise, write_raster

LSPACE, MINI, N2_EYE = (load_contracts()[name].chip for name in ("lspace", "lspace-mini", "n2-eye"))
WEB, UTM = crs_of("EPSG:3857"), crs_of("EPSG:32604")


@pytest.fixture
def project():
    project = QgsProject.instance()
    yield project
    project.clear()


@pytest.fixture
def advice_on(make_chip):
    """Advice on what a view shows of a square around the harbour's middle."""

    def make(layers, side_m=900, geometry=MINI, source=None, is_alone=True, crs=WEB):
        source = source or ImageSource.of_map(view_of(layers, crs, 400, 400, side_m / 400))
        aoi = Aoi(square_at(crs, 0, 0, side_m), crs)
        made = make_chip(source.view, aoi, geometry)
        return advise(made, source, aoi, geometry, is_alone=is_alone)

    return make


def kinds(advice):
    return [each.note.kind for each in advice]


def reflectance():
    layer = QgsRasterLayer(str(ROOT / "tests" / "data" / "honolulu_reflectance.tif"), "reflectance")
    assert layer.isValid()
    return layer


def show_bands(layer, red, green, blue):
    renderer = layer.renderer()
    renderer.setRedBand(red)
    renderer.setGreenBand(green)
    renderer.setBlueBand(blue)


# scale


@pytest.mark.parametrize(
    ("side_m", "geometry", "kind"),
    [
        (700, N2_EYE, None),
        (18_500, N2_EYE, None),
        (700, MINI, ChipNoteKind.TOO_FINE),
        (900, MINI, None),
        (1280, MINI, None),
        (1900, MINI, None),
        (2100, MINI, ChipNoteKind.TOO_COARSE),
        (1000, LSPACE, ChipNoteKind.TOO_FINE),
        (3300, LSPACE, ChipNoteKind.TOO_FINE),
        (3600, LSPACE, None),
        (5120, LSPACE, None),
        (11_700, LSPACE, None),
        (17_000, LSPACE, None),
        (18_500, LSPACE, ChipNoteKind.TOO_COARSE),
    ],
)
def test_a_scale_is_off_where_neither_ground_nor_pixels_are_as_trained(advice_on, side_m, geometry, kind):
    scale = {ChipNoteKind.TOO_FINE, ChipNoteKind.TOO_COARSE}
    advice = advice_on([harbour_layer()], side_m, geometry)
    assert [each.note.kind for each in advice if each.note.kind in scale] == ([kind] if kind else [])


@pytest.mark.parametrize("crs_name", ["EPSG:3857", "EPSG:4326", "EPSG:32604", "custom"])
@pytest.mark.parametrize("rotation", [0.0, 30.0])
@pytest.mark.parametrize("geometry", [MINI, LSPACE], ids=["mini", "lspace"])
def test_the_trained_square_is_as_large_as_a_trained_chip_and_keeps_the_middle(crs_name, rotation, geometry):
    crs = crs_of(crs_name)
    aoi = Aoi.from_view(view_of([], crs, 500, 300, 3.0, rotation))
    square = trained_square(aoi, geometry)
    assert square.size_m() == pytest.approx((geometry.side_m, geometry.side_m), rel=1e-3)
    frame, former = square.frame(), aoi.frame()
    assert frame.centre.distance(former.centre) < 1e-6 * former.width
    assert frame.rotation_deg == rotation
    assert len({(round(p.x(), 6), round(p.y(), 6)) for p in square.polygon.vertices()}) == 4


def test_the_advised_square_has_no_fault_of_scale(advice_on, make_chip):
    layer = harbour_layer()
    (advice,) = advice_on([layer], 500, MINI, is_alone=False)
    assert (advice.note.subject, advice.note.detail) == ("500 m", "1.3 km")
    remedy = advice.remedy
    assert remedy.kind is RemedyKind.TRAINED_SCALE
    assert remedy.zoom == pytest.approx(1280 / 500, rel=0.01)
    source = ImageSource.of_map(view_of([layer], WEB, 400, 400, 1.0))
    made = make_chip(source.view, remedy.aoi, MINI)
    assert made.chip.gsd_m == pytest.approx(MINI.gsd_m, rel=0.01)
    assert advise(made, source, remedy.aoi, MINI) == ()


def test_training_grade_of_a_layer_that_covers_the_place_is_the_better_choice(advice_on):
    layer = harbour_layer()
    (advice,) = advice_on([layer], 500, MINI)
    assert advice.remedy.kind is RemedyKind.TRAINING_GRADE
    assert (advice.remedy.layer_id, advice.remedy.squares) == (layer.id(), 1)
    (coarse,) = advice_on([layer], 2400, MINI)
    assert coarse.remedy.squares == len(plan_squares(Aoi(square_at(WEB, 0, 0, 2400), WEB), MINI))


def test_training_grade_is_not_offered_of_a_layer_that_covers_too_little(advice_on):
    (advice,) = advice_on([harbour_layer()], 900, LSPACE)
    assert advice.remedy.kind is RemedyKind.TRAINED_SCALE


def test_training_grade_chips_are_at_the_trained_scale_and_need_no_advice():
    layer = harbour_layer()
    aoi = Aoi(square_at(WEB, 0, 0, 300), WEB)
    source = ImageSource.of_raster(layer, view_of([], WEB, 400, 400, 1.0))
    square = nearest_square(plan_squares(aoi, MINI), aoi)
    assert advise(cut_chip(source.raster, square, MINI), source, aoi, MINI) == ()


# colour


@pytest.mark.parametrize(
    ("bands", "is_true"), [((3, 2, 1), True), ((1, 2, 3), False), ((4, 3, 2), False), ((5, 4, 3), False)]
)
def test_bands_that_say_what_they_are_tell_true_colour_from_false(advice_on, bands, is_true):
    layer = reflectance()
    show_bands(layer, *bands)
    advice = advice_on([layer])
    assert kinds(advice) == ([] if is_true else [ChipNoteKind.FALSE_COLOUR])
    for each in advice:
        assert each.note.subject == "reflectance"
        assert each.remedy.kind is RemedyKind.TRAINING_GRADE  # it takes red, green and blue


def test_a_picture_whose_red_and_blue_are_exchanged_is_in_false_colour(advice_on):
    layer = harbour_layer()
    assert advice_on([layer]) == ()
    show_bands(layer, 3, 2, 1)
    (advice,) = advice_on([layer])
    assert advice.note == ChipNote(ChipNoteKind.FALSE_COLOUR, "harbour")
    assert advice.remedy is None


def test_of_bands_that_say_nothing_nothing_is_said(advice_on, tmp_path):
    layer = layer_of(write_raster(tmp_path / "scene.tif", noise(count=4)))
    for number in range(1, 5):
        assert layer.dataProvider().colorInterpretationName(number) in ("Gray", "Undefined", "Alpha")
    show_bands(layer, 4, 3, 2)
    assert advice_on([layer]) == ()


def test_colours_by_value_are_false_and_a_single_band_is_grey(advice_on):
    layer = reflectance()
    shader = QgsRasterShader(0, 4000)
    ramp = QgsColorRampShader(0, 4000)
    items = [(0, "#0000ff"), (1000, "#ffff00"), (4000, "#ff0000")]
    ramp.setColorRampItemList(
        [QgsColorRampShader.ColorRampItem(value, QColor(name)) for value, name in items]
    )
    shader.setRasterShaderFunction(ramp)
    layer.setRenderer(QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 4, shader))
    assert kinds(advice_on([layer])) == [ChipNoteKind.FALSE_COLOUR]
    layer.setRenderer(QgsSingleBandGrayRenderer(layer.dataProvider(), 4))
    assert kinds(advice_on([layer])) == [ChipNoteKind.GREY]
    cover = QgsRasterLayer(str(ROOT / "tests" / "data" / "honolulu_cover.tif"), "cover")
    classes = [
        QgsPalettedRasterRenderer.Class(value, QColor(name), "")
        for value, name in ((1, "#0000ff"), (2, "#ff0000"), (3, "#00ff00"))
    ]
    cover.setRenderer(QgsPalettedRasterRenderer(cover.dataProvider(), 1, classes))
    assert kinds(advice_on([cover])) == [ChipNoteKind.FALSE_COLOUR]


def test_the_colours_of_a_capture_are_those_that_it_was_taken_with(advice_on, project):
    layer = reflectance()
    project.addMapLayer(layer)
    show_bands(layer, 4, 3, 2)
    captured = ImageSource.of_capture(Capture.of_view(view_of([layer], WEB, 400, 400, 2.0)))
    show_bands(layer, 3, 2, 1)
    assert kinds(advice_on([layer], source=captured)) == [ChipNoteKind.FALSE_COLOUR]
    assert layer.renderer().redBand() == 3
    assert advice_on([layer]) == ()


def test_what_lies_under_the_imagery_or_beside_it_is_not_judged(advice_on, tmp_path):
    false = reflectance()
    assert advice_on([harbour_layer(), false]) == ()
    transform = (100_000, 10, 0, 100_000, 0, -10)
    far = layer_of(write_raster(tmp_path / "far.tif", noise("uint8", low=1, high=200), transform=transform))
    show_bands(far, 1, 1, 1)
    assert kinds(advice_on([far, harbour_layer()])) == []


# pixels


def test_imagery_with_pixels_wider_than_the_models_is_blurred(advice_on, tmp_path):
    middle = harbour_in(UTM)
    transform = (middle.x() - 9000, 90, 0, middle.y() + 9000, 0, -90)
    bands = noise("uint8", low=1, high=200)[:, :200, :200]
    layer = layer_of(write_raster(tmp_path / "coarse.tif", bands, transform=transform))
    assert pixel_m(layer) == pytest.approx(90, rel=0.01)
    (advice,) = advice_on([layer], 5120, LSPACE)
    assert advice.note == ChipNote(ChipNoteKind.BLURRED, "scene", "90")
    coarse = advice_on([layer], 1000, LSPACE)
    assert kinds(coarse) == [ChipNoteKind.TOO_FINE, ChipNoteKind.BLURRED]
    assert coarse[0].remedy.kind is RemedyKind.TRAINED_SCALE  # not training grade of such pixels


@pytest.mark.parametrize("crs_name", ["EPSG:3857", "EPSG:4326", "EPSG:32604"])
def test_the_width_of_a_pixel_is_that_on_the_ground(tmp_path, crs_name):
    crs = crs_of(crs_name)
    width = {"EPSG:4326": 0.0001, "EPSG:3857": 10.0, "EPSG:32604": 10.0}[crs_name]
    middle = harbour_in(crs)
    transform = (middle.x() - 350 * width, width, 0, middle.y() + 310 * width, 0, -width)
    layer = layer_of(write_raster(tmp_path / "scene.tif", noise(), crs, transform))
    ends = [QgsPointXY(middle.x() - width / 2, middle.y()), QgsPointXY(middle.x() + width / 2, middle.y())]
    upright = [QgsPointXY(middle.x(), middle.y() - width / 2), QgsPointXY(middle.x(), middle.y() + width / 2)]
    along, across = (
        transformed(QgsGeometry.fromPolylineXY(line), crs, UTM).length() for line in (ends, upright)
    )
    assert pixel_m(layer) == pytest.approx((along * across) ** 0.5, rel=2e-3)


def test_notes_on_the_chip_come_with_the_advice_and_a_failed_layer_can_be_drawn_again(make_chip):
    layer = harbour_layer()
    source = ImageSource.of_map(view_of([layer], WEB, 400, 400, 3.0))
    aoi = Aoi(square_at(WEB, 0, 0, 1200), WEB)
    made = make_chip(source.view, aoi, MINI)
    failed = ChipNote(ChipNoteKind.LAYER_FAILED, "tiles", "3 web requests failed")
    empty = ChipNote(ChipNoteKind.MOSTLY_EMPTY, "40")
    advice = advise(replace(made, notes=(failed, empty)), source, aoi, MINI)
    assert [each.note for each in advice] == [failed, empty]
    assert [each.remedy and each.remedy.kind for each in advice] == [RemedyKind.AGAIN, None]


# a pair


@pytest.mark.parametrize(
    ("dates", "is_swapped"),
    [
        (("2023-08-01", "2023-07-01"), True),
        (("2023-07-01", "2023-08-01"), False),
        (("2023-07-01", "2023-07-01"), False),
        ((None, "2023-07-01"), False),
        (("2023-07-01", None), False),
        (("2023-07-01",), False),
        (("2023-08-01", "2023-07-01", "2023-06-01"), False),
    ],
)
def test_a_pair_with_the_later_image_first_can_be_swapped(dates, is_swapped):
    advice = advise_order(dates)
    assert [each.remedy.kind for each in advice] == ([RemedyKind.SWAP] if is_swapped else [])
