# SPDX-License-Identifier: GPL-2.0-or-later
"""Long edges in formats that know only longitude and latitude, by OGR's own reckoning."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis")

from lspace.gis.saving.export_format import ExportFormat
from osgeo import ogr, osr
from proposals import proposals
from saved import save_layer

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

LONLAT = [ExportFormat.GEOJSON, ExportFormat.KML]
PLACES = {"EPSG:32630": (400_000, 4_100_000), "EPSG:3413": (-300_000, -2_000_000), "EPSG:2263": (1e6, 2e5)}
"""In metres, in metres near the pole, and in feet."""
DEGREES = 5e-7
"""About 5 cm; the straight line strays by ten times as much."""


def saved_outline(layer, path, file_format):
    source = ogr.Open(str(save_layer(layer, path, file_format).path))
    feature = source.GetLayer(0).GetNextFeature()
    return feature.GetGeometryRef().Clone()


def points(outline):
    return outline.ExportToWkt().count(",") + 1


def along_the_bottom(corner, side, crs, share):
    """A point of the square's southern edge, in longitude and latitude."""
    systems = [osr.SpatialReference() for _ in range(2)]
    for system, name in zip(systems, (crs, "OGC:CRS84")):
        system.SetFromUserInput(name)
        system.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    point = ogr.Geometry(ogr.wkbPoint)
    point.AddPoint_2D(corner[0] + share * side, corner[1])
    point.Transform(osr.CoordinateTransformation(*systems))
    return point


@pytest.mark.parametrize("file_format", LONLAT)
@pytest.mark.parametrize(("crs", "corner"), PLACES.items())
def test_a_long_edge_follows_its_curve(tmp_path, file_format, crs, corner):
    side = 5_000 if crs != "EPSG:2263" else 16_400
    outline = saved_outline(proposals(1, crs, corner, side), tmp_path / "out", file_format)

    boundary = outline.Boundary()
    for share in (0, 0.1, 0.25, 0.5, 0.77, 1):
        assert along_the_bottom(corner, side, crs, share).Distance(boundary) < DEGREES

    ends = [along_the_bottom(corner, side, crs, share) for share in (0, 1)]
    straight = ogr.Geometry(ogr.wkbLineString)
    for end in ends:
        straight.AddPoint_2D(end.GetX(), end.GetY())
    assert along_the_bottom(corner, side, crs, 0.5).Distance(straight) > 3 * DEGREES


@pytest.mark.parametrize("file_format", LONLAT)
def test_a_short_edge_gets_no_points(tmp_path, file_format):
    outline = saved_outline(proposals(1), tmp_path / "out", file_format)

    assert points(outline) == 5


def test_a_layer_in_degrees_keeps_its_points(tmp_path):
    layer = proposals(1, "EPSG:4326", (-4, 37), 1)

    outline = saved_outline(layer, tmp_path / "out", ExportFormat.GEOJSON)

    assert points(outline) == 5


def test_an_edge_around_the_world_gets_no_millions_of_points(tmp_path):
    layer = proposals(1, "EPSG:3857", (-19_000_000, -19_000_000), 38_000_000)

    outline = saved_outline(layer, tmp_path / "out", ExportFormat.GEOJSON)

    assert points(outline) < 1_100
