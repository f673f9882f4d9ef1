"""The processor without torchvision against transformers' own, which needs it.

``tests/data/image_processor_reference.json`` holds what transformers' ``Lfm2VlImageProcessor`` made of the
pictures below. To make it anew, install the reference beside the environment, without its dependencies::

    pip install --no-deps --target .venv/torchvision torchvision==0.28.0
    python tests/model_backend/inference/test_image_processor.py .venv/torchvision \
        > tests/data/image_processor_reference.json
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
FROZEN = ROOT / "tests" / "data" / "image_processor_reference.json"
TORCHVISION = ROOT / ".venv" / "torchvision"
SAMPLES = 40
GREY_LEVEL = 1 / 127.5
SETTINGS = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "return_row_col_info": True}

# width, height: views, image tokens with splitting, columns, rows
SIZES = {
    (64, 64): (1, 64, 1, 1),
    (224, 224): (1, 64, 1, 1),
    (256, 256): (1, 64, 1, 1),
    (384, 384): (1, 144, 1, 1),
    (512, 512): (1, 256, 1, 1),
    (513, 513): (1, 256, 1, 1),
    (640, 640): (1, 256, 1, 1),
    (300, 200): (1, 70, 1, 1),
    (720, 720): (1, 256, 1, 1),
    (721, 721): (5, 1280, 2, 2),
    (1087, 1087): (10, 2560, 3, 3),
    (1000, 600): (7, 1776, 3, 2),
    (600, 1000): (7, 1776, 2, 3),
    (2048, 512): (5, 1280, 4, 1),
}
UNTOUCHED = [(256, 256), (384, 384), (512, 512)]


def picture(width: int, height: int) -> Image.Image:
    """A slope to the right, a slope downwards, and a texture, from whole numbers only."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    bands = [x * 255 // width, y * 255 // height, (x * y + 7 * x + 13 * y) % 256]
    return Image.fromarray(np.stack(bands, axis=-1).astype(np.uint8))


def facts(features) -> dict:
    """Shapes, and values picked evenly from each view's real patches."""
    values, mask = np.asarray(features["pixel_values"]), np.asarray(features["pixel_attention_mask"])
    views = [view[real.astype(bool)] for view, real in zip(values, mask, strict=True)]
    picks = [np.linspace(0, view.size - 1, SAMPLES).astype(int) for view in views]
    return {
        "patches": [list(view.shape) for view in views],
        "spatial_shapes": np.asarray(features["spatial_shapes"]).tolist(),
        "rows_columns": [int(features["image_rows"][0]), int(features["image_cols"][0])],
        "image_size": [int(side) for side in features["image_sizes"][0]],
        "means": [float(view.mean(dtype=np.float64)) for view in views],
        "values": [[float(v) for v in view.ravel()[pick]] for view, pick in zip(views, picks, strict=True)],
    }


def reference_facts(torchvision: str) -> dict:
    """The same from transformers' processor; for a process of its own."""
    sys.path.insert(0, torchvision)
    import torch

    # the wheel is built for CUDA: without these its import fails on a CPU build of torch
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from transformers.models.lfm2_vl.image_processing_lfm2_vl import Lfm2VlImageProcessor

    reference = Lfm2VlImageProcessor(**SETTINGS)
    return {f"{w}x{h}": facts(reference([picture(w, h)], return_tensors="pt")) for w, h in SIZES}


if __name__ == "__main__":
    print(json.dumps(reference_facts(sys.argv[1])))
    sys.exit()


@pytest.fixture(scope="module")
def processor():
    from lfm2_vl_processor import Lfm2VlImageProcessorPil

    return Lfm2VlImageProcessorPil(**SETTINGS)


@pytest.fixture(scope="module")
def ours(processor):
    return {size: facts(processor([picture(*size)], return_tensors="pt")) for size in SIZES}


@pytest.fixture(scope="module")
def frozen():
    return json.loads(FROZEN.read_text())


@pytest.mark.skipif(
    not TORCHVISION.is_dir(), reason=f"no torchvision in {TORCHVISION}: see the module's text"
)
def test_frozen_numbers_are_what_transformers_makes_today(frozen):
    command = [sys.executable, __file__, str(TORCHVISION)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    assert json.loads(printed) == frozen


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_views_and_shapes_are_those_of_the_reference(size, ours, frozen):
    theirs = frozen["{}x{}".format(*size)]
    for key in ("patches", "spatial_shapes", "rows_columns", "image_size"):
        assert ours[size][key] == theirs[key]


@pytest.mark.parametrize("size", UNTOUCHED, ids=str)
def test_a_picture_that_is_not_resized_gives_the_same_numbers_to_the_bit(size, ours, frozen):
    assert ours[size]["values"] == frozen["{}x{}".format(*size)]["values"]


@pytest.mark.parametrize("size", [size for size in SIZES if size not in UNTOUCHED], ids=str)
def test_a_resized_picture_differs_by_two_grey_levels_at_most(size, ours, frozen):
    theirs = frozen["{}x{}".format(*size)]
    np.testing.assert_allclose(ours[size]["values"], theirs["values"], atol=2.01 * GREY_LEVEL)
    np.testing.assert_allclose(ours[size]["means"], theirs["means"], atol=0.05 * GREY_LEVEL)


@pytest.mark.parametrize(("size", "expected"), SIZES.items(), ids=str)
def test_chip_sizes_cost_the_known_number_of_views_and_tokens(size, expected, ours):
    views, tokens, columns, rows = expected
    patches = [count for count, _values in ours[size]["patches"]]
    assert (len(patches), sum(patches)) == (views, 4 * tokens)
    assert ours[size]["rows_columns"] == [rows, columns]


def test_without_splitting_a_large_picture_is_one_view_of_at_most_256_tokens(processor):
    features = processor([picture(2048, 1024)], return_tensors="pt", do_image_splitting=False)
    assert len(features["pixel_values"]) == 1
    assert int(features["pixel_attention_mask"].sum()) <= 4 * 256


def test_views_are_padded_to_the_longest_of_the_call_only(processor):
    features = processor([picture(256, 256), picture(384, 384)], return_tensors="pt")
    assert features["pixel_values"].shape == (2, 576, 768)
    assert features["pixel_attention_mask"].sum(dim=1).tolist() == [256, 576]
    assert not features["pixel_values"][0, 256:].any()


def test_patches_run_row_by_row_and_hold_their_pixels_channels_last(processor):
    pixels = np.zeros((256, 256, 3), dtype=np.uint8)
    pixels[0, 17] = (255, 0, 255)  # second patch of the first row, second pixel
    pixels[16, 0] = (0, 255, 0)  # first patch of the second row, first pixel
    values = processor([Image.fromarray(pixels)], return_tensors="pt")["pixel_values"][0]
    assert values[1, 3:6].tolist() == [1.0, -1.0, 1.0]
    assert values[16, 0:3].tolist() == [-1.0, 1.0, -1.0]
    assert int((values > 0).sum()) == 3


def test_a_grey_picture_reads_as_rgb(processor):
    grey = picture(256, 256).convert("L")
    values = [
        processor([image], return_tensors="pt")["pixel_values"] for image in (grey, grey.convert("RGB"))
    ]
    assert values[0].equal(values[1])
