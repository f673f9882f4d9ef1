"""Map -> chip -> worker -> layer with lspace-mini, which sees: its boxes fall on what they name.

The scene was kept out of its training. An axis that is flipped, shifted or swapped on the way fails here.
"""

from __future__ import annotations

from statistics import fmean

import numpy as np
import pytest

pytest.importorskip("qgis.core")

from lspace.gis.aoi import Aoi
from lspace.gis.runs.run_order import RunOrder
from lspace.gis.runs.run_progress import RunOutcome
from lspace.gis.settings import Settings
from osgeo import gdal
from planted import (
    ROOT,
    WORKER_PYTHON,
    crs_of,
    harbour_layer,
    target_layer,
    transformed,
    units_per_metre,
    view_of,
)
from qgis.core import QgsContrastEnhancement, QgsGeometry, QgsPointXY, QgsRasterMinMaxOrigin, QgsRectangle
from qgis.PyQt.QtGui import QColor

SETTINGS = Settings(interpreter=WORKER_PYTHON)
SIDE_PX, M_PER_PX = 224, 1280 / 224
WEB = crs_of("EPSG:3857")
VIEWS = [("EPSG:3857", 0), ("EPSG:32604", 0), ("EPSG:4326", 0), ("EPSG:3857", 90), ("EPSG:32604", 217)]
# right and up of the view's middle, width and height, in metres along its sides; each in a corner of its own
BARS = ((-330, 300, 240, 70), (350, 260, 80, 230), (280, -340, 260, 90), (-300, -260, 90, 190))
# middles of views with water at the top, at the lower right, at the upper left: right and up of the harbour's
SHORES = ((-960, 1300), (-1290, 800), (660, 850))


def view_at(layers, crs, rotation, right_m=0.0, up_m=0.0):
    view = view_of(layers, crs, SIDE_PX, SIDE_PX, M_PER_PX, rotation)
    scale, extent = units_per_metre(crs), view.extent()
    middle = QgsPointXY(extent.center().x() + right_m * scale, extent.center().y() + up_m * scale)
    view.setExtent(QgsRectangle.fromCenterAndSize(middle, extent.width(), extent.height()))
    return view


def detect(runner, complete, view, target):
    end = complete(runner, RunOrder(Aoi.from_view(view), view, "detect", (target,)), SETTINGS)
    assert end.outcome is RunOutcome.FINISHED, end.error
    if end.proposals is None:
        return []
    return [feature.geometry() for feature in end.proposals.getFeatures()]


def in_view(view, column, row):
    """The map's point under a pixel of the view."""
    return view.mapToPixel().toMapCoordinatesF(column, row)


def bar_in(view, right_m, up_m, width_m, height_m):
    """A bar upright in the view, wherever the map is turned to."""
    middle = SIDE_PX / 2
    left, right = (middle + (right_m + side * width_m / 2) / M_PER_PX for side in (-1, 1))
    top, bottom = (middle - (up_m - side * height_m / 2) / M_PER_PX for side in (-1, 1))
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return QgsGeometry.fromPolygonXY([[in_view(view, *corner) for corner in corners]])


def iou(one, other):
    common = one.intersection(other).area()
    return common / (one.area() + other.area() - common)


def best_iou(boxes, bar):
    return max((iou(box, bar) for box in boxes), default=0.0)


@pytest.mark.parametrize(("name", "rotation"), VIEWS)
def test_a_bright_bar_on_the_map_is_found_where_it_is(make_runner, complete, name, rotation):
    crs = crs_of(name)
    runner, found, mirrored = make_runner(None), [], []
    for bar in BARS:
        empty = view_at([], crs, rotation)
        truth = bar_in(empty, *bar)
        layer, harbour = target_layer([truth], crs, colour="255,255,255,255"), harbour_layer()
        harbour.renderer().setOpacity(0.6)  # nothing else is as bright
        view = view_at([layer, harbour], crs, rotation)
        view.setBackgroundColor(QColor("black"))
        boxes = detect(runner, complete, view, "vessel candidate")
        found.append(best_iou(boxes, truth))
        mirrored.append(best_iou(boxes, bar_in(view, -bar[0], bar[1], *bar[2:])))
    assert fmean(found) > 0.5, found
    assert min(found) > 0.2, found
    assert fmean(mirrored) < 0.2, mirrored


def stretched_harbour():
    """As an analyst brightens a dark image: 2 to 98 percent of its values over the whole scale."""
    layer = harbour_layer()
    layer.setContrastEnhancement(
        QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum,
        QgsRasterMinMaxOrigin.Limits.CumulativeCut,
    )
    return layer


def cover_at(points):
    """Classes of the truth raster (1 water) at points in EPSG:3857; 0 outside."""
    dataset = gdal.Open(str(ROOT / "tests" / "data" / "honolulu_cover.tif"))
    left, width, _, top, _, height = dataset.GetGeoTransform()
    classes = dataset.ReadAsArray()
    columns = ((points[:, 0] - left) / width).astype(int)
    rows = ((points[:, 1] - top) / height).astype(int)
    inside = (columns >= 0) & (rows >= 0) & (rows < classes.shape[0]) & (columns < classes.shape[1])
    found = np.zeros(len(points), int)
    found[inside] = classes[rows[inside], columns[inside]]
    return found


def test_boxes_of_water_hold_the_water_and_turned_over_they_do_not(make_runner, complete):
    runner, agreements = make_runner(None), []
    steps = np.arange(2, SIDE_PX, 6)
    for name, rotation in VIEWS:
        crs = crs_of(name)
        for right_m, up_m in SHORES:
            view = view_at([stretched_harbour()], crs, rotation, right_m, up_m)
            boxes = QgsGeometry.unaryUnion(detect(runner, complete, view, "water"))
            points = [QgsGeometry.fromPointXY(in_view(view, x, y)) for y in steps for x in steps]
            on_web = [transformed(point, crs, WEB).asPoint() for point in points]
            is_water = cover_at(np.array([(point.x(), point.y()) for point in on_web])) == 1
            boxed = np.array([boxes.contains(point) for point in points]).reshape(len(steps), -1)
            # flipped, swapped, and the whole frame
            faults = boxed[:, ::-1], boxed[::-1], boxed.T, np.ones_like(boxed)
            agreements.append([agreement(is_water, found.ravel()) for found in (boxed, *faults)])
    right, *wrong = np.mean(agreements, axis=0)
    assert right > 0.6, agreements
    assert max(wrong) < right - 0.1, wrong


def agreement(truth, found):
    """F1 of the points."""
    return 2 * (truth & found).sum() / max(1, truth.sum() + found.sum())


def test_the_caption_names_the_waters_share(make_runner, complete):
    view = view_at([stretched_harbour()], WEB, 0, *SHORES[2])
    runner = make_runner(None)
    end = complete(runner, RunOrder(Aoi.from_view(view), view, "caption", ()), SETTINGS)
    assert end.caption.startswith("This satellite imagery is dominated by ")
    assert "water (~" in end.caption
