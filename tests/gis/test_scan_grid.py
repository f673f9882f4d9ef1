"""The grid of a scan: every part of the AOI is in a chip, and what is small is whole in one."""

from __future__ import annotations

import math
import random
import tracemalloc
from itertools import islice

import pytest

pytest.importorskip("qgis.core")

from lspace.gis.aoi import Aoi
from lspace.gis.errors import NoUtmZone
from lspace.gis.scan.grid import ScanGrid
from planted import crs_of
from qgis.core import (
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsGeometry,
    QgsPointXY,
    QgsRectangle,
)
from written import GEOMETRY, SIDE, UTM

LONLAT = crs_of("EPSG:4326")
CONTEXT = QgsCoordinateTransformContext()
PIXEL_M = 10.0
"""Of the training imagery: an outline bent from one CRS to another may be off by less."""
WHOLE_M = 0.2 * SIDE * 0.97
"""What overlap promises to show whole, less the 3 % by which a map is larger than the ground at the worst."""


def grid_over(polygon, crs=LONLAT, **options):
    return ScanGrid.over(Aoi(polygon, crs), GEOMETRY, CONTEXT, **options)


def box(west, south, east, north):
    return QgsGeometry.fromRect(QgsRectangle(west, south, east, north))


def covered(points, polygon, crs):
    """A QgsGeometry of the chips, by zone, and the points (x, y of ``crs``) in that zone."""
    grid = grid_over(polygon, crs)
    for zone in grid.zones:
        to_zone = QgsCoordinateTransform(crs, zone.crs, CONTEXT)
        extents = [cell.square.extent for cell in zone.cells(0)]
        yield extents, [to_zone.transform(QgsPointXY(*point)) for point in points]


def is_seen(points, polygon, crs, margin=PIXEL_M):
    """For each point whether a chip holds it."""
    seen = [False] * len(points)
    for extents, placed in covered(points, polygon, crs):
        for at, point in enumerate(placed):
            seen[at] = seen[at] or any(extent.buffered(margin).contains(point) for extent in extents)
    return seen


def points_in(polygon, dice, count):
    """Of its inside, and its corners."""
    around, points = polygon.boundingBox(), []
    while len(points) < count:
        x = dice.uniform(around.xMinimum(), around.xMaximum())
        y = dice.uniform(around.yMinimum(), around.yMaximum())
        if polygon.contains(QgsPointXY(x, y)):
            points.append((x, y))
    return points + [(vertex.x(), vertex.y()) for vertex in polygon.vertices()]


def star(dice, x, y, radius):
    """A crooked polygon with a hole, and an island."""

    def ring(x, y, low, high):
        spokes = [(2 * math.pi * k / 9, dice.uniform(low, high)) for k in range(9)]
        return [QgsPointXY(x + r * math.cos(a), y + r * math.sin(a)) for a, r in spokes]

    outer, hole = ring(x, y, 0.5 * radius, radius), ring(x, y, 0.1 * radius, 0.3 * radius)
    island = ring(x + 1.4 * radius, y, 0.05 * radius, 0.2 * radius)
    return QgsGeometry.fromPolygonXY([outer, hole]).combine(QgsGeometry.fromPolygonXY([island]))


@pytest.mark.parametrize(("width", "height"), [(100, 100), (5120, 5120), (5119.9, 3), (1, 5120)])
def test_an_aoi_smaller_than_a_chip_lies_in_the_middle_of_one(width, height):
    polygon = box(600_000, 2_360_000, 600_000 + width, 2_360_000 + height)
    (cell,) = grid_over(polygon, UTM).cells()
    assert (cell.index, cell.row, cell.column, cell.square.crs) == (0, 0, 0, UTM)
    assert cell.square.extent.center().distance(polygon.boundingBox().center()) < 1e-3


@pytest.mark.parametrize(
    ("width", "height", "columns", "rows"),
    [(5121, 100, 2, 1), (9216, 9216, 2, 2), (9217, 5120, 3, 1), (5120, 13_312, 1, 3), (21_505, 17_409, 6, 5)],
)
def test_a_larger_aoi_gets_a_grid_from_edge_to_edge(width, height, columns, rows):
    polygon = box(600_000, 2_360_000, 600_000 + width, 2_360_000 + height)
    cells = list(grid_over(polygon, UTM).cells())
    assert [(cell.row, cell.column) for cell in cells] == [
        (r, c) for r in range(rows) for c in range(columns)
    ]
    assert [cell.index for cell in cells] == list(range(columns * rows))
    around = QgsRectangle(cells[0].square.extent)
    for cell in cells:
        around.combineExtentWith(cell.square.extent)
    if columns > 1:
        assert (around.xMinimum(), around.width()) == pytest.approx((600_000, width), abs=1e-3)
    if rows > 1:
        assert (around.yMinimum(), around.height()) == pytest.approx((2_360_000, height), abs=1e-3)
    assert cells[0].square.extent.yMaximum() == pytest.approx(around.yMaximum())


