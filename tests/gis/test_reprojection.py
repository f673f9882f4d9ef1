"""Geometries in another CRS, and the area at which boxes are cut in the CRS of the results."""

from __future__ import annotations

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.aoi import Aoi
from lspace.gis.errors import CrsUnknown
from lspace.gis.reprojection import reprojected
from lspace.gis.runs.active_run import ActiveRun
from lspace.gis.runs.run_order import RunOrder
from lspace.gis.runs.run_progress import RunOutcome
from lspace.gis.runs.runner import Runner
from lspace.gis.settings import Settings
from lspace.model_backend.contract import load_contracts
from osgeo import osr
from planted import crs_of, harbour_in, harbour_layer, square_at, transformed, view_of
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsRectangle

LSPACE = load_contracts()["lspace"]
NOWHERE = QgsCoordinateReferenceSystem()


def osr_point(x, y, source, target):
    """The same by GDAL, with x east and y north on both sides."""
    systems = [osr.SpatialReference(crs.toWkt()) for crs in (source, target)]
    for system in systems:
        system.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return osr.CoordinateTransformation(*systems).TransformPoint(x, y)[:2]


@pytest.mark.parametrize("target", ["EPSG:3857", "EPSG:32604", "EPSG:3413", "custom"])
def test_a_long_edge_is_bent_as_the_target_crs_asks(target):
    lonlat, crs = crs_of("EPSG:4326"), crs_of(target)
    box = QgsGeometry.fromRect(QgsRectangle(-160, 20, -150, 26))
    ring = reprojected(box, lonlat, crs)
    for lon, lat in ((-155, 20), (-160, 23), (-155, 26), (-150, 23), (-160, 20)):
        x, y = osr_point(lon, lat, lonlat, crs)
        assert ring.distance(QgsGeometry.fromWkt(f"POINT({x} {y})")) < 1


def test_a_geometry_that_is_there_already_is_copied_as_it_is():
    crs = crs_of("custom")
    square = square_at(crs, 0, 0, 100)
    copy = reprojected(square, crs, crs)
    assert copy.asWkt() == square.asWkt()
    copy.translate(5, 5)
    assert copy.asWkt() != square.asWkt()


def test_the_geometry_that_is_given_stays_as_it_is():
    square = square_at(crs_of("EPSG:3857"), 0, 0, 100)
    before = square.asWkt()
    reprojected(square, crs_of("EPSG:3857"), crs_of("EPSG:32604"))
    assert square.asWkt() == before


@pytest.mark.parametrize("pair", [("EPSG:3857", NOWHERE), (NOWHERE, "EPSG:3857")], ids=["to", "from"])
def test_no_crs_is_refused(pair):
    source, target = (crs_of(crs) if isinstance(crs, str) else crs for crs in pair)
    with pytest.raises(CrsUnknown):
        reprojected(QgsGeometry.fromWkt("POINT(0 0)"), source, target)


def test_a_place_that_the_target_does_not_have_is_refused():
    pole = QgsGeometry.fromWkt("POLYGON((0 89, 90 90, 180 91, 0 89))")
    with pytest.raises(CrsUnknown):
        reprojected(pole, crs_of("EPSG:4326"), crs_of("EPSG:3857"))


def test_boxes_are_cut_at_the_area_in_the_crs_of_the_results():
    drawn_on = view_of([], crs_of("EPSG:32604"), 300, 200, 6.0, rotation=30)
    aoi = Aoi.from_view(drawn_on)
    order = RunOrder(aoi, view_of([], crs_of("EPSG:4326"), 300, 200, 6.0), "detect", clip=True)
    run = ActiveRun(order, LSPACE)
    run.place_clip()
    clip = QgsGeometry.fromWkt(run.clip_wkt)
    again = transformed(clip, crs_of("EPSG:4326"), crs_of("EPSG:32604"))
    assert again.symDifference(aoi.polygon).area() < 1e-5 * aoi.polygon.area()
    assert clip.contains(QgsGeometry.fromPointXY(harbour_in(crs_of("EPSG:4326"))))


def test_boxes_are_left_whole_where_not_asked():
    view = view_of([], crs_of("EPSG:4326"), 300, 200, 6.0)
    run = ActiveRun(RunOrder(Aoi.from_view(view), view, "detect"), LSPACE)
    run.place_clip()
    assert run.clip_wkt is None


def test_an_area_without_a_place_in_the_maps_crs_ends_the_run_with_the_reason(qtbot):
    pole = Aoi(QgsGeometry.fromWkt("POLYGON((0 89, 90 90, 180 91, 0 89))"), crs_of("EPSG:4326"))
    view = view_of([harbour_layer()], crs_of("EPSG:3857"), 300, 200, 6.0)
    runner, ends = Runner(), []
    runner.ended.connect(ends.append)
    runner.start(RunOrder(pole, view, "detect", clip=True), Settings(interpreter="", model="any"))
    (end,) = ends
    assert (end.outcome, type(end.error)) == (RunOutcome.FAILED, CrsUnknown)
    assert not runner.is_busy
