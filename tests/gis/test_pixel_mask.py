"""The pixels inside a polygon are those whose centres are, as QGIS itself would say."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("qgis.core")

from lspace.gis.evidence.pixel_mask import Window, centres_inside, rings_of
from qgis.core import QgsGeometry, QgsPointXY, QgsRectangle

WINDOW = Window(3, 5, 40, 30)


def star(points, seed):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * math.pi, points))
    radii = rng.uniform(4, 18, points)
    corners = [QgsPointXY(22 + r * math.cos(a), 19 + r * math.sin(a)) for r, a in zip(radii, angles)]
    return QgsGeometry.fromPolygonXY([corners])


def asked_one_by_one(polygon, window):
    mask = np.zeros((window.height, window.width), bool)
    for row in range(window.height):
        for column in range(window.width):
            centre = QgsPointXY(window.column + column + 0.5, window.row + row + 0.5)
            mask[row, column] = polygon.contains(centre)
    return mask


@pytest.mark.parametrize("seed", range(5))
def test_a_star_holds_the_centres_that_qgis_finds_in_it(seed):
    polygon = star(11, seed)
    expected = asked_one_by_one(polygon, WINDOW)
    assert expected.any()
    assert (centres_inside(rings_of(polygon), WINDOW) == expected).all()


def test_a_hole_and_a_second_part_are_seen():
    polygon = QgsGeometry.fromWkt(
        "MultiPolygon(((4 6, 30 6, 30 30, 4 30, 4 6), (10 10, 20 10, 20 20, 10 20, 10 10)),"
        "((33 8, 40 8, 40 12, 33 12, 33 8)))"
    )
    mask = centres_inside(rings_of(polygon), WINDOW)
    assert (mask == asked_one_by_one(polygon, WINDOW)).all()
    assert mask.sum() == 26 * 24 - 100 + 28


def test_boxes_side_by_side_share_no_pixel_and_leave_none_out():
    masks = [
        centres_inside(rings_of(QgsGeometry.fromRect(QgsRectangle(left, 5, left + 10, 35))), WINDOW)
        for left in (3, 13, 23, 33)
    ]
    assert (np.sum(masks, axis=0) == 1).all()


def test_strips_are_the_window_again():
    strips = list(WINDOW.strips(90))
    assert max(strip.width * strip.height for strip in strips) <= 90
    polygon = rings_of(star(9, 1))
    parts = [centres_inside(polygon, strip) for strip in strips]
    assert (np.concatenate(parts) == centres_inside(polygon, WINDOW)).all()


def test_a_window_ends_where_the_raster_does():
    assert Window.around(QgsRectangle(-3.5, 2.2, 4.1, 99), 50, 60) == (0, 2, 5, 58)
    assert list(Window.around(QgsRectangle(70, 2, 80, 9), 50, 60).strips(100)) == []
    assert list(Window.around(QgsRectangle(2, -9, 8, -1), 50, 60).strips(100)) == []