@pytest.mark.parametrize("seed", range(40))
def test_every_part_of_an_awkward_area_is_in_a_chip(seed):
    dice = random.Random(seed)
    name = dice.choice(["EPSG:32604", "EPSG:4326", "EPSG:3857", "custom"])
    scale = 1e-5 if name == "EPSG:4326" else 1.0
    x, y = {"EPSG:32604": (6e5, 2.3e6), "EPSG:4326": (-157, 21), "EPSG:3857": (-1.7e7, 2.4e6)}.get(
        name, (-8e5, 2e5)
    )
    polygon = star(dice, x, y, dice.choice([10, 2000, 6000, 20_000, 40_000]) * scale)
    points = points_in(polygon, dice, 120)
    assert all(is_seen(points, polygon, crs_of(name)))


WIDE = {
    "two zones": box(5.3, 44, 6.9, 44.4).combine(box(-1, 44.1, 8, 44.2)),
    "far north": box(10, 83.7, 24, 83.9),
    "equator": box(17.5, -0.4, 25, 0.3),
    "antimeridian, going on": box(176.5, -17.2, 184.5, -16.9),
    "antimeridian, from the west": box(-184.5, -17.2, -176.5, -16.9),
    "antimeridian, in two": box(176.5, -17.2, 180, -16.9).combine(box(-180, -17.2, -176.5, -16.9)),
}


@pytest.mark.parametrize("name", WIDE)
def test_an_area_of_several_zones_is_in_chips_of_each(name):
    polygon = WIDE[name]
    assert len(grid_over(polygon).zones) >= 2
    points = points_in(polygon, random.Random(name), 400)
    assert all(is_seen(points, polygon, LONLAT))


@pytest.mark.parametrize("name", ["EPSG:3035", "EPSG:3857"])
def test_an_area_of_a_thousand_kilometres_in_metres_is_in_chips_of_each_zone(name):
    crs = crs_of(name)
    x, y = (3.7e6, 2.6e6) if name == "EPSG:3035" else (2e5, 5.8e6)
    band = QgsGeometry.fromWkt(f"POLYGON(({x} {y},{x + 1e6} {y + 2e4},{x + 1e6} {y + 2.4e4},{x} {y + 4e3}))")
    assert len(grid_over(band, crs).zones) >= 2
    assert all(is_seen(points_in(band, random.Random(5), 200), band, crs))


def ring_around(lon, lat):
    """Points on the edge of a disc as large as what is promised to be whole, degrees."""
    turns = [2 * math.pi * k / 24 for k in range(24)]
    radius = WHOLE_M / 2 / 111_320
    step = [(radius * math.sin(a) / math.cos(math.radians(lat)), radius * math.cos(a)) for a in turns]
    return [(lon + east, lat + north) for east, north in step]


@pytest.mark.parametrize("name", ["two zones", "equator", "antimeridian, in two", "antimeridian, going on"])
def test_what_is_no_larger_than_the_overlap_is_whole_in_one_chip_also_between_zones(name):
    dice, polygon = random.Random(name), WIDE[name]
    around = grid_over(polygon).zones
    borders = sorted({round(z.outline.boundingBox().center().x()) for z in around})
    assert len(borders) == len(around)
    seam = {"two zones": 6, "equator": 24}.get(name, 180)
    box_ = polygon.boundingBox()
    south, north = (44.11, 44.19) if name == "two zones" else (box_.yMinimum() + 0.01, box_.yMaximum() - 0.01)
    discs = [ring_around(seam + dice.uniform(-0.02, 0.02), dice.uniform(south, north)) for _ in range(60)]
    whole = [False] * len(discs)
    points = [point for disc in discs for point in disc]
    for extents, placed in covered(points, polygon, LONLAT):
        for at in range(len(discs)):
            disc = placed[at * 24 : at * 24 + 24]
            whole[at] = whole[at] or any(all(extent.contains(p) for p in disc) for extent in extents)
    assert all(whole)


