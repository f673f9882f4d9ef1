# SPDX-License-Identifier: GPL-2.0-or-later
"""The affine map there and back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lspace.model_backend.errors import GeoreferenceError
from lspace.model_backend.georeference.geotransform import GeoTransform

offsets = st.floats(-2e7, 2e7)
pixels = st.floats(0, 10_000)


@given(
    st.floats(1e-2, 1e4), st.floats(0, 2 * math.pi), st.floats(-0.4, 0.4), offsets, offsets, pixels, pixels
)
def test_pixel_to_map_to_pixel(size, angle, shear, x, y, column, row):
    cos, sin = size * math.cos(angle), size * math.sin(angle)
    transform = GeoTransform(cos, sin + shear * cos, x, sin, -cos + shear * sin, y)
    back = transform.to_pixel(*transform.to_map(column, row))
    assert back == pytest.approx((column, row), abs=1e-5)


def test_corners_define_it():
    transform = GeoTransform.from_corners((100, 200), (140, 230), (70, 240), width_px=10, height_px=20)
    assert transform.to_map(0, 0) == (100, 200)
    assert transform.to_map(10, 0) == pytest.approx((140, 230))
    assert transform.to_map(0, 20) == pytest.approx((70, 240))
    assert transform.determinant == pytest.approx((4 * 2) - (-1.5 * 3))


@pytest.mark.parametrize("values", [(1, 0, 0, 2, 0, 0), (math.nan, 0, 0, 0, 1, 0), (1, 0, math.inf, 0, 1, 0)])
def test_what_has_no_way_back_is_refused(values):
    with pytest.raises(GeoreferenceError):
        GeoTransform(*values)
