"""Pictures cut for N2-Eye, against CLIP's image processor of transformers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from lspace.model_backend.inference.squares import SquareCutter, cutter_of
from PIL import Image
from transformers import CLIPImageProcessorPil

STD = np.array([0.26862954, 0.26130258, 0.27577711])
SIZES = [(224, 224), (512, 512), (100, 100), (300, 500), (501, 333), (1000, 224), (97, 640), (225, 224)]


def smooth(width, height):
    """Noise and slopes, so that resampling and its rounding are seen."""
    rng = np.random.default_rng(width)
    slope = np.linspace(0, 160, width)[None, :, None] + np.linspace(0, 60, height)[:, None, None]
    return Image.fromarray((slope + rng.integers(0, 36, (height, width, 3))).astype(np.uint8))


def whole(patches):
    """(channels, rows, columns) again."""
    rows, columns = patches.grid
    side = round((patches.pixels.shape[1] // 3) ** 0.5)
    blocks = patches.pixels.reshape(rows, columns, side, side, 3)
    return blocks.transpose(4, 0, 2, 1, 3).reshape(3, rows * side, columns * side)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_pixels_are_those_of_clips_processor_within_a_grey_level(tiny_eye, size):
    patches = cutter_of(tiny_eye).cut(smooth(*size))
    expected = CLIPImageProcessorPil()(smooth(*size), return_tensors="np")["pixel_values"][0]
    assert (patches.grid, patches.tokens, patches.pixels.shape) == ((7, 7), 49, (49, 3072))
    grey_levels = np.abs(whole(patches) - expected) * STD[:, None, None] * 255
    assert grey_levels.max() <= 1.001


@pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
def test_other_modes_are_read_as_rgb(tiny_eye, mode):
    cutter, picture = cutter_of(tiny_eye), smooth(300, 260).convert(mode)
    np.testing.assert_array_equal(cutter.cut(picture).pixels, cutter.cut(picture.convert("RGB")).pixels)


def test_what_lies_beside_the_square_in_the_middle_is_not_seen(tiny_eye):
    picture, other = smooth(672, 224), smooth(672, 224)
    other.paste((255, 0, 0), (0, 0, 200, 224))
    cutter = cutter_of(tiny_eye)
    np.testing.assert_array_equal(cutter.cut(picture).pixels, cutter.cut(other).pixels)


def test_a_checkpoints_own_mean_and_deviation_count(broken_eye):
    settings = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25]}
    (broken_eye / "preprocessor_config.json").write_text(json.dumps(settings))
    pixels = SquareCutter.read(broken_eye).cut(Image.new("RGB", (224, 224), (255, 255, 0))).pixels
    np.testing.assert_allclose(pixels.reshape(-1, 3)[0], [2, 2, -2], atol=1e-6)


def test_the_tokens_of_a_picture_are_as_many_as_the_chosen_vectors(eyes):
    counts = {features: cutter_of(folder).cut(smooth(224, 224)).tokens for features, folder in eyes.items()}
    assert counts == {"patches": 49, "all": 50, "pooled": 1}
