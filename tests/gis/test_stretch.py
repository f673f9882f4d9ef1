"""The picture a training-grade chip holds is the one the training code would have made, to the pixel."""

from __future__ import annotations

import numpy as np
import pytest
from lspace.gis.imaging.stretch import downsample, stretch

NATIVE_PX, MODEL_PX = 512, 224


def pillow_bilinear(rgb, side_px):
    pillow = pytest.importorskip("PIL", reason="Pillow is what the result is compared with")
    if int(pillow.__version__.partition(".")[0]) >= 13:
        pytest.skip("Pillow 13 rounds otherwise; the worker's is older (requirements.txt)")
    image = pytest.importorskip("PIL.Image")
    resample = getattr(image, "Resampling", image).BILINEAR
    return np.asarray(image.fromarray(rgb).resize((side_px, side_px), resample))


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def edges(height, width, seed=0):
    """Black and white only: sums at both ends of the range."""
    return np.where(noise(height, width, seed) > 127, 255, 0).astype(np.uint8)


def scene(height, width, seed=0):
    """Smooth slopes with sharp bright marks."""
    rows, columns = np.mgrid[:height, :width]
    waves = np.stack([np.sin(columns / 41 + band) * np.cos(rows / (23 + band)) for band in range(3)], axis=-1)
    picture = (90 + 60 * waves).astype(np.uint8)
    picture[height // 3 : height // 3 + 7, width // 2 : width // 2 + 4] = (255, 250, 240)
    return picture


def trained_stretch(band, low_percent, high_percent):
    """The training code's rule, one pixel at a time, with a percentile worked out by hand."""
    used = sorted(float(value) for value in band.ravel() if np.isfinite(value) and value > 0)
    if not used:
        return np.zeros(band.shape, np.uint8)

    def percentile(percent):
        place = (len(used) - 1) * percent / 100
        below = int(place)
        return used[below] + (place - below) * (used[min(below + 1, len(used) - 1)] - used[below])

    low, high = percentile(low_percent), percentile(high_percent)
    high = high if high > low else low + 1e-6
    grey = [
        0 if np.isnan(value) else int(255 * min(max((float(value) - low) / (high - low), 0), 1))
        for value in band.ravel()
    ]
    return np.array(grey, np.uint8).reshape(band.shape)


@pytest.mark.parametrize("picture", [noise, edges, scene])
def test_a_native_square_shrinks_as_in_training(picture):
    rgb = picture(NATIVE_PX, NATIVE_PX)
    assert (downsample(rgb, MODEL_PX) == pillow_bilinear(rgb, MODEL_PX)).all()


@pytest.mark.parametrize(
    "size",
    [
        (512, 300),
        (301, 517),
        (224, 224),
        (225, 223),
        (223, 448),
        (1024, 1024),
        (100, 37),
        (1, 9),
        (2, 1),
        (1, 1),
    ],
)
@pytest.mark.parametrize("side_px", [1, 31, 224])
def test_any_other_size_is_resized_as_pillow_does(size, side_px):
    for picture in (noise, edges):
        rgb = picture(*size)
        assert (downsample(rgb, side_px) == pillow_bilinear(rgb, side_px)).all()


def test_many_odd_sizes_are_resized_as_pillow_does():
    # no strips: of a picture more than 100 times as high as wide, some releases do the rows first
    sizes = np.random.default_rng(7).integers(8, 400, (60, 3))
    for seed, (height, width, side) in enumerate(sizes.tolist()):
        rgb = noise(height, width, seed)
        assert (downsample(rgb, side) == pillow_bilinear(rgb, side)).all(), (height, width, side)


@pytest.mark.parametrize("grey", [0, 1, 128, 255])
def test_an_even_picture_stays_even(grey):
    rgb = np.full((512, 512, 3), grey, np.uint8)
    assert (downsample(rgb, 224) == grey).all()


def test_a_picture_seen_through_a_transposed_array_is_not_turned():
    planes = np.ascontiguousarray(noise(60, 90).transpose(2, 0, 1))
    assert (downsample(planes.transpose(1, 2, 0), 20) == pillow_bilinear(noise(60, 90), 20)).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_each_band_is_stretched_on_its_own_between_its_percentiles(dtype):
    random = np.random.default_rng(3)
    bands = (random.gamma(2.0, 20, (3, 40, 50)) * [[[1]], [[2]], [[0.5]]]).clip(0, 250).astype(dtype)
    found = stretch(bands, (2, 98))
    for band, grey in zip(bands, found):
        assert (grey == trained_stretch(band, 2, 98)).all()
    assert found.dtype == np.uint8
    assert (found.min(), found.max()) == (0, 255)


def test_zeros_negatives_and_holes_take_no_part_in_the_percentiles_and_are_black():
    random = np.random.default_rng(4)
    band = random.normal(1000, 200, (40, 40))
    spoilt = np.full((1, 60, 60), np.nan)
    spoilt[0, 10:50, 10:50] = band
    spoilt[0, :5], spoilt[0, 55:] = 0, -9999
    (grey,) = stretch(spoilt, (2, 98))
    assert (grey == trained_stretch(spoilt[0], 2, 98)).all()
    assert (grey[10:50, 10:50] == stretch(band[None], (2, 98))[0]).all()
    assert not grey[:10].any()
    assert not grey[50:].any()


def test_an_endless_value_does_not_move_the_percentiles():
    band = np.linspace(1, 100, 400).reshape(20, 20)
    endless, unknown = band.copy(), band.copy()
    endless[0, :2], unknown[0, :2] = (np.inf, -np.inf), np.nan
    assert (stretch(endless[None], (2, 98)) == stretch(unknown[None], (2, 98))).all()


@pytest.mark.parametrize("value", [0, -5, 7, np.nan])
def test_a_band_of_one_value_is_black(value):
    assert not stretch(np.full((3, 8, 8), value, np.float32), (2, 98)).any()


def test_one_band_without_data_leaves_the_others_alone():
    bands = np.random.default_rng(5).uniform(1, 255, (3, 30, 30))
    with_hole = bands.copy()
    with_hole[1] = np.nan
    found = stretch(with_hole, (2, 98))
    assert not found[1].any()
    assert (found[[0, 2]] == stretch(bands, (2, 98))[[0, 2]]).all()


def test_a_few_bright_pixels_on_an_even_ground_are_white_as_in_training():
    band = np.full((100, 100), 3.0)
    band[40:44, 60:64] = 200
    (grey,) = stretch(band[None], (2, 98))
    assert (grey == trained_stretch(band, 2, 98)).all()
    assert (grey == np.where(band > 3, 255, 0)).all()
