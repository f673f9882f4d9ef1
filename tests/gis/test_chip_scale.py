"""As-shown chips at the scale of the map: layers come and go as on the canvas, symbols keep their size."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.aoi import Aoi
from lspace.gis.imaging.view_chip import chip_settings
from planted import (
    crs_of,
    harbour_in,
    harbour_layer,
    is_target,
    pixels_of,
    square_at,
    target_layer,
    transformed,
    units_per_metre,
    view_of,
)
from qgis.core import (
    QgsFeature,
    QgsFillSymbol,
    QgsGeometry,
    QgsMarkerSymbol,
    QgsPointXY,
    QgsRectangle,
    QgsSingleSymbolRenderer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from written import GEOMETRY

WEB = crs_of("EPSG:3857")


def shapes_seen(make_chip, layer, view, aoi=None):
    return is_target(pixels_of(make_chip(view, aoi).chip.png)).any()


@pytest.mark.parametrize("size_px", [(200, 150), (500, 500), (1900, 1000)], ids=["small", "same", "large"])
@pytest.mark.parametrize("crs_name", ["EPSG:3857", "EPSG:4326", "EPSG:32604"])
def test_what_is_visible_at_the_maps_scale_is_in_the_chip_and_nothing_else(make_chip, crs_name, size_px):
    crs = crs_of(crs_name)
    layer = target_layer([square_at(crs, 0, 0, 500)], crs)
    view = view_of([layer, harbour_layer()], crs, *size_px, 6.0)
    layer.setScaleBasedVisibility(True)
    layer.setMinimumScale(view.scale() * 1.05)
    layer.setMaximumScale(view.scale() * 0.95)
    assert shapes_seen(make_chip, layer, view)
    layer.setMaximumScale(view.scale() * 1.02)
    assert not shapes_seen(make_chip, layer, view)
    layer.setMinimumScale(view.scale() * 0.98)
    layer.setMaximumScale(0)
    assert not shapes_seen(make_chip, layer, view)


def test_a_small_rectangle_of_a_large_map_keeps_the_maps_scale(make_chip):
    layer = target_layer([square_at(WEB, 0, 0, 100)], WEB)
    view = view_of([layer, harbour_layer()], WEB, 1600, 900, 6.0)
    layer.setScaleBasedVisibility(True)
    layer.setMinimumScale(view.scale() * 1.05)
    layer.setMaximumScale(view.scale() * 0.95)
    aoi = Aoi(square_at(WEB, 0, 0, 800), WEB)
    assert shapes_seen(make_chip, layer, view, aoi)


def test_an_area_in_another_crs_than_the_maps_keeps_the_maps_scale():
    view = view_of([], WEB, 800, 600, 6.0)
    lonlat = crs_of("EPSG:4326")
    aoi = Aoi(transformed(square_at(WEB, 0, 0, 1500), WEB, lonlat), lonlat)
    assert chip_settings(view, aoi, GEOMETRY).scale() == pytest.approx(view.scale(), rel=1e-6)


def marked(size_mm, at=(0, 0)):
    """A square mark whose size is in millimetres on the screen."""
    layer = QgsVectorLayer("Point", "marks", "memory")
    layer.setCrs(WEB)
    feature = QgsFeature()
    middle, scale = harbour_in(WEB), units_per_metre(WEB)
    point = QgsPointXY(middle.x() + at[0] * scale, middle.y() + at[1] * scale)
    feature.setGeometry(QgsGeometry.fromPointXY(point))
    assert layer.dataProvider().addFeature(feature)
    symbol = {"name": "square", "color": "255,0,255,255", "outline_style": "no", "size": str(size_mm)}
    layer.setRenderer(QgsSingleSymbolRenderer(QgsMarkerSymbol.createSimple(symbol)))
    return layer


@pytest.mark.parametrize("size_px", [(256, 256), (512, 512), (1536, 1024)], ids=["small", "same", "large"])
def test_marks_keep_their_size_on_the_ground_as_the_map_shows_them(make_chip, size_px):
    view = view_of([marked(20), harbour_layer()], WEB, *size_px, 6.0)
    chip = make_chip(view).chip
    shown_px = 20 / 25.4 * view.outputDpi()
    expected_px = shown_px * chip.width_px / size_px[0]
    assert is_target(pixels_of(chip.png)).sum() ** 0.5 == pytest.approx(expected_px, abs=1.5)


def test_on_a_dense_screen_the_scale_is_that_of_the_map(make_chip):
    layer = target_layer([square_at(WEB, 0, 0, 500)], WEB)
    view = view_of([layer, harbour_layer()], WEB, 400, 300, 8.0)
    view.setDevicePixelRatio(2.0)
    view.setDpiTarget(192.0)
    layer.setScaleBasedVisibility(True)
    layer.setMinimumScale(view.scale() * 1.05)
    layer.setMaximumScale(view.scale() * 0.95)
    assert shapes_seen(make_chip, layer, view)


def test_lines_keep_their_width_in_a_shrunk_map(make_chip):
    layer = target_layer([square_at(WEB, 0, 0, 4000)], WEB)
    outline = {"style": "no", "outline_color": "255,0,255,255", "outline_width": "5"}
    layer.setRenderer(QgsSingleSymbolRenderer(QgsFillSymbol.createSimple(outline)))
    view = view_of([layer, harbour_layer()], WEB, 1024, 1024, 6.0)
    row = is_target(pixels_of(make_chip(view).chip.png))[256]
    assert row.sum() / 2 == pytest.approx(5 / 25.4 * view.outputDpi() / 2, abs=1.5)


def test_the_scale_of_a_map_without_a_size_is_not_asked():
    view = view_of([], WEB, 800, 600, 6.0)
    aoi = Aoi(square_at(WEB, 0, 0, 1500), WEB)
    view.setOutputSize(QSize(0, 0))
    view.setExtent(QgsRectangle())
    settings = chip_settings(view, aoi, GEOMETRY)
    assert settings.hasValidSettings()
    assert settings.outputDpi() == view.outputDpi()


def test_a_model_that_knows_squares_only_sees_a_square_around_the_area():
    view = view_of([], WEB, 800, 600, 6.0)
    wide = QgsGeometry.fromRect(QgsRectangle.fromCenterAndSize(harbour_in(WEB), 2000, 500))
    settings = chip_settings(view, Aoi(wide, WEB), replace(GEOMETRY, as_shown_square=True))
    assert settings.outputSize() == QSize(512, 512)
    extent = settings.extent()
    assert (extent.width(), extent.height()) == pytest.approx((2000, 2000))
    assert extent.center().distance(harbour_in(WEB)) < 1e-6
