# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the map goes to show a proposal."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis")

from lspace.gis.review.close_up import LEAST_PX, SHARE_OF_VIEW, close_up, gentle_move
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsMapSettings,
    QgsProject,
    QgsRectangle,
    QgsVector,
)
from qgis.PyQt.QtCore import QSize
from review_desk import CORNER, SIDE, STEP, UTM30, ids_of, layer_to_review

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

WIDTH, HEIGHT = 800, 400
FIRST = QgsRectangle(CORNER[0], CORNER[1], CORNER[0] + SIDE, CORNER[1] + SIDE)


def view(centre, m_per_px, rotation=0.0, crs=UTM30):
    settings = QgsMapSettings()
    settings.setDestinationCrs(crs)
    settings.setOutputSize(QSize(WIDTH, HEIGHT))
    settings.setExtent(QgsRectangle.fromCenterAndSize(centre, WIDTH * m_per_px, HEIGHT * m_per_px))
    settings.setRotation(rotation)
    return settings


@pytest.mark.parametrize("m_per_px", [0.01, 1, 1000])
def test_a_close_up_shows_the_feature_in_the_middle_with_a_margin(m_per_px):
    layer = layer_to_review()

    extent = close_up(layer, ids_of(layer)[0], view(FIRST.center(), m_per_px))

    assert extent.center().distance(FIRST.center()) < 1e-6
    assert SIDE / extent.height() == pytest.approx(SHARE_OF_VIEW)
    assert extent.width() / extent.height() == pytest.approx(WIDTH / HEIGHT)


@pytest.mark.parametrize("rotation", [0.0, 33.0])
def test_nothing_moves_while_the_feature_is_well_in_sight(rotation):
    layer = layer_to_review()

    assert gentle_move(layer, ids_of(layer)[0], view(FIRST.center(), 1.0, rotation)) is None


def test_a_feature_out_of_sight_is_brought_to_the_middle_at_the_same_scale():
    layer = layer_to_review()

    extent = gentle_move(layer, ids_of(layer)[3], view(FIRST.center(), 1.0))

    assert (extent.width(), extent.height()) == (pytest.approx(WIDTH), pytest.approx(HEIGHT))
    assert extent.center().x() == pytest.approx(FIRST.center().x() + 3 * STEP)


def test_a_corner_of_the_bounding_box_of_a_turned_view_is_not_in_sight():
    layer = layer_to_review()
    bounds = view(FIRST.center(), 1.0, 45.0).visibleExtent()
    off = view(FIRST.center() + QgsVector(0.45 * bounds.width(), 0.45 * bounds.height()), 1.0, 45.0)
    assert off.visibleExtent().contains(FIRST)

    assert gentle_move(layer, ids_of(layer)[0], off) is not None


@pytest.mark.parametrize("m_per_px", [SIDE / (LEAST_PX - 1), SIDE / (HEIGHT + 1)])
def test_a_feature_that_is_too_small_or_too_large_on_the_screen_changes_the_scale(m_per_px):
    layer = layer_to_review()
    settings = view(FIRST.center(), m_per_px)

    assert gentle_move(layer, ids_of(layer)[0], settings) == close_up(layer, ids_of(layer)[0], settings)


def test_the_map_may_have_another_crs():
    layer, crs = layer_to_review(), QgsCoordinateReferenceSystem("EPSG:4326")
    to_degrees = QgsCoordinateTransform(UTM30, crs, QgsProject.instance())
    expected = to_degrees.transformBoundingBox(FIRST)

    extent = close_up(layer, ids_of(layer)[0], view(expected.center(), 1e-5, crs=crs))

    assert extent.center().distance(expected.center()) < 1e-9
    assert extent.contains(expected)


def test_a_feature_without_a_shape_moves_nothing():
    layer = layer_to_review()
    assert layer.startEditing()
    bare = QgsFeature(layer.fields())
    assert layer.addFeature(bare)

    assert close_up(layer, bare.id(), view(FIRST.center(), 1.0)) is None
    assert gentle_move(layer, bare.id(), view(FIRST.center(), 1.0)) is None
