"""The room on a disk is known before a folder is made."""

from __future__ import annotations

import shutil

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.free_space import free_mb


def test_a_folder_that_is_still_to_be_made_has_the_room_of_the_one_it_comes_into(tmp_path):
    free = shutil.disk_usage(tmp_path).free / 1e6
    assert free_mb(tmp_path / "not" / "there") == pytest.approx(free, abs=500)
