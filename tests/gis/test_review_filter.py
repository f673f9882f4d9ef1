# SPDX-License-Identifier: GPL-2.0-or-later
"""What a filter shows, in the table and on the map; and that it hides nothing in a file."""

from __future__ import annotations

from itertools import product

import pytest

pytest.importorskip("qgis")

from lspace.gis.layers import Status
from lspace.gis.review.proposal_row import read_rows
from lspace.gis.review.review import Review
from lspace.gis.review.review_filter import ReviewFilter
from lspace.gis.saving.export_format import ExportFormat
from qgis.core import (
    QgsExpressionContextUtils,
    QgsMapRendererCustomPainterJob,
    QgsMapSettings,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor, QImage, QPainter
from review_desk import ids_of, layer_to_review
from saved import save_layer

pytestmark = pytest.mark.usefixtures("qgis_app", "qgis_new_project")

BACKGROUND = QColor(1, 2, 3)


def drawn_places(layer):
    """Which squares, counted from the west, QGIS draws: by the pixels around each of them."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(layer.dataProvider().extent().buffered(30))
    settings.setOutputSize(QSize(1400, 200))
    settings.setBackgroundColor(BACKGROUND)
    settings.setFlag(QgsMapSettings.Flag.DrawLabeling, False)
    image = QImage(settings.outputSize(), QImage.Format.Format_RGB32)
    painter = QPainter(image)
    QgsMapRendererCustomPainterJob(settings, painter).renderSynchronously()
    painter.end()
    boxes = [layer.getGeometry(fid).boundingBox() for fid in ids_of(layer)]
    edges = [settings.mapToPixel().transform(box.xMinimum(), box.center().y()) for box in boxes]
    return [place for place, at in enumerate(edges) if is_painted(image, round(at.x()), round(at.y()))]


def is_painted(image, x, y):
    around = product(range(x - 3, x + 4), range(y - 8, y + 9))
    return any(image.pixelColor(*at) != BACKGROUND for at in around)


def shown_places(layer, chosen):
    """Which squares, counted from the west, the table shows."""
    rows = read_rows(layer)
    return [place for place, fid in enumerate(ids_of(layer)) if chosen.accepts(rows[fid])]


FILTERS = [
    (ReviewFilter(), [0, 1, 2, 3]),
    (ReviewFilter(least_score=0.35), [0, 1, 2, 3]),
    (ReviewFilter(least_score=0.36), [0, 2, 3]),
    (ReviewFilter(least_score=1.0), [2]),
    (ReviewFilter(label="vessel candidate"), [0, 1]),
    (ReviewFilter(label="vessel"), []),
    (ReviewFilter(status=Status.PENDING), [1, 2, 3]),
    (ReviewFilter(status=Status.ACCEPTED), [0]),
    (ReviewFilter(least_score=0.5, label="vessel candidate", status=Status.REJECTED), []),
]


@pytest.mark.parametrize(("chosen", "places"), FILTERS)
def test_table_and_map_show_the_same(chosen, places):
    layer = layer_to_review()
    Review(layer).accept(ids_of(layer)[:1])  # so it is being edited, too

    chosen.write_to(layer)

    assert shown_places(layer, chosen) == places
    assert drawn_places(layer) == places
    assert ReviewFilter.of(layer) == chosen


def test_no_condition_shows_all_again():
    layer = layer_to_review()
    ReviewFilter(0.9, "water", Status.ACCEPTED).write_to(layer)
    assert drawn_places(layer) == []

    ReviewFilter().write_to(layer)

    assert drawn_places(layer) == [0, 1, 2, 3]


@pytest.mark.parametrize("label", ["it's", 'a "quoted" one', "%@lspace_label", "港", "<b>", "0.50"])
def test_a_label_may_be_any_text(label):
    layer = layer_to_review([(label, 0.5), ("water", 0.5)])

    ReviewFilter(label=label).write_to(layer)

    assert drawn_places(layer) == [0]


def test_the_map_is_drawn_anew_only_when_the_filter_changes():
    layer = layer_to_review()
    repaints = []
    layer.repaintRequested.connect(lambda *_: repaints.append(True))

    for _ in range(2):
        ReviewFilter(label="water").write_to(layer)

    assert len(repaints) == 1


@pytest.mark.parametrize("file_format", ExportFormat)
def test_a_saved_file_shows_what_the_filter_had_hidden(tmp_path, file_format):
    layer = layer_to_review()
    ReviewFilter(0.9, "water", Status.REJECTED).write_to(layer)

    saved = save_layer(layer, tmp_path / "out", file_format)

    again = QgsVectorLayer(saved.uri, "again", "ogr")
    assert again.renderer().type() == "categorizedSymbol"
    assert drawn_places(again) == [0, 1, 2, 3]
    assert ReviewFilter.of(again).shows_all


def test_the_filter_comes_back_with_the_project(tmp_path):
    saved = save_layer(layer_to_review(), tmp_path / "out", ExportFormat.GEOPACKAGE)
    layer = QgsVectorLayer(saved.uri, "kept", "ogr")
    project = QgsProject.instance()
    project.addMapLayer(layer)
    ReviewFilter(0.5, "tree cover").write_to(layer)
    assert project.write(str(tmp_path / "project.qgz"))

    project.clear()
    assert project.read(str(tmp_path / "project.qgz"))

    (again,) = project.mapLayers().values()
    assert ReviewFilter.of(again) == ReviewFilter(0.5, "tree cover")
    assert drawn_places(again) == [3]


def test_a_score_that_the_user_spoilt_is_no_condition():
    layer = layer_to_review()
    QgsExpressionContextUtils.setLayerVariable(layer, "lspace_least_score", "much")

    assert ReviewFilter.of(layer) == ReviewFilter()
