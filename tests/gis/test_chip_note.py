"""What a chip's pixels say: cloud, grey, little data; and that harbours and cities are none of it."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("qgis.core")

from lspace.gis.imaging.chip_note import ChipNoteKind, cloud_share, grey_share, notes_on_pixels
from lspace.gis.imaging.stretch import stretch
from osgeo import gdal
from planted import ROOT

SCENES = [ROOT / "resources" / "demo" / "honolulu.tif", ROOT / "tests" / "data" / "casablanca.tif"]


def pixels(path):
    return gdal.Open(str(path)).ReadAsArray().transpose(1, 2, 0)


def stretched(rgb):
    return stretch(rgb.transpose(2, 0, 1).astype(float), (2, 98)).transpose(1, 2, 0)


def clouded(rgb, share, seed=0):
    """White banks with soft edges and some texture over a share of the scene."""
    rows, columns = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    dice = np.random.default_rng(seed)
    bank = sum(
        np.sin(columns / length + dice.uniform(0, 6)) + np.sin(rows / length + dice.uniform(0, 6))
        for length in (60, 35, 20)
    )
    thickness = np.clip((bank - np.quantile(bank, 1 - share)) * 2 + 0.5, 0, 1)[..., None] * 0.95
    texture = dice.normal(225, 6, (*rgb.shape[:2], 1))
    return np.clip(rgb * (1 - thickness) + texture * thickness, 0, 255).astype(np.uint8)


def kinds(rgb, valid_share=1.0):
    return [note.kind for note in notes_on_pixels(rgb, valid_share)]


@pytest.mark.parametrize("make", [np.asarray, stretched], ids=["as shown", "stretched"])
@pytest.mark.parametrize("path", SCENES, ids=lambda path: path.stem)
def test_a_clear_harbour_has_no_notes_as_a_whole_or_in_parts(path, make):
    rgb = pixels(path)
    assert kinds(make(rgb)) == []
    for top in range(0, rgb.shape[0] - 100, 100):
        for left in range(0, rgb.shape[1] - 100, 100):
            assert kinds(make(rgb[top : top + 100, left : left + 100])) == []


@pytest.mark.parametrize("make", [np.asarray, stretched], ids=["as shown", "stretched"])
@pytest.mark.parametrize("path", SCENES, ids=lambda path: path.stem)
@pytest.mark.parametrize(("share", "is_noted"), [(0.2, False), (0.7, True), (0.95, True)])
def test_a_harbour_that_is_mostly_under_cloud_is_noted(path, share, is_noted, make):
    for seed in range(3):
        rgb = make(clouded(pixels(path), share, seed))
        assert (ChipNoteKind.MOSTLY_CLOUD in kinds(rgb)) is is_noted
        assert cloud_share(rgb) == pytest.approx(share, abs=0.15)


def test_bright_roofs_are_no_cloud_however_many():
    roofs = np.full((200, 200, 3), 60, np.uint8)
    roofs[::6], roofs[:, ::6] = 60, 60
    for offset in range(1, 5):
        roofs[offset::6] = 230
    assert (roofs.min(axis=-1) > 140).mean() > 0.6
    assert kinds(roofs[:, :, :] - np.array([0, 0, 10], np.uint8)) == []


def test_the_share_of_cloud_is_that_of_the_data():
    rgb = np.zeros((200, 200, 3), np.uint8)
    rgb[:40] = (220, 224, 228)
    rgb[40:60] = (30, 60, 40)
    (empty, cloud) = notes_on_pixels(rgb, 0.3)
    assert (empty.kind, empty.subject) == (ChipNoteKind.MOSTLY_EMPTY, "30")
    assert cloud.kind is ChipNoteKind.MOSTLY_CLOUD
    assert 60 <= int(cloud.subject) <= 70


def test_a_picture_without_colour_is_grey_and_one_with_a_little_is_not():
    rgb = pixels(SCENES[0])
    grey = np.repeat(rgb[..., :1], 3, axis=2)
    assert kinds(grey) == [ChipNoteKind.GREY]
    grey[:20, :20] = (200, 30, 30)
    assert grey_share(grey[:100, :100]) == pytest.approx(0.96)
    assert kinds(grey[:100, :100]) == []


def test_a_picture_without_data_has_no_share_of_cloud():
    assert kinds(np.zeros((50, 50, 3), np.uint8), 0.0) == [ChipNoteKind.MOSTLY_EMPTY, ChipNoteKind.GREY]
