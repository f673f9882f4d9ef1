"""Shared by the tests of ``gis``; without QGIS those skip, so nothing of it is imported up here."""

from __future__ import annotations

import pytest


@pytest.fixture
def make_chip(qtbot):
    """Draws a chip of a view as the plugin does, and raises what it fails with."""
    from lspace.gis.aoi import Aoi
    from lspace.gis.imaging.view_chip import ViewChipJob
    from written import GEOMETRY

    def make(view, aoi=None, geometry=GEOMETRY):
        job = ViewChipJob(view, aoi or Aoi.from_view(view), geometry)
        told = []
        job.made.connect(told.append)
        job.failed.connect(told.append)
        job.start()
        qtbot.waitUntil(lambda: bool(told), timeout=20_000)
        if isinstance(told[0], Exception):
            raise told[0]
        return told[0]

    return make
