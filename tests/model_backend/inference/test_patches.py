"""Patches without transformers against those of the processor that transformers runs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from lfm2_vl_processor import load_processor
from lspace.model_backend.inference.patches import PatchCutter

SIZES = [
    (64, 64),
    (224, 224),
    (256, 256),
    (300, 200),
    (200, 300),
    (384, 384),
    (512, 512),
    (640, 640),
    (2048, 512),
]


def expected(folder, picture):
    features = load_processor(folder).image_processor(
        [picture], return_tensors="np", do_image_splitting=False
    )
    return features["pixel_values"][0], tuple(features["spatial_shapes"][0])


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_patches_are_those_of_the_processor_to_the_bit(tiny, chip, size):
    patches = PatchCutter.read(tiny).cut(chip(1, *size))
    pixels, grid = expected(tiny, chip(1, *size))
    np.testing.assert_array_equal(patches.pixels, pixels)
    assert patches.grid == grid
    assert patches.tokens * 4 == len(pixels)


def test_the_files_own_settings_are_followed(broken, chip):
    file = broken / "processor_config.json"
    config = json.loads(file.read_text())
    config["image_processor"] |= {
        "resample": 3,
        "max_image_tokens": 64,
        "image_mean": [0.4, 0.5, 0.6],
        "image_std": [0.2, 0.3, 0.4],
    }
    file.write_text(json.dumps(config))
    patches = PatchCutter.read(broken).cut(chip(1, 500, 400))
    pixels, grid = expected(broken, chip(1, 500, 400))
    np.testing.assert_array_equal(patches.pixels, pixels)
    assert patches.grid == grid


def test_a_folder_with_the_older_file_alone_is_read_too(broken, chip):
    (broken / "processor_config.json").unlink()
    file = broken / "preprocessor_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"max_image_tokens": 64}))
    assert PatchCutter.read(broken).cut(chip(1, 512, 512)).tokens == 64


def test_a_picture_with_alpha_or_palette_is_read_as_rgb(tiny, chip):
    cutter, palette = PatchCutter.read(tiny), chip().quantize(16)
    for picture in (palette, palette.convert("RGB").convert("RGBA")):
        np.testing.assert_array_equal(cutter.cut(picture).pixels, cutter.cut(palette.convert("RGB")).pixels)
