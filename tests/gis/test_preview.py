"""Previews: one of each image, off the GUI thread, and of the last order only."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.aoi import Aoi
from lspace.gis.errors import AoiTooLarge, BlankChip, ChipError
from lspace.gis.imaging import preview as preview_module
from lspace.gis.imaging.image_source import ImageSource
from lspace.gis.imaging.preview import PreviewMaker
from lspace.gis.imaging.training_chips import cut_chip, plan_squares
from lspace.model_backend.chip import ChipKind
from planted import crs_of, harbour_in, harbour_layer, is_target, pixels_of, square_at, target_layer, view_of
from qgis.core import QgsGeometry, QgsRectangle
from written import GEOMETRY, UTM, layer_of, noise, write_raster

WEB = crs_of("EPSG:3857")


@pytest.fixture
def maker(qtbot):
    maker = PreviewMaker()
    maker.told = []
    maker.made.connect(lambda position, preview: maker.told.append((position, preview)))
    maker.failed.connect(lambda position, error: maker.told.append((position, error)))
    maker.wait = lambda: qtbot.waitUntil(lambda: not maker.is_busy, timeout=20_000)
    yield maker
    maker.give_up()
    maker.deleteLater()


@pytest.fixture
def layers():
    return [target_layer([square_at(WEB, 0, 0, 600)], WEB), harbour_layer()]


def shown(layers, side_m=1500):
    return ImageSource.of_map(view_of(layers, WEB, 400, 400, side_m / 400))


def area(side_m=1500):
    return Aoi(square_at(WEB, 0, 0, side_m), WEB)


def wide_aoi(width=9000, height=7000):
    return Aoi(QgsGeometry.fromRect(QgsRectangle.fromCenterAndSize(harbour_in(UTM), width, height)), UTM)


def test_each_image_has_a_preview_with_its_position(maker, layers):
    with_targets, without = shown(layers), shown(layers[1:])
    maker.start([(0, with_targets), (2, without)], area(), GEOMETRY)
    maker.wait()
    assert [position for position, _ in maker.told] == [0, 2]
    seen = [is_target(pixels_of(preview.made.chip.png)).any() for _, preview in maker.told]
    assert seen == [True, False]
    assert [preview.squares for _, preview in maker.told] == [1, 1]


def test_an_image_that_cannot_be_made_is_told_and_the_others_are_made(maker, layers):
    maker.start([(0, shown([])), (1, shown(layers))], area(), GEOMETRY)
    maker.wait()
    (first, error), (second, preview) = maker.told
    assert (first, second) == (0, 1)
    assert isinstance(error, BlankChip)
    assert preview.made.chip.kind is ChipKind.AS_SHOWN


def test_of_many_squares_the_one_nearest_to_the_middle_is_shown(maker, tmp_path):
    layer = layer_of(write_raster(tmp_path / "scene.tif", noise()))
    source, aoi = ImageSource.of_raster(layer, view_of([], UTM, 300, 300, 10.0)), wide_aoi(13_000, 12_000)
    maker.start([(0, source)], aoi, GEOMETRY)
    maker.wait()
    ((_, preview),) = maker.told
    squares = plan_squares(aoi, GEOMETRY)
    assert preview.squares == len(squares) > 4
    chip, middle = preview.made.chip, harbour_in(UTM)
    centre = chip.transform.to_map(chip.width_px / 2, chip.height_px / 2)
    distances = sorted(square.extent.center().distance(middle) for square in squares)
    assert middle.distance(*centre) == pytest.approx(distances[0], abs=1e-6)


def test_too_large_an_area_is_told_at_once(maker, tmp_path):
    layer = layer_of(write_raster(tmp_path / "scene.tif", noise()))
    source = ImageSource.of_raster(layer, view_of([], UTM, 300, 300, 10.0))
    maker.start([(0, source)], wide_aoi(200_000, 200_000), GEOMETRY)
    assert not maker.is_busy
    assert isinstance(maker.told[0][1], AoiTooLarge)


def test_squares_are_cut_off_the_gui_thread(maker, tmp_path, monkeypatch):
    threads = []

    def cut_and_note(*arguments):
        threads.append(threading.get_ident())
        return cut_chip(*arguments)

    monkeypatch.setattr(preview_module, "cut_chip", cut_and_note)
    layer = layer_of(write_raster(tmp_path / "scene.tif", noise()))
    source = ImageSource.of_raster(layer, view_of([], UTM, 300, 300, 10.0))
    maker.start([(0, source), (1, source)], wide_aoi(), GEOMETRY)
    maker.wait()
    assert len(threads) == 2
    assert threading.get_ident() not in threads


def test_a_new_order_ends_the_one_before(maker, layers, qtbot):
    for _ in range(5):
        maker.start([(0, shown(layers)), (1, shown(layers))], area(), GEOMETRY)
        qtbot.wait(5)
    maker.told.clear()
    maker.start([(3, shown(layers[1:]))], area(), GEOMETRY)
    maker.wait()
    qtbot.wait(200)
    assert [position for position, _ in maker.told] == [3]
    assert not is_target(pixels_of(maker.told[0][1].made.chip.png)).any()


@pytest.mark.parametrize("kind", ["as shown", "training grade"])
def test_nothing_is_told_of_an_order_that_was_given_up(maker, layers, tmp_path, qtbot, kind):
    source = shown(layers)
    if kind == "training grade":
        source = ImageSource.of_raster(layer_of(write_raster(tmp_path / "scene.tif", noise())), source.view)
    for pause_ms in (0, 1, 20):
        maker.start([(0, source), (1, source)], wide_aoi(), GEOMETRY)
        qtbot.wait(pause_ms)
        told = len(maker.told)
        maker.give_up()
        assert not maker.is_busy
        qtbot.wait(150)
        assert len(maker.told) == told


def test_a_listener_may_give_a_new_order(maker, layers):
    def again(position, _preview):
        if position == 0:
            maker.start([(7, shown(layers))], area(), GEOMETRY)

    maker.made.connect(again)
    maker.start([(0, shown(layers)), (1, shown(layers))], area(), GEOMETRY)
    maker.wait()
    assert [position for position, _ in maker.told] == [0, 7]
    assert not any(isinstance(preview, ChipError) for _, preview in maker.told)