def test_what_is_no_larger_than_the_overlap_is_whole_in_one_chip_within_a_zone():
    dice = random.Random(3)
    polygon = box(600_000, 2_360_000, 630_000, 2_380_000)
    extents = [cell.square.extent for cell in grid_over(polygon, UTM).cells()]
    for _ in range(500):
        x, y = dice.uniform(600_000, 630_000 - 1024), dice.uniform(2_360_000, 2_380_000 - 1024)
        thing = QgsRectangle(x, y, x + 1023.9, y + 1023.9)
        assert any(extent.contains(thing) for extent in extents)


BANDS = {
    "from -180 to 180": box(-180, 10.0, 180, 10.02),
    "from 0 to 360": box(0, 10.0, 360, 10.02),
    "all but a sliver": box(-179.999, 10.0, 179.999, 10.02),
}


@pytest.mark.parametrize("name", BANDS)
def test_an_area_all_around_the_globe_has_no_seam_where_it_begins(name):
    dice, polygon = random.Random(name), BANDS[name]
    zones = grid_over(polygon).zones
    assert len(zones) == 60
    seam = polygon.boundingBox().xMinimum()
    discs = [ring_around(seam + dice.uniform(-0.004, 0.004), 10.01) for _ in range(20)]
    whole = [False] * len(discs)
    for zone in (zones[0], zones[-1]):
        to_zone = QgsCoordinateTransform(LONLAT, zone.crs, CONTEXT)
        extents = [cell.square.extent for cell in zone.cells(0)]
        for at, disc in enumerate(discs):
            placed = [to_zone.transform(QgsPointXY(*point)) for point in disc]
            whole[at] = whole[at] or any(all(extent.contains(p) for p in placed) for extent in extents)
    assert all(whole)


@pytest.mark.parametrize("name", ["antimeridian, in two", "two zones"])
def test_a_chip_that_does_not_touch_the_area_is_not_made(name):
    cells = list(grid_over(WIDE[name]).cells())
    zones = grid_over(WIDE[name]).zones
    for zone in zones:
        mine = [cell for cell in cells if cell.square.crs == zone.crs]
        assert mine
        assert all(zone.outline.intersects(cell.square.extent) for cell in mine)


def test_of_islands_in_an_ocean_only_the_islands_are_looked_at():
    islands = box(0.1, 0.1, 0.11, 0.11).combine(box(30.1, 20.1, 30.11, 20.11))
    grid = grid_over(islands)
    assert [(cell.square.crs.authid()) for cell in grid.cells()] == ["EPSG:32631", "EPSG:32636"]


def test_an_area_no_wider_than_a_zone_lies_in_the_zone_of_its_middle():
    (zone,) = grid_over(box(4, 44, 9.9, 44.1)).zones
    assert zone.crs.authid() == "EPSG:32632"


@pytest.mark.parametrize("name", WIDE)
def test_a_grid_goes_on_from_any_index(name):
    grid = grid_over(WIDE[name])
    cells = list(grid.cells())
    indices = [cell.index for cell in cells]
    assert indices == sorted(set(indices))
    assert indices[-1] < grid.size
    for start in (0, 1, indices[len(indices) // 3] + 1, indices[-1], indices[-1] + 1):
        again = grid_over(WIDE[name]).cells(start)
        assert list(again) == [cell for cell in cells if cell.index >= start]


def test_chips_are_made_one_at_a_time_whatever_their_number():
    grid = grid_over(box(-180, -60, 180, 70))
    assert grid.size > 30_000_000
    cells = grid.cells(5_000_000)
    next(cells)
    tracemalloc.start()
    assert len({cell.index % 7 for cell in islice(cells, 20_000)}) == 7
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000


@pytest.mark.parametrize(
    "polygon",
    [box(0, 84.5, 0.1, 84.6), box(0, -80.6, 0.1, -80.5), box(-180, -90, 180, 90), box(0, 60, 40, 86)],
    ids=["north", "south", "world", "half"],
)
def test_near_the_poles_there_is_no_grid(polygon):
    with pytest.raises(NoUtmZone):
        grid_over(polygon)


def test_around_the_pole_there_is_no_grid():
    with pytest.raises(NoUtmZone):
        grid_over(QgsGeometry.fromPointXY(QgsPointXY(0, 0)).buffer(2e6, 16), crs_of("EPSG:3413"))
