"""All training-grade chips of a run: off the GUI thread, told once, given up between two squares."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.aoi import Aoi
from lspace.gis.errors import AoiTooLarge, BlankChip, ChipError, MixedImages, SourceUnreadable
from lspace.gis.imaging.image_source import ImageSource
from lspace.gis.imaging.raster_source import RasterSource
from lspace.gis.imaging.training_chips import cut_chip
from lspace.gis.runs import chip_maker
from lspace.gis.runs.chip_maker import ChipMaker
from lspace.gis.runs.run_order import RunOrder
from planted import harbour_in, view_of
from qgis.core import QgsGeometry, QgsRectangle
from written import GEOMETRY, UTM, layer_of, noise, write_raster


@pytest.fixture
def make_all(qtbot):
    def make(aoi, *sources):
        maker, told = ChipMaker(order_of(aoi, *sources), GEOMETRY), []
        maker.made.connect(told.append)
        maker.failed.connect(told.append)
        maker.start()
        qtbot.waitUntil(lambda: bool(told), timeout=20_000)
        if isinstance(told[0], ChipError):
            raise told[0]
        return told[0]

    return make


def order_of(aoi, *sources):
    view = view_of([], UTM, 300, 300, 10.0)
    return RunOrder(aoi, view, "detect", images=tuple(ImageSource("", view, raster) for raster in sources))


@pytest.fixture
def watched(monkeypatch):
    """The threads in which chips were cut, one entry a square."""
    threads = []

    def cut_and_note(*arguments):
        threads.append(threading.get_ident())
        return cut_chip(*arguments)

    monkeypatch.setattr(chip_maker, "cut_chip", cut_and_note)
    return threads


def wide_aoi(width=6900, height=6100):
    return Aoi(QgsGeometry.fromRect(QgsRectangle.fromCenterAndSize(harbour_in(UTM), width, height)), UTM)


def test_the_squares_are_cut_off_the_gui_thread(tmp_path, make_all, watched):
    source = RasterSource.from_layer(layer_of(write_raster(tmp_path / "scene.tif", noise())))
    places = make_all(wide_aoi(), source)
    assert len(places) == len(watched) == 4
    assert threading.get_ident() not in watched
    assert len({place.placed.chip_id for place in places}) == 4


def test_a_pair_has_both_chips_of_each_square_the_earlier_first(tmp_path, make_all):
    grids = {"before": noise(), "after": noise()[::-1].copy()}
    layers = {name: layer_of(write_raster(tmp_path / f"{name}.tif", grid)) for name, grid in grids.items()}
    before, after = (replace(RasterSource.from_layer(layer), name=name) for name, layer in layers.items())
    places = make_all(wide_aoi(), before, after)
    assert len(places) == 4
    for place in places:
        first, last = (made.chip for made in place.chips)
        assert (first.sources, last.sources) == (("before",), ("after",))
        assert first.transform == last.transform
        assert place.placed is last


def test_images_of_two_kinds_are_refused(qtbot, tmp_path):
    source = RasterSource.from_layer(layer_of(write_raster(tmp_path / "scene.tif", noise())))
    view, told = view_of([], UTM, 300, 300, 10.0), []
    images = (ImageSource("drawn", view), ImageSource("cut", view, source))
    maker = ChipMaker(RunOrder(wide_aoi(), view, "flood", images=images), GEOMETRY)
    maker.failed.connect(told.append)
    maker.start()
    assert [type(error) for error in told] == [MixedImages]


def test_a_date_that_the_user_gave_goes_with_the_chip(tmp_path, qtbot):
    source = RasterSource.from_layer(layer_of(write_raster(tmp_path / "scene.tif", noise())))
    view, told = view_of([], UTM, 300, 300, 10.0), []
    image = ImageSource("cut", view, source, date="2023-07-01")
    maker = ChipMaker(RunOrder(wide_aoi(), view, "caption", images=(image,)), GEOMETRY)
    maker.made.connect(told.append)
    maker.start()
    qtbot.waitUntil(lambda: bool(told), timeout=20_000)
    assert {place.placed.date for place in told[0]} == {"2023-07-01"}


def test_squares_without_data_are_left_out(tmp_path, make_all):
    source = RasterSource.from_layer(layer_of(write_raster(tmp_path / "scene.tif", noise())))
    assert 4 <= len(make_all(wide_aoi(40_000, 6000), source)) < 10
    far = Aoi(QgsGeometry.fromRect(QgsRectangle(300_000, 2_000_000, 309_000, 2_009_000)), UTM)
    with pytest.raises(BlankChip):
        make_all(far, source)


def test_a_broken_source_is_told_once_for_all_squares(tmp_path, make_all, watched):
    path = write_raster(tmp_path / "scene.tif", noise())
    source = RasterSource.from_layer(layer_of(path))
    path.unlink()
    with pytest.raises(SourceUnreadable):
        make_all(wide_aoi(), source)
    assert len(watched) == 1


def test_too_large_an_area_is_told_at_once(make_all):
    with pytest.raises(AoiTooLarge):
        make_all(wide_aoi(90_000, 90_000), RasterSource("", "", (), "", (1, 2, 3), None))


def test_giving_up_stops_between_two_squares(tmp_path, qtbot, monkeypatch):
    source = RasterSource.from_layer(layer_of(write_raster(tmp_path / "scene.tif", noise())))
    cutting, go_on, cut_squares = threading.Event(), threading.Event(), []

    def cut_slowly(raster, square, geometry):
        cut_squares.append(square)
        cutting.set()
        go_on.wait(10)
        return cut_chip(raster, square, geometry)

    monkeypatch.setattr(chip_maker, "cut_chip", cut_slowly)
    maker, told = ChipMaker(order_of(wide_aoi(), source), GEOMETRY), []
    maker.made.connect(told.append)
    maker.failed.connect(told.append)
    maker.start()
    qtbot.waitUntil(cutting.is_set, timeout=10_000)
    maker.give_up()
    go_on.set()
    qtbot.wait(300)
    assert len(cut_squares) == 1
    assert told == []
